"""What a treasury tells of nodes, payments and receipts. spec/4-purchase.md §7."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

from ..amount import UNITS, Amount, Unit
from ..wire.problem import members

NodeState = Literal["active", "expired", "frozen", "revoked"]

_DECIMAL = re.compile(r"-?[0-9]{1,40}\Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}\Z")
T = TypeVar("T")


class UnreadableAnswer(ValueError):
    """An answer that is not as page 4 §7 declares it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One limit, and what stands against it."""

    condition: str
    max: int
    """In ``unit``, or a number of requests."""
    used: int
    unit: Unit | None = None
    """What a limit on spending counts in; ``None`` for a number of requests."""
    window_seconds: int | None = None
    """The length of its window; ``None`` for a limit without one."""


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """A node of the tree, as the treasury knows it."""

    id: str
    """32 hex digits."""
    state: NodeState
    caveats: tuple[str, ...]
    """The node's own caveats, as texts."""
    spent: tuple[Amount, ...]
    """Everything spent at this node and below it, fees and payments in flight included: msat first,
    then each other unit in which something was spent.
    """
    limits: tuple[Standing, ...]
    agent: str | None = None
    """Its name. The root has none."""
    parent_id: str | None = None
    """The root has none."""
    more: int | None = None
    """How many nodes below it have spent and are not listed; ``None`` if all are listed."""


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A signed receipt, and its place. spec/6-receipts.md."""

    seq: int
    payment_hash: str
    hash: str
    text: str


@dataclass(frozen=True, slots=True)
class PaymentSummary:
    """What was paid for one request."""

    origin: str
    """The origin that was paid."""
    payment_hash: str
    """64 hex digits."""
    amount: Amount
    fee: Amount
    """The routing fee, on top."""
    earlier: bool = False
    """Whether it was made when the order was sent before, and used now: by this process or by
    another one, with the same ``Idempotency-Key``.
    """


def read_nodes(value: object) -> list[NodeStanding]:
    """The nodes in an answer. Raises UnreadableAnswer."""
    return _list(members(value), "nodes", _node)


def read_receipts(value: object) -> list[ReceiptRow]:
    """The receipts in an answer. Raises UnreadableAnswer."""
    return _list(members(value), "receipts", _receipt)


def read_payment(value: object) -> PaymentSummary | None:
    """The payment beside a credential that was handed over; ``None`` if nothing was paid."""
    if value is None:
        return None
    given = members(value)
    return PaymentSummary(
        origin=_text(given, "origin"),
        payment_hash=_hash(given, "paymentHash"),
        amount=_amount(given.get("amount")),
        fee=_amount(given.get("fee")),
        earlier=given.get("earlier") is True,
    )


_FIELD = re.compile(r"([0-9a-f]{64}) (\w+) ([0-9]{1,20}) ([0-9]{1,20})( earlier)?\Z", re.ASCII)


def parse_payment(field: str, origin: str) -> PaymentSummary:
    """The payment in ``Sigil-Payment`` of a relayed answer. Raises UnreadableAnswer."""
    match = _FIELD.match(field)
    if match is None or match[2] not in UNITS:
        raise UnreadableAnswer(
            "The field sigil-payment must be a payment hash, a unit, an amount and a fee."
        )
    unit = cast("Unit", match[2])
    return PaymentSummary(
        origin=origin,
        payment_hash=match[1],
        amount=Amount(unit, int(match[3])),
        fee=Amount(unit, int(match[4])),
        earlier=match[5] is not None,
    )


def _node(value: object) -> NodeStanding:
    given = members(value)
    state = _text(given, "state")
    if state not in ("active", "expired", "frozen", "revoked"):
        raise UnreadableAnswer("unknown state of a node")
    return NodeStanding(
        id=_text(given, "id"),
        state=state,
        caveats=tuple(_list(given, "caveats", _as_text)),
        spent=tuple(_list(given, "spent", _amount)),
        limits=tuple(_list(given, "limits", _standing)),
        agent=_optional_text(given, "agent"),
        parent_id=_optional_text(given, "parentId"),
        more=_optional_count(given, "more"),
    )


def _standing(value: object) -> Standing:
    given = members(value)
    unit = given.get("unit")
    return Standing(
        condition=_text(given, "condition"),
        max=_decimal(given.get("max")),
        used=_decimal(given.get("used")),
        unit=None if unit is None else _unit(unit),
        window_seconds=_optional_count(given, "windowSeconds"),
    )


def _receipt(value: object) -> ReceiptRow:
    given = members(value)
    seq = given.get("seq")
    if not isinstance(seq, int):
        raise UnreadableAnswer("a receipt has a number")
    return ReceiptRow(seq, _hash(given, "paymentHash"), _hash(given, "hash"), _text(given, "text"))


def _list(given: Mapping[str, object], name: str, one: Callable[[object], T]) -> list[T]:
    value = given.get(name)
    if not isinstance(value, list):
        raise UnreadableAnswer(f"{name} must be a list")
    return [one(item) for item in cast("list[object]", value)]


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableAnswer("a text was expected")
    return value


def _text(given: Mapping[str, object], name: str) -> str:
    return _as_text(given.get(name))


def _optional_text(given: Mapping[str, object], name: str) -> str | None:
    value = given.get(name)
    return None if value is None else _as_text(value)


def _optional_count(given: Mapping[str, object], name: str) -> int | None:
    value = given.get(name)
    if value is None or (isinstance(value, int) and value >= 0):
        return value
    raise UnreadableAnswer(f"{name} must be a whole number")


def _hash(given: Mapping[str, object], name: str) -> str:
    text = _text(given, name)
    if not _HASH.match(text):
        raise UnreadableAnswer(f"{name} must be 64 hex digits")
    return text


def _decimal(value: object) -> int:
    text = _as_text(value)
    if not _DECIMAL.match(text):
        raise UnreadableAnswer("a decimal number was expected")
    return int(text)


def _unit(value: object) -> Unit:
    if value not in UNITS:
        raise UnreadableAnswer("unknown unit")
    return value


def _amount(value: object) -> Amount:
    given = members(value)
    return Amount(_unit(given.get("unit")), _decimal(given.get("value")))
