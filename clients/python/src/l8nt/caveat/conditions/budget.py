"""``budget_<unit>`` and its windows: the most that may be spent. spec/2-caveats.md §5."""

from __future__ import annotations

from typing import Final

from ...amount import UNITS, Amount, Unit, format_amount
from ..condition import Condition, LimitTerms
from ..field import write_amounts
from ..integer import read_integer
from ..window import DAY, HOUR, MONTH, Window, window_words

_SPANS: Final[tuple[tuple[str, Window | None], ...]] = (
    ("budget", None),
    ("budget_per_hour", HOUR),
    ("budget_per_day", DAY),
    ("budget_per_month", MONTH),
)

BUDGET_KEYS: Final = tuple(key for key, _ in _SPANS)
"""The keys of a scope that give a budget."""


def budget_of(unit: Unit) -> str:
    """The name of a unit's budget over the whole life, for a refusal that lacks one."""
    return f"budget_{unit}"


def _budget(unit: Unit, key: str, window: Window | None) -> Condition[int]:
    name = budget_of(unit) + ("" if window is None else window.suffix)
    seconds = None if window is None else window.seconds
    return Condition[int](
        name=name,
        judged_by="both",
        hand_over="dropped",
        unit=unit,
        bound="spend",
        fields=(write_amounts(key, unit, name),),
        code="ERR_BUDGET",
        parse=read_integer,
        limit=lambda most: LimitTerms("spend", most, unit, seconds),
        covers=lambda outer, inner: inner <= outer,
        words=lambda most, _now: [f"{format_amount(Amount(unit, most))} {window_words(seconds)}"],
    )


budgets: Final = tuple(_budget(unit, key, window) for unit in UNITS for key, window in _SPANS)
