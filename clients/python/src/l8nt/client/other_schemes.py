"""The schemes that a 402 offers beside L402, and what they would have cost, for people: x402, MPP
(``Payment``), and others by their name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import cast

from ..l402 import AuthItem
from ..wire.problem import members, parse_json
from .flow import Flow, Reply, close, read

_MAX_BODY_BYTES = 65_536
_MAX_FIELD = 32_768
_MAX_SHOWN = 4
_OWN = frozenset(("l402", "lsat", "payment", "x402"))
"""Those that are told by their price, and Sigil's."""

# The text is a stranger's: what could forge a line of a log is left out.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}\Z")
_COUNT = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,20})?\Z", re.ASCII)


def other_schemes(reply: Reply, items: Sequence[AuthItem]) -> Flow[list[str]]:
    """Such as ``["x402 (10000 of the smallest unit of USDC, on base)"]``. Ends the reply. Never
    fails: nothing depends on it but a message.
    """
    accepted = _accepts_in(_json_in_base64(reply.get("payment-required")))
    if "json" in (reply.get("content-type") or ""):
        try:
            body = yield from read(reply, _MAX_BODY_BYTES)
        except Exception:
            body = None
        accepted += _accepts_in(parse_json(body or b""))
    yield from close(reply)
    x402 = [
        _price_of(
            one.get("amount", one.get("maxAmountRequired")),
            _word_of(members(one.get("extra")).get("name")) or _word_of(one.get("asset")),
            "on",
            one.get("network"),
        )
        for one in accepted
    ]
    mpp: list[str | None] = []
    for item in items:
        if item.scheme == "payment":
            given = dict(item.parameters)
            asked = members(_json_in_base64(given.get("request")))
            unit = _word_of(asked.get("currency"))
            mpp.append(_price_of(asked.get("amount"), unit, "by", given.get("method")))
    names = dict.fromkeys(item.scheme for item in items)
    others = [name for name in names if name not in _OWN and _word_of(name)]
    return [*_described("x402", x402), *_described("MPP", mpp), *others][: 2 * _MAX_SHOWN]


def _described(name: str, prices: Sequence[str | None]) -> list[str]:
    if not prices:
        return []
    known = list(dict.fromkeys(price for price in prices if price is not None))[:_MAX_SHOWN]
    return [f"{name} ({'; '.join(known)})" if known else name]


def _price_of(amount: object, unit: str | None, word: str, where: object) -> str | None:
    """``None`` without an amount. Neither scheme says how many decimals a unit has."""
    count = str(amount) if isinstance(amount, int) else amount
    if not isinstance(count, str) or not _COUNT.match(count):
        return None
    place = _word_of(where)
    what = "" if unit is None else f" of the smallest unit of {unit}"
    return f"{count}{what}" if place is None else f"{count}{what}, {word} {place}"


def _word_of(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.match(value) else None


def _accepts_in(value: object) -> list[Mapping[str, object]]:
    accepts = members(value).get("accepts")
    if not isinstance(accepts, list):
        return []
    return [members(one) for one in cast("list[object]", accepts)[:_MAX_SHOWN]]


def _json_in_base64(text: str | None) -> object:
    if text is None or len(text) > _MAX_FIELD:
        return None
    try:
        return parse_json(base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=="))
    except ValueError:
        return None
