"""``valid_from``: the beginning of a credential."""

from __future__ import annotations

from typing import Final

from ..access import Access
from ..condition import AnyCondition, Condition, Denial, Place
from ..datalog import Check, apply, check, date, fact, query, variable
from ..field import write_date
from ..instant import format_distance, format_instant
from ..integer import format_unix_seconds, read_unix_seconds

_NAME: Final = "valid_from"


def _prohibits(start: int, access: Access, _: Place) -> Denial | None:
    if access.now >= start:
        return None
    return Denial(
        f"a credential that begins at {format_unix_seconds(start)}",
        f"one that is valid at {format_unix_seconds(access.now)}",
    )


valid_from: Final = Condition[int](
    name=_NAME,
    judged_by="both",
    hand_over=lambda values, _terms: [str(value) for value in values],
    fields=(write_date("valid_from", _NAME),),
    code="ERR_NOT_YET_VALID",
    parse=read_unix_seconds,
    prohibits=_prohibits,
    words=lambda start, now: [f"from {format_instant(start)} ({format_distance(start - now)})"],
)


def valid_from_check(start: int, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    return check(query([fact("time", variable("t"))], *apply(variable("t"), ">=", date(start))))
