"""``max_depth``: how many delegations may follow."""

from __future__ import annotations

from typing import Final

from ..access import Access
from ..condition import Condition, Denial, Place
from ..field import write_count
from ..integer import read_integer

_NAME: Final = "max_depth"


def _prohibits(most: int, _: Access, place: Place) -> Denial | None:
    if place.agents_after <= most:
        return None
    return Denial(f"at most {most} delegations below", f"{place.agents_after}")


def _words(depth: int, _now: float) -> list[str]:
    if depth == 0:
        return ["no delegation below"]
    return [f"at most {depth} delegation{'' if depth == 1 else 's'} below"]


max_depth: Final = Condition[int](
    name=_NAME,
    judged_by="both",
    hand_over="dropped",
    fields=(write_count("max_depth", _NAME),),
    code="ERR_DEPTH",
    parse=read_integer,
    prohibits=_prohibits,
    covers=lambda outer, inner: inner <= outer,
    words=_words,
)
