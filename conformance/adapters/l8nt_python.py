"""The Python package `l8nt` behind the protocol of ../README.md."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2] / "clients/python/src"))

import l8nt_python_keys

from l8nt import Credential, SigilError
from l8nt.amount import Amount
from l8nt.caveat import (
    MISSING,
    Access,
    compile_scope,
    counted_price,
    read_origin,
    target_at,
    uncounted_spend,
    with_uncounted,
)
from l8nt.credential import Blocks, RevocationList
from l8nt.feed import FeedReader
from l8nt.l402 import Challenge, HmacVerifier, Minter, issuers_in, read_presented
from l8nt.macaroon import UnverifiedMacaroon
from l8nt.service.ledger import MemoryLedger, UsedUp

FORMS = ["macaroon", "biscuit"]
FEATURES = [
    *("core", "strict", "inspect", "text", "credential", "requests", "places", "limits", "counted"),
    *("treasury", "tolerate", "revocation", "revoke", "scope", "mint"),
    *("challenge", "issuers", "fields", "feed"),
    *l8nt_python_keys.FEATURES,
]


def refused(code):
    return {"ok": False, "code": code}


def snake(scope):
    """Scopes have Python's names of keys; what they hold is the same."""
    return {re.sub(r"[A-Z]", lambda big: f"_{big[0].lower()}", key): one for key, one in scope.items()}


def kind_of(verifier):
    return "spending" if verifier["kind"] == "treasury" else "access"


def verifier_of(command, revoked, now):
    given = command["verifier"]
    revocations = RevocationList(clock=lambda: now)
    for one in revoked:
        revocations.revoke(one)
    common = {
        "revocations": revocations,
        "ledger": given.get("ledger"),
        "tolerate": given.get("tolerate", []),
    }
    if command["form"] == "biscuit":
        return l8nt_python_keys.verifier_of(given, common)
    secret, *previous = given["secrets"]
    return HmacVerifier(secret=secret, previous_secrets=previous, kind=kind_of(given), **common)


def amount_of(price):
    return None if price is None else Amount(price["unit"], int(price["value"]))


def access_of(asked, verifier):
    """None for a request that is refused."""
    target = "self"
    if not asked.get("own"):
        origin = read_origin(asked["origin"])
        target = origin and target_at(asked["method"], origin, asked["target"])
        if target is None:
            return None
    return Access(
        now=asked["now"],
        target=target,
        price=amount_of(asked.get("price")),
        priced_request=(lambda: asked["hash"]) if "hash" in asked else None,
        payee=asked.get("payee"),
        service=verifier.get("service"),
        capability=asked.get("capability"),
        model=asked.get("model", MISSING),
        holder=asked.get("holder"),
    )


def judge(verified, access, verifier, ledger):
    """Judges one request, and counts it if it is allowed. The codes of what says no."""
    price = access.price or Amount("msat", 0)
    counted = counted_price(verified.chain, price, access.priced_request)
    uncounted = None
    if access.target != "self":
        uncounted = uncounted_spend(verified.chain, counted, kind_of(verifier))
    refusals = with_uncounted(verified.judge(access), uncounted, counted)
    if refusals:
        return [one.code for one in refusals]
    if access.target == "self" or not verified.limits:
        return []
    use = SimpleNamespace(
        counted=verified.limits, amount=counted, at=access.now, node_ids=verified.node_ids
    )
    try:
        ledger.claim(use).commit(counted, access.now)
    except UsedUp as full:
        used = {one.id for one in full.usages}
        kinds = [one.kind for one in verified.limits if one.id in used]
        return ["ERR_USES" if kind == "uses" else "ERR_BUDGET" for kind in kinds]
    return []


def verify(command):
    if "rootKey" in command:
        macaroon = UnverifiedMacaroon.decode(bytes.fromhex(command["macaroon"]))
        is_genuine = macaroon.verify(bytes.fromhex(command["rootKey"]))
        return {"ok": True} if is_genuine else refused("ERR_TOKEN_FORGED")
    request, given = command["request"], command["verifier"]
    verifier = verifier_of(command, command.get("revoked", []), request["now"])
    ledger = MemoryLedger()
    for one in command.get("before", []):
        earlier = verifier.authenticate(one.get("credential", command["credential"]))
        for _ in range(one["times"]):
            judge(earlier, access_of(one["request"], given), given, ledger)
    access = access_of(request, given)
    if access is None:
        return refused("ERR_REQUEST")
    verified = verifier.authenticate(command["credential"])
    codes = judge(verified, access, given, ledger)
    if codes:
        return {**refused(codes[0]), "codes": codes}
    return {"ok": True, "nodes": verified.node_ids, "limits": [one.id for one in verified.limits]}


