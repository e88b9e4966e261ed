"""Macaroons of pymacaroons, asked over stdin and stdout: one JSON object a line."""

import json
import sys

from pymacaroons import Macaroon, Verifier

KEY = "the root key of somebody else's service"


def issue(question):
    macaroon = Macaroon(location="lsat", identifier=question["identifier"], key=KEY)
    for caveat in question["caveats"]:
        macaroon.add_first_party_caveat(caveat)
    return {"token": macaroon.serialize()}


def verify(question):
    """Returns the identifier of a macaroon whose signature and caveats hold."""
    macaroon = Macaroon.deserialize(question["token"])
    verifier = Verifier()
    for caveat in question["caveats"]:
        verifier.satisfy_exact(caveat)
    verifier.verify(macaroon, KEY)
    return {"identifier": macaroon.identifier}


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"issue": issue, "verify": verify}[question["do"]](question)
    except Exception as error:  # The other side judges what it means.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
