"""``ledger``: where the limits are counted. spec/9-public-key.md §7."""

from __future__ import annotations

from typing import Final

from ..access import MISSING, Access
from ..condition import AnyCondition, Condition, Denial, Place
from ..datalog import Check, check, fact, query, text
from ..field import Entry, write_one
from ..origin import read_base

_NAME: Final = "ledger"


def _parse(text: str) -> str | None:
    base = read_base(text)
    return text if base is not None and base.text == text else None


_ENTRY: Final = Entry(_parse, "the location of one service, without a slash at its end")


def _prohibits(have: str, access: Access, _: Place) -> Denial | None:
    if access.ledger is MISSING or access.ledger == have:
        return None
    return Denial(have, "none" if access.ledger is None else access.ledger)


ledger: Final = Condition[str](
    name=_NAME,
    judged_by="both",
    hand_over="dropped",
    fields=(write_one("ledger", _NAME, _ENTRY),),
    code="ERR_LEDGER",
    parse=_parse,
    prohibits=_prohibits,
    covers=lambda outer, inner: inner == outer,
    words=lambda location, _now: [f"counted at {location} alone"],
)


def ledger_check(location: str, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    return check(query([fact(_NAME, text(location))]))
