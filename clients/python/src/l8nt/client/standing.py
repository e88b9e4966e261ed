"""What a treasury tells of nodes, payments and receipts. spec/4-purchase.md §7."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from ..amount import UNITS, Amount, Unit
from ..wire import _types as messages
from ..wire.reading import UnreadableAnswer

NodeState = Literal["active", "expired", "frozen", "revoked"]


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

    def to_dict(self) -> messages.Standing:
        """The limit as JSON has it in every language."""
        shown: messages.Standing = {
            "condition": self.condition,
            "max": str(self.max),
            "used": str(self.used),
        }
        if self.unit is not None:
            shown["unit"] = self.unit
        if self.window_seconds is not None:
            shown["windowSeconds"] = self.window_seconds
        return shown


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

    def to_dict(self) -> messages.NodeStanding:
        """The node as JSON has it in every language, with amounts as decimal texts:
        ``json.dumps([node.to_dict() for node in client.standing()])``.
        """
        shown: messages.NodeStanding = {
            "id": self.id,
            "state": self.state,
            "caveats": self.caveats,
            "spent": [_shown(amount) for amount in self.spent],
            "limits": [limit.to_dict() for limit in self.limits],
        }
        if self.agent is not None:
            shown["agent"] = self.agent
        if self.parent_id is not None:
            shown["parentId"] = self.parent_id
        if self.more is not None:
            shown["more"] = self.more
        return shown


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A signed receipt, and its place. spec/6-receipts.md."""

    seq: int
    payment_hash: str
    hash: str
    text: str

    def to_dict(self) -> messages.ReceiptRow:
        """The receipt as JSON has it in every language."""
        return {
            "seq": self.seq,
            "paymentHash": self.payment_hash,
            "hash": self.hash,
            "text": self.text,
        }


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

    def to_dict(self) -> messages.PaymentSummary:
        """The payment as JSON has it in every language, with amounts as decimal texts."""
        shown: messages.PaymentSummary = {
            "origin": self.origin,
            "paymentHash": self.payment_hash,
            "amount": _shown(self.amount),
            "fee": _shown(self.fee),
        }
        if self.earlier:
            shown["earlier"] = True
        return shown


def read_nodes(given: Sequence[messages.NodeStanding]) -> list[NodeStanding]:
    """The nodes in an answer."""
    return [
        NodeStanding(
            id=one["id"],
            state=one["state"],
            caveats=tuple(one["caveats"]),
            spent=tuple(map(_amount, one["spent"])),
            limits=tuple(map(_standing, one["limits"])),
            agent=one.get("agent"),
            parent_id=one.get("parentId"),
            more=one.get("more"),
        )
        for one in given
    ]


def read_receipts(given: Sequence[messages.ReceiptRow]) -> list[ReceiptRow]:
    """The receipts in an answer."""
    return [ReceiptRow(one["seq"], one["paymentHash"], one["hash"], one["text"]) for one in given]


def read_payment(given: messages.PaymentSummary) -> PaymentSummary:
    """The payment beside a credential that was handed over."""
    return PaymentSummary(
        origin=given["origin"],
        payment_hash=given["paymentHash"],
        amount=_amount(given["amount"]),
        fee=_amount(given["fee"]),
        earlier=given.get("earlier", False),
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


def _standing(given: messages.Standing) -> Standing:
    return Standing(
        condition=given["condition"],
        max=int(given["max"]),
        used=int(given["used"]),
        unit=given.get("unit"),
        window_seconds=given.get("windowSeconds"),
    )


def _amount(given: messages.Amount) -> Amount:
    return Amount(given["unit"], int(given["value"]))


def _shown(amount: Amount) -> messages.Amount:
    return {"unit": amount.unit, "value": str(amount.value)}
