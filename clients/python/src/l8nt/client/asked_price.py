"""The price in a challenge that is not paid, for people."""

from __future__ import annotations

from ..amount import Amount, format_amount
from ..errors import ChallengeError
from ..invoice import read_invoice
from ..l402 import read_challenges
from .flow import Flow, Reply, close
from .other_schemes import other_schemes

_MAX_CHARACTERS = 32_768


def asked_price(reply: Reply) -> Flow[str]:
    """Such as ``" of 10 sat"``, the least of several offers, or ``", by x402 (…)"`` without an L402
    challenge; empty if the challenge cannot be read or names no amount. Ends the reply.
    """
    field = ", ".join(reply.lines("www-authenticate"))
    items = read_challenges(field) if len(field) <= _MAX_CHARACTERS else []
    ours = [item for item in items if item.scheme in ("l402", "lsat") and item.parameters]
    if not ours:
        others = yield from other_schemes(reply, items)
        return f", by {' or '.join(others)}" if others else ""
    yield from close(reply)
    amounts = [
        _msat_of(value)
        for item in ours
        for name, value in item.parameters
        if name == "invoice" and not item.is_broken
    ]
    if not amounts or None in amounts:
        return ""
    least = min(amount for amount in amounts if amount is not None)
    return f" of {format_amount(Amount('msat', least))}" if least else ""


def _msat_of(invoice: str) -> int | None:
    """The amount that an invoice names; ``None`` for one that cannot be read."""
    try:
        amount = read_invoice(invoice).amount
    except ChallengeError:
        return None
    return 0 if amount is None else amount.value