def mint(command):
    if "rootKey" in command:
        key, identifier = bytes.fromhex(command["rootKey"]), bytes.fromhex(command["identifier"])
        start = UnverifiedMacaroon.mint(key, identifier, command["location"])
        made = start.append(*map(bytes.fromhex, command["caveats"]))
        return {"ok": True, "macaroon": made.encode().hex()}
    if command["form"] == "biscuit":
        return l8nt_python_keys.mint(command, snake(command["scope"]))
    verifier = command["verifier"]
    minter = Minter(
        secret=verifier["secrets"][0],
        location=verifier["location"],
        kind=kind_of(verifier),
        clock=lambda: command["now"],
    )
    return {"ok": True, "credential": minter.mint(**snake(command["scope"])).text}


def attenuate(command):
    if "macaroon" in command:
        macaroon = UnverifiedMacaroon.decode(bytes.fromhex(command["macaroon"]))
        narrowed = macaroon.append(*map(bytes.fromhex, command["caveats"]))
        return {"ok": True, "macaroon": narrowed.encode().hex()}
    narrowed = Credential.parse(command["credential"]).append(command["caveats"])
    return {"ok": True, "credential": narrowed.text}


def inspect(command):
    if "macaroon" in command:
        read = UnverifiedMacaroon.decode(bytes.fromhex(command["macaroon"]))
        special = {"identifier": read.identifier.hex(), "signature": read.signature.hex()}
    else:
        credential = Credential.parse(command["credential"])
        read = credential.body
        special = {"paymentHash": credential.payment_hash}
    caveats = [one.decode() for one in read.caveats]
    return {"ok": True, "location": read.location, "caveats": caveats, **special}


def revoke(command):
    verified = verifier_of(command, [], command["now"]).authenticate(command["credential"])
    descent = Blocks(tuple(command["blocks"])) if "blocks" in command else command["caveats"]
    return {"ok": True, "node": verified.revoke_below(descent).node_id}


def challenge(command):
    offers = [
        {
            "token": offer.token.text,
            "invoice": offer.invoice,
            "caveats": None if offer.enforced is None else list(offer.enforced),
        }
        for offer in Challenge.offers(command["lines"])
    ]
    return {"ok": True, "offers": offers}


def present(command):
    text = read_presented(command["authorization"], command["macaroon"])
    if text is None:
        return {"ok": True, "caveats": None}
    return {"ok": True, "caveats": [one.decode() for one in Credential.parse(text).body.caveats]}


def feed(command):
    reader = FeedReader(
        location=command["location"], public_key=command["publicKey"], after=command["after"]
    )
    revoked = []
    for page in command["pages"]:
        try:
            reading = reader.read(page.encode(), command["now"])
        except SigilError as error:
            answer = refused(error.code)
            continue
        revoked += [one.node for one in reading.entries]
        is_alive = reading.alive_at is not None
        answer = {"ok": True, "revoked": revoked, "seq": reading.seq, "alive": is_alive}
    return answer


COMMANDS = {
    "hello": lambda _: {
        "name": "l8nt-python",
        "version": "0.1.0",
        "forms": FORMS,
        "features": FEATURES,
    },
    "verify": verify,
    "mint": mint,
    "compile": lambda command: {
        "ok": True,
        "caveats": compile_scope(snake(command["scope"]), now=command["now"]),
    },
    "attenuate": attenuate,
    "inspect": inspect,
    "revoke": revoke,
    "challenge": challenge,
    "issuers": lambda command: {"ok": True, "issuers": issuers_in(command["lines"])},
    "present": present,
    "feed": feed,
    **l8nt_python_keys.COMMANDS,
}


def answer(command):
    run = COMMANDS.get(command["do"])
    if run is None:
        return {"unsupported": True}
    try:
        return run(command)
    except SigilError as error:
        return refused(error.code)
    except (TypeError, ValueError) as error:  # What a person gave: a scope, an amount.
        return {"ok": False, "message": str(error)}


for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps({"id": command["id"], **answer(command)}), flush=True)
