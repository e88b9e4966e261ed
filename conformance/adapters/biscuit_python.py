"""biscuit-python behind the protocol of ../README.md: what a Biscuit library alone says."""

import base64
import datetime
import hashlib
import importlib.metadata
import json
import sys

from biscuit_auth import Algorithm, AuthorizerBuilder, Biscuit, BlockBuilder, PublicKey


def read(command):
    token, _, preimage = command["credential"].partition(":")
    raw = base64.b64decode(token, validate=True)
    key_id = 0
    if raw[:1] == b"\x08":
        shift, at = 0, 1
        while True:
            key_id |= (raw[at] & 127) << shift
            if raw[at] < 128:
                break
            shift, at = shift + 7, at + 1
    # The library does not know whose keys these are.
    for one in command["verifier"]["issuers"]:
        if one["keyId"] != key_id:
            continue
        key = PublicKey.from_bytes(bytes.fromhex(one["publicKey"]), Algorithm.Ed25519)
        try:
            token = Biscuit.from_bytes(raw, key)
        except Exception:  # Signed by the key of another issuer.
            continue
        if f'issuer("{one["issuer"]}")' in token.block_source(0):
            return token, hashlib.sha256(bytes.fromhex(preimage)).digest()
    raise ValueError("no key of a trusted issuer verifies it")


def verify(command):
    token, paid = read(command)
    request, verifier = command["request"], command["verifier"]
    builder = AuthorizerBuilder()

    def fact(text, **values):
        builder.add_code(text + ";", values)

    fact("paid({h})", h=paid)
    now = datetime.datetime.fromtimestamp(request["now"], datetime.timezone.utc)
    fact(f"time({now.strftime('%Y-%m-%dT%H:%M:%SZ')})")
    if request.get("own"):
        fact("own_affairs(true)")
    else:
        fact("access({a})", a=request["access"])
    fact("service({s})", s=verifier.get("service", ""))
    for name in ("capability", "model", "holder"):
        if request.get(name) is not None:
            fact(name + "({v})", v=request[name])
    if "model" in request and request["model"] is None:
        fact("uses_no_model(true)")
    price = request.get("price")
    fact("price({u}, {p})", u=price["unit"], p=int(price["value"])) if price else fact('price("none", 0)')
    if "hash" in request:
        fact("priced_request({h})", h=request["hash"])
    if verifier.get("ledger"):
        fact("ledger({l})", l=verifier["ledger"])
    builder.add_code("allow if true;")
    limits = builder.limits()
    limits.max_time = datetime.timedelta(seconds=5)
    builder.set_limits(limits)
    builder.build(token).authorize()
    return {"ok": True}


def hello(_):
    return {
        "name": "biscuit-python",
        "version": importlib.metadata.version("biscuit-python"),
        "forms": ["biscuit"],
        "features": ["holder"],
        "codes": False,
    }


COMMANDS = {"hello": hello, "verify": verify}

for line in sys.stdin:
    command = json.loads(line)
    run = COMMANDS.get(command["do"])
    try:
        answer = {"unsupported": True} if run is None else run(command)
    except Exception as error:  # Every reason against it is a refusal.
        answer = {"ok": False, "message": f"{type(error).__name__}: {error}"[:200]}
    print(json.dumps({"id": command["id"], **answer}), flush=True)
