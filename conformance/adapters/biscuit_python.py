"""biscuit-python behind the protocol of ../README.md: what a Biscuit library alone says."""

import base64
import datetime
import hashlib
import importlib.metadata
import json
import os
import sys

from biscuit_auth import (
    Algorithm,
    AuthorizerBuilder,
    Biscuit,
    BiscuitBuilder,
    BlockBuilder,
    Fact,
    PrivateKey,
    PublicKey,
    UnverifiedBiscuit,
)


def token_of(command):
    token, _, preimage = command["credential"].partition(":")
    return base64.b64decode(token, validate=True), preimage


def credential(token, preimage):
    return {"ok": True, "credential": f"{base64.b64encode(token).decode()}:{preimage}"}


def facts(source, name):
    """The facts of a block that have this name, in order."""
    lines = (line for line in source.splitlines() if line.startswith(name + "("))
    return [Fact(line.rstrip(";")).terms[0] for line in lines]


def unverified(raw):
    return UnverifiedBiscuit.from_base64(base64.urlsafe_b64encode(raw).decode())


def read(raw, verifier):
    """The token, verified with the key of the issuer that it names. The library knows no issuers."""
    key_id = unverified(raw).root_key_id() or 0
    for one in verifier["issuers"]:
        if one["keyId"] != key_id:
            continue
        key = PublicKey.from_bytes(bytes.fromhex(one["publicKey"]), Algorithm.Ed25519)
        try:
            token = Biscuit.from_bytes(raw, key)
        except Exception:  # Signed by the key of another issuer.
            continue
        if facts(token.block_source(0), "issuer")[:1] == [one["issuer"]]:
            return token
    raise ValueError("no key of a trusted issuer verifies it")


def nodes(token):
    """The ids of the nodes: the root, and after each `agent` caveat. Page 9 §4."""
    signatures = b""
    for at, signature in enumerate(token.revocation_ids):
        signatures += bytes.fromhex(signature)
        caveats = facts(token.block_source(at), "caveat")
        places = [0] if at == 0 else []
        places += [index + 1 for index, one in enumerate(caveats) if one.startswith("agent=")]
        for count in places:
            yield hashlib.sha256(signatures + bytes([count])).hexdigest()[:32]


def known(command, preimage):
    """The facts of page 9 §5 that are known without a ledger, with the values of their terms."""
    request, verifier = command["request"], command["verifier"]
    yield "paid({h})", {"h": hashlib.sha256(bytes.fromhex(preimage)).digest()}
    yield "time({t})", {"t": datetime.datetime.fromtimestamp(request["now"], datetime.timezone.utc)}
    yield "service({s})", {"s": verifier.get("service", "")}
    if request.get("own"):
        yield "own_affairs(true)", {}
    else:
        yield "access({a})", {"a": request["access"]}
    for name in ("capability", "model", "holder"):
        if request.get(name) is not None:
            yield name + "({v})", {"v": request[name]}
    if "model" in request and request["model"] is None:
        yield "uses_no_model(true)", {}
    price = request.get("price", {"unit": "none", "value": "0"})
    yield "price({u}, {p})", {"u": price["unit"], "p": int(price["value"])}
    if "hash" in request:
        yield "priced_request({h})", {"h": request["hash"]}
    if verifier.get("ledger"):
        yield "ledger({l})", {"l": verifier["ledger"]}


def verify(command):
    raw, preimage = token_of(command)
    token = read(raw, command["verifier"])
    if not set(command["revoked"]).isdisjoint(nodes(token)):
        raise ValueError("a node is revoked")
    builder = AuthorizerBuilder("allow if true;")
    for text, values in known(command, preimage):
        builder.add_code(text + ";", values)
    # The default of 1 ms fails on a busy machine.
    limits = builder.limits()
    limits.max_time = datetime.timedelta(seconds=5)
    builder.set_limits(limits)
    builder.build(token).authorize()
    return {"ok": True}


def inspect(command):
    token = unverified(token_of(command)[0])
    sources = [token.block_source(at) for at in range(token.block_count())]
    (paid,) = facts(sources[0], "payment_hash")
    caveats = [one for source in sources for one in facts(source, "caveat")]
    return {"ok": True, "caveats": caveats, "paymentHash": bytes(paid).hex()}


def attenuate(command):
    raw, preimage = token_of(command)
    # It writes no token that it did not verify.
    token = read(raw, command["verifier"]).append(BlockBuilder(command["block"]))
    return credential(bytes(token.to_bytes()), preimage)


def mint(command):
    preimage = os.urandom(32)
    key = PrivateKey.from_bytes(bytes.fromhex(command["privateKey"]), Algorithm.Ed25519)
    builder = BiscuitBuilder(command["block"], {"hash": hashlib.sha256(preimage).digest()})
    builder.set_root_key_id(command["keyId"])
    return credential(bytes(builder.build(key).to_bytes()), preimage.hex())


def hello(_):
    return {
        "name": "biscuit-python",
        "version": importlib.metadata.version("biscuit-python"),
        "forms": ["biscuit"],
        # It has no function that seals.
        "features": ["holder", "revocation", "attenuate", "mint", "inspect"],
        "codes": False,
    }


COMMANDS = {
    "hello": hello,
    "verify": verify,
    "inspect": inspect,
    "attenuate": attenuate,
    "mint": mint,
}

for line in sys.stdin:
    command = json.loads(line)
    run = COMMANDS.get(command["do"])
    try:
        answer = {"unsupported": True} if run is None else run(command)
    except BaseException as error:  # Every reason against it is a refusal; a panic is one too.
        answer = {"ok": False, "message": f"{type(error).__name__}: {error}"[:200]}
    print(json.dumps({"id": command["id"], **answer}), flush=True)
