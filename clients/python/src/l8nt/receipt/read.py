"""Reads one line of an export: it has every member, no other, and the canonical text.
spec/6-receipts.md §1, §4, §5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..amount import UNITS, Amount
from .jcs import canonical, parse_json

NO_RECEIPT = "0" * 64
"""The ``previous`` of the first receipt."""
_MAX_SAFE = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed record of one payment."""

    seq: int
    """The number in the sequence, from 1, without gaps."""
    previous: str
    """The hex SHA-256 of the receipt before it; zeros for the first."""
    key_id: str
    payment_hash: str
    node_ids: tuple[str, ...]
    """The node that paid, with its ancestors, root first."""
    lineage: tuple[str, ...]
    """Agent names, the topmost first; the root has none."""
    method: str
    origin: str
    path_class: str
    amount: Amount
    fee: Amount
    settled_at: int
    """Whole Unix seconds."""


@dataclass(frozen=True, slots=True)
class EarlierReceipts:
    """A history that a restored backup ended: the key signed ``count`` receipts in it, the last
    with the hash ``last``; the backup had the first ``kept``.
    """

    count: int
    last: str
    kept: int


@dataclass(frozen=True, slots=True)
class ReceiptHead:
    """The last line of an export, which counts the receipts before it."""

    count: int
    last: str
    """The hash of the last receipt; zeros without any."""
    key_id: str
    at: int
    """Whole Unix seconds."""
    earlier: tuple[EarlierReceipts, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedLine:
    """What a line says, not yet verified."""

    said: Receipt | ReceiptHead
    signed: bytes
    signature: str


_Form = Callable[[object], bool]


def _is_text(member: object) -> bool:
    return isinstance(member, str)


def _is_texts(member: object) -> bool:
    return isinstance(member, list) and all(map(_is_text, cast("list[object]", member)))


def _matching(pattern: str) -> _Form:
    form = re.compile(pattern)
    return lambda member: isinstance(member, str) and form.fullmatch(member) is not None


_is_hash = _matching(r"[0-9a-f]{64}")
_is_key_id = _matching(r"[0-9a-f]{16}")
_is_decimal = _matching(r"0|[1-9][0-9]{0,18}")
_is_signature = _matching(r"[0-9a-f]{128}")


def _is_natural(member: object) -> bool:
    return type(member) is int and 0 <= member <= _MAX_SAFE


def _is_version(member: object) -> bool:
    return type(member) is int and member == 1


def _is_amount(member: object) -> bool:
    if not isinstance(member, dict):
        return False
    amount = cast("dict[str, object]", member)
    return amount.get("unit") in UNITS and _is_decimal(amount.get("value"))


def _is_earlier(member: object) -> bool:
    return (
        isinstance(member, list)
        and len(cast("list[object]", member)) > 0
        and all(map(_is_history, cast("list[object]", member)))
    )


def _is_history(member: object) -> bool:
    if not isinstance(member, dict):
        return False
    one = cast("dict[str, object]", member)
    return (
        _is_natural(one.get("count")) and _is_hash(one.get("last")) and _is_natural(one.get("kept"))
    )


_RECEIPT: Mapping[str, _Form] = {
    "version": _is_version,
    "seq": _is_natural,
    "previous": _is_hash,
    "keyId": _is_key_id,
    "paymentHash": _is_hash,
    "nodeIds": _is_texts,
    "lineage": _is_texts,
    "method": _is_text,
    "origin": _is_text,
    "pathClass": _is_text,
    "amount": _is_amount,
    "fee": _is_amount,
    "settledAt": _is_natural,
}
_HEAD: Mapping[str, _Form] = {
    "version": _is_version,
    "count": _is_natural,
    "last": _is_hash,
    "keyId": _is_key_id,
    "at": _is_natural,
}


def read_line(line: str) -> SignedLine | str:
    """What the line says; or what is wrong with it, for a message."""
    try:
        json = parse_json(line)
    except ValueError:
        return "it is not JSON, or was cut off"
    if not isinstance(json, dict):
        return "it is not an object"
    members = cast("dict[str, Any]", json)
    kind = members.get("type")
    if kind not in ("receipt", "head"):
        return "it is neither a receipt nor a head"
    forms = _RECEIPT if kind == "receipt" else _HEAD
    known: dict[str, Any] = {"type": kind}
    for name, is_of_form in forms.items():
        if not is_of_form(members.get(name)):
            return f"its member {name} is missing or not of its form"
        known[name] = _copy(members[name])
    if kind == "receipt" and known["amount"]["unit"] != known["fee"]["unit"]:
        return "its amount and its fee are in two units"
    if kind == "head" and "earlier" in members:
        if not _is_earlier(members["earlier"]):
            return "its member earlier is missing or not of its form"
        known["earlier"] = [_picked(one, "count", "last", "kept") for one in members["earlier"]]
    signature = members.get("signature")
    if not isinstance(signature, str) or not _is_signature(signature):
        return "its member signature is missing or not of its form"
    try:
        signed = canonical(known)
        # Writes the line again from what was read: a repeated or unknown member, another order or
        # another escape gives another text.
        is_its_text = canonical({**known, "signature": signature}) == line
    except TypeError:  # A lone surrogate has no canonical text.
        is_its_text, signed = False, ""
    if not is_its_text:
        return "it is not in canonical form"
    said = _receipt_of(known) if kind == "receipt" else _head_of(known)
    return SignedLine(said, signed.encode(), signature)


def _copy(member: Any) -> Any:
    return _picked(member, "unit", "value") if isinstance(member, dict) else member


def _picked(member: Any, *names: str) -> dict[str, Any]:
    return {name: member[name] for name in names}


def _receipt_of(known: Mapping[str, Any]) -> Receipt:
    return Receipt(
        seq=known["seq"],
        previous=known["previous"],
        key_id=known["keyId"],
        payment_hash=known["paymentHash"],
        node_ids=tuple(known["nodeIds"]),
        lineage=tuple(known["lineage"]),
        method=known["method"],
        origin=known["origin"],
        path_class=known["pathClass"],
        amount=Amount(known["amount"]["unit"], int(known["amount"]["value"])),
        fee=Amount(known["fee"]["unit"], int(known["fee"]["value"])),
        settled_at=known["settledAt"],
    )


def _head_of(known: Mapping[str, Any]) -> ReceiptHead:
    earlier = tuple(EarlierReceipts(**one) for one in known.get("earlier", ()))
    return ReceiptHead(known["count"], known["last"], known["keyId"], known["at"], earlier)
