"""``max_uses`` and its windows: the most requests. spec/2-caveats.md §5."""

from __future__ import annotations

from typing import Final

from ..condition import Condition, LimitTerms
from ..field import write_count
from ..integer import read_integer
from ..window import DAY, HOUR, MINUTE, Window, window_words


def _of_span(key: str, window: Window | None) -> Condition[int]:
    name = "max_uses" + ("" if window is None else window.suffix)
    seconds = None if window is None else window.seconds
    return Condition[int](
        name=name,
        judged_by="both",
        # One service cannot count what happens at another.
        hand_over="relay",
        fields=(write_count(key, name),),
        code="ERR_USES",
        parse=read_integer,
        limit=lambda most: LimitTerms("uses", most, None, seconds),
        covers=lambda outer, inner: inner <= outer,
        words=lambda count, _now: [
            f"{count} {'request' if count == 1 else 'requests'} {window_words(seconds)}"
        ],
    )


max_uses: Final = _of_span("max_uses", None)

uses: Final = (
    max_uses,
    _of_span("max_uses_per_minute", MINUTE),
    _of_span("max_uses_per_hour", HOUR),
    _of_span("max_uses_per_day", DAY),
)
