"""What it costs to narrow a held credential, in one run with pymacaroons: microseconds of processor
time, the best of nine rounds. Prints one JSON object.

    python bench/python/attenuation.py     needs clients/python on its path, and pymacaroons
"""

import json
import sys
import time
import timeit
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "clients/python/src"))

import pymacaroons

from l8nt import Credential
from l8nt.l402 import Minter, macaroon_body_of

COUNT, ROUNDS = 4000, 9


def microseconds(work):
    return round(min(timeit.repeat(work, number=COUNT, repeat=ROUNDS, timer=time.process_time)) / COUNT * 1e6, 2)


minter = Minter(secret=bytes(range(32)), location="https://api.example")
minted = minter.mint(endpoints=["GET https://api.example/**"], expires_in="1h", max_uses=5)
held = Credential.parse(minted.text)
macaroon = macaroon_body_of(held).macaroon
theirs = pymacaroons.Macaroon(
    location=macaroon.location,
    identifier=macaroon.identifier.hex(),
    signature=macaroon.signature.hex(),
    version=2,
)
for caveat in macaroon.caveats:
    theirs.caveats.append(pymacaroons.Caveat(caveat_id=caveat, version=2))

narrowed = held.append(["max_uses=1"])
peer = theirs.copy().add_first_party_caveat("max_uses=1")
# The same work, or the comparison says nothing.
assert macaroon_body_of(narrowed).macaroon.signature.hex() == peer.signature

print(
    json.dumps(
        {
            "append one caveat": microseconds(lambda: held.append(["max_uses=1"])),
            "pymacaroons: append one caveat": microseconds(
                lambda: theirs.copy().add_first_party_caveat("max_uses=1")
            ),
            "attenuate(max_uses=1)": microseconds(lambda: held.attenuate(max_uses=1)),
            "delegate(agent, budget, expires_in)": microseconds(
                lambda: held.delegate(agent="booker", budget="50 sat", expires_in="15m")
            ),
            "parse": microseconds(lambda: Credential.parse(minted.text)),
        },
        indent=1,
    )
)
