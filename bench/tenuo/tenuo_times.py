"""Times Tenuo's warrants for bench/public-key.ts: one JSON question a line, one answer a line."""

import json
import sys
import time

from tenuo import Authorizer, Pattern, SigningKey, Warrant

SCOPE = {"search": {"path": Pattern("/search/*")}}
key = SigningKey.generate()


def chain(blocks):
    warrants = [Warrant.issue(key, SCOPE, 3600, key.public_key)]
    while len(warrants) < blocks:
        # Each holder is the issuer of the next; one key is as good as several here.
        warrants.append(warrants[-1].attenuate(SCOPE, key, 3000 - len(warrants), key.public_key))
    return [warrant.to_base64() for warrant in warrants]


def verify(texts):
    # Nothing of the round before is known.
    authorizer = Authorizer(trusted_roots=[key.public_key])
    for chain_texts in texts:
        authorizer.verify_chain([Warrant.from_base64(text) for text in chain_texts])


def attenuate(warrants):
    for warrant in warrants:
        warrant.attenuate(SCOPE, key, 3000, key.public_key)


chains = {}
for line in sys.stdin:
    question = json.loads(line)
    blocks, count = question["blocks"], question["count"]
    if blocks not in chains:
        chains[blocks] = [chain(blocks) for _ in range(count)]
    if question["do"] == "verify":
        work, given = verify, chains[blocks]
    else:
        work, given = attenuate, [Warrant.from_base64(texts[-1]) for texts in chains[blocks]]
    start = time.process_time_ns()
    work(given)
    print(json.dumps({"milliseconds": (time.process_time_ns() - start) / 1e6}), flush=True)
