"""Biscuits of biscuit-python, asked over stdin and stdout: one JSON object a line."""

import datetime
import json
import sys

from biscuit_auth import Algorithm, AuthorizerBuilder, AuthorizationError, Biscuit, BlockBuilder, PublicKey


def read(question):
    key = PublicKey.from_bytes(bytes.fromhex(question["key"]), Algorithm.Ed25519)
    return Biscuit.from_bytes(bytes.fromhex(question["token"]), key)


def authorize(question):
    """Returns whether the token is authorized with these facts."""
    builder = AuthorizerBuilder()
    for fact in question["facts"]:
        builder.add_code(fact["code"] + ";", fact["values"])
    builder.add_code("allow if true;")
    # Only loops are to be stopped, and the machine may be busy.
    limits = builder.limits()
    limits.max_time = datetime.timedelta(minutes=1)
    builder.set_limits(limits)
    try:
        builder.build(read(question)).authorize()
        return {"isAuthorized": True}
    except AuthorizationError as error:
        return {"isAuthorized": False, "error": str(error)}


def append(question):
    """Returns the token with one more block, of this Datalog."""
    block = BlockBuilder()
    for part in question["parts"]:
        block.add_code(part["code"] + ";", part["values"])
    return {"token": read(question).append(block).to_bytes().hex()}


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"authorize": authorize, "append": append}[question["do"]](question)
    except Exception as error:  # The other side judges what it means.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
