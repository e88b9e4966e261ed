"""The Python package's answers to the commands of conformance/adapters/differential.ts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from l8nt import Credential, Refusal, SigilError, TokenError, explain
from l8nt.amount import UNITS, Amount, format_amount, parse_amount, write_amount
from l8nt.caveat import (
    MISSING,
    Access,
    CaveatChain,
    HandOverTerms,
    Origin,
    Scope,
    Vocabulary,
    bounds_of,
    caps_of_other_units,
    caveat_words,
    compile_scope,
    counted_price,
    format_distance,
    format_instant,
    hand_over_caveats,
    limit_words,
    matches_endpoint,
    minted_caveats,
    read_base,
    read_endpoint,
    read_origin,
    service_vocabulary,
    target_at,
    target_of_url,
    treasury_vocabulary,
    uncounted_spend,
    widenings,
    with_uncounted,
)
from l8nt.caveat.endpoint import (
    covers_endpoint,
    endpoint_at,
    endpoints_meet,
    is_one_endpoint,
    read_endpoints,
)
from l8nt.credential import RevocationList
from l8nt.l402 import Challenge, HmacVerifier, issuers_in, read_presented
from l8nt.public_key import BiscuitVerifier

from .peer import Answer, Command

__all__ = ["answer"]


class Places:
    """Ids that both sides make alike: the place alone is what is compared."""

    def at(self, count: int, /) -> str:
        return f"{count:032}"


def vocabulary_of(command: Command) -> Vocabulary:
    if command.get("kind") == "treasury":
        return treasury_vocabulary()
    return service_vocabulary(command.get("tolerate", ()))


def chain_of(command: Command) -> CaveatChain:
    caveats = [bytes.fromhex(one) for one in command["caveats"]]
    places = Places() if command.get("isVerified") else None
    return CaveatChain(caveats, vocabulary_of(command), command["paymentHash"], places)


def origin_of(text: str) -> Origin:
    origin = read_origin(text)
    assert origin is not None
    return origin


def access_of(asked: Command) -> Access | None:
    target = (
        "self"
        if asked.get("own")
        else target_at(asked["method"], origin_of(asked["origin"]), asked["target"])
    )
    if target is None:
        return None
    price = asked.get("price")
    return Access(
        now=asked["now"],
        target=target,
        price=None if price is None else Amount(price["unit"], int(price["value"])),
        priced_request=(lambda: asked["hash"]) if "hash" in asked else None,
        payee=asked.get("payee"),
        service=asked.get("service"),
        capability=asked.get("capability"),
        model=asked.get("model", MISSING),
        ledger=asked.get("ledger", MISSING),
        holder=asked.get("holder", MISSING),
    )


def judge(command: Command) -> Answer:
    chain = chain_of(command)
    access = access_of(command["access"])
    now = command["access"]["now"]
    last = chain.last_end
    facts = {
        "texts": [[one.condition, one.value, one.is_secret] for one in chain.texts],
        "readable": [[one.condition.name, one.place.agents_after] for one in chain.entries],
        "nodes": [[node.agent, node.id, chain.valid_until_of(node)] for node in chain.nodes],
        "limits": [
            [
                *(limit.kind, limit.id, str(limit.max), limit.unit),
                *(limit.window_seconds, limit.expires_at, limit.condition, limit.node.agent),
            ]
            for limit in chain.limits
        ],
        "lineage": list(chain.lineage),
        "validUntil": chain.valid_until,
        "isSingleUse": chain.is_single_use,
        "isUsedUpByUse": chain.is_used_up_by_use,
        "lastEnd": None if last is None else last.condition.name,
        "words": [
            line for one in chain.texts for line in caveat_words(one.condition, one.value, now)
        ],
    }
    if access is None:
        return {**facts, "refused": True}
    counted = counted_price(chain, access.price or Amount("msat", 0), access.priced_request)
    refusals = chain.refusals(access)
    kind = "spending" if command.get("kind") == "treasury" else "access"
    uncounted = uncounted_spend(chain, counted, kind)
    return {
        **facts,
        "refusals": [one.to_dict() for one in refusals],
        "explained": list(map(explain, refusals)),
        "certain": [one.to_dict() for one in chain.certain_refusals(access)],
        "counted": write_amount(counted),
        "uncounted": [one.to_dict() for one in with_uncounted(refusals, uncounted, counted)],
    }


def scope_of(scope: Mapping[str, Any]) -> Scope:
    """The keys as Python has them, and dates as dates."""
    written: dict[str, Any] = {}
    for key, value in scope.items():
        snake = re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", key)
        is_date = key in ("expiresAt", "validFrom") and isinstance(value, (int, float))
        written[snake] = datetime.fromtimestamp(value, timezone.utc) if is_date else value
    return Scope(**written)


def compile_one(command: Command) -> Answer:
    scope = scope_of(command["scope"])
    caveats = compile_scope(scope, now=command["now"], nonce=command.get("nonce"))
    return {"caveats": list(caveats), "bounds": sorted(bounds_of(scope))}


def mint_one(command: Command) -> Answer:
    scope = scope_of(command["scope"])
    caveats = minted_caveats(
        scope,
        vocabulary_of(command),
        now=command["now"],
        terms=command["terms"],
        is_spending=command["isSpending"],
    )
    return {"caveats": list(caveats), "caps": list(caps_of_other_units(scope))}


def amount(command: Command) -> Answer:
    read = parse_amount(command["text"])
    if read is None:
        return {"amount": None}
    shown, written = format_amount(read), write_amount(read)
    return {"amount": [read.unit, str(read.value)], "shown": shown, "written": written}


def shown_amount(command: Command) -> Answer:
    shown = format_amount(Amount(command["unit"], int(command["value"])))
    return {"shown": shown, "units": list(UNITS)}


def endpoints(command: Command) -> Answer:
    one, other = read_endpoint(command["one"]), read_endpoint(command["other"])
    origin = read_origin(command["origin"])
    target = None if origin is None else target_at(command["method"], origin, command["target"])
    patterns = read_endpoints(command["text"])
    both = None if one is None or other is None else (one, other)
    return {
        "one": None if one is None else one.text,
        "other": None if other is None else other.text,
        "list": None if patterns is None else [pattern.text for pattern in patterns],
        "target": None if target is None else target.path,
        "isOne": None if one is None else is_one_endpoint(one),
        "matches": None if one is None or target is None else matches_endpoint(one, target),
        "at": None if one is None or origin is None else endpoint_at(one, origin),
        "covers": None if both is None else covers_endpoint(*both),
        "meets": None if both is None else endpoints_meet(*both),
    }


def url(command: Command) -> Answer:
    text = command["url"]
    origin, base = read_origin(text), read_base(text)
    target = target_of_url(command["method"], text)
    return {
        "origin": None if origin is None else list(origin),
        "base": None if base is None else base.text,
        "target": None if target is None else target.path,
        "segments": None if target is None else list(target.segments),
    }


def widened(command: Command) -> Answer:
    refusals = widenings(chain_of(command).texts, command["wanted"])
    return {"refusals": [one.to_dict() for one in refusals]}


def handed_over(command: Command) -> Answer:
    terms = HandOverTerms(origin_of(command["origin"]), command["until"])
    caveats = hand_over_caveats(
        chain_of(command), terms, enforced=command["enforced"], nonces=command["nonces"]
    )
    return {"caveats": None if caveats is None else list(caveats)}


def words(command: Command) -> Answer:
    return {
        "instant": format_instant(command["seconds"]),
        "distance": format_distance(command["distance"]),
        "limit": limit_words(command["name"], int(command["max"])),
    }


class Keys:
    """The keys of the issuers that a command trusts."""

    def __init__(self, issuers: Sequence[Mapping[str, Any]]) -> None:
        self._issuers = issuers

    def find(self, issuer: str, key_id: int) -> bytes:
        known = [one for one in self._issuers if one["issuer"] == issuer]
        if not known:
            raise TokenError("ERR_TOKEN_ISSUER", "not trusted")
        for one in known:
            if one["keyId"] == key_id:
                return bytes.fromhex(one["publicKey"])
        raise TokenError("ERR_TOKEN_KEY", "no such key")

    def load(self, issuer: str, key_id: int) -> None:
        del issuer, key_id


def verifier_of(command: Command) -> HmacVerifier | BiscuitVerifier:
    revocations = RevocationList(clock=lambda: command["now"])
    for one in command["revoked"]:
        revocations.revoke(one)
    ledger, tolerate = command["ledger"], command["tolerate"]
    if command["form"] == "biscuit":
        keys = Keys(command["issuers"])
        return BiscuitVerifier(keys=keys, revocations=revocations, ledger=ledger, tolerate=tolerate)
    secret, *previous = command["secrets"]
    return HmacVerifier(
        secret=secret,
        previous_secrets=previous,
        revocations=revocations,
        tolerate=tolerate,
        ledger=ledger,
        kind="spending" if command["kind"] == "treasury" else "access",
    )


def authenticate(command: Command) -> Answer:
    verified = verifier_of(command).authenticate(command["credential"])
    return {
        "nodes": [[node.id, node.agent] for node in verified.chain.nodes],
        "limits": [[one.id, str(one.max), one.condition] for one in verified.limits],
        "texts": [[one.condition, one.value] for one in verified.caveats],
        "verdicts": verdicts(command, verified.judge),
    }


def read(command: Command) -> Answer:
    credential = Credential.parse(command["credential"])
    return {
        "location": credential.location,
        "paymentHash": credential.payment_hash,
        "isPaid": credential.is_paid,
        "key": credential.key,
        "text": credential.text,
        "caveats": [[one.condition, one.value] for one in credential.caveats],
        "validUntil": credential.chain.valid_until,
        "verdicts": verdicts(command, credential.certain_refusals),
    }


def verdicts(
    command: Command, judge_one: Callable[[Access], Sequence[Refusal]]
) -> list[list[Any] | None]:
    """What is said of each request; ``None`` for one that is refused before it is judged."""
    accesses = [access_of(asked) for asked in command["accesses"]]
    return [
        None if access is None else [one.to_dict() for one in judge_one(access)]
        for access in accesses
    ]


def challenge(command: Command) -> Answer:
    offers = [
        {
            "token": offer.token.text,
            "invoice": offer.invoice,
            "caveats": None if offer.enforced is None else list(offer.enforced),
        }
        for offer in Challenge.offers(command["lines"])
    ]
    return {"ok": True, "offers": offers}


def present(command: Command) -> Answer:
    text = read_presented(command["authorization"], command["macaroon"])
    if text is None:
        return {"ok": True, "caveats": None}
    return {"ok": True, "caveats": [one.decode() for one in Credential.parse(text).body.caveats]}


COMMANDS: Mapping[str, Callable[[Command], Answer]] = {
    "compile scope": compile_one,
    "minted scope": mint_one,
    "judge": judge,
    "amount": amount,
    "shown amount": shown_amount,
    "endpoints": endpoints,
    "url": url,
    "widenings": widened,
    "hand over": handed_over,
    "words": words,
    "authenticate": authenticate,
    "read": read,
    "challenge": challenge,
    "issuers": lambda command: {"ok": True, "issuers": list(issuers_in(command["lines"]))},
    "present": present,
}

OF_CONFORMANCE = ("challenge", "issuers", "present")
"""Commands of conformance/README.md, whose answers have a code alone."""


def answer(command: Command) -> Answer:
    """The answer to a command; ``refused`` is the message of what a person gave wrongly."""
    try:
        return COMMANDS[command["do"]](command)
    except SigilError as error:
        if command["do"] in OF_CONFORMANCE:
            return {"ok": False, "code": error.code}
        return {"code": error.code, "message": error.message}
    except (TypeError, ValueError) as error:
        return {"refused": str(error)}
