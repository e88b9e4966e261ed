"""The windows of counted limits: their lengths, and what they are called. spec/2-caveats.md §5."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["DAY", "HOUR", "MINUTE", "MONTH", "Window", "format_window", "window_words"]


class Window(NamedTuple):
    """A length of time that a limit is counted over."""

    seconds: int
    suffix: str
    """After the name of a condition: ``_per_hour``."""


MINUTE: Final = Window(60, "_per_minute")
HOUR: Final = Window(3600, "_per_hour")
DAY: Final = Window(86_400, "_per_day")
MONTH: Final = Window(2_592_000, "_per_month")
"""Thirty days."""

_WORDS: Final = {
    MINUTE.seconds: (" per minute", "a minute"),
    HOUR.seconds: (" per hour", "an hour"),
    DAY.seconds: (" per day", "a day"),
    MONTH.seconds: (" per month", "a month"),
}


def format_window(window_seconds: int | None) -> str:
    """In a denial: `` per hour``, or nothing for a limit over the whole life."""
    return "" if window_seconds is None else _WORDS[window_seconds][0]


def window_words(window_seconds: int | None) -> str:
    """For people: ``an hour``, or ``in all`` for a limit over the whole life."""
    return "in all" if window_seconds is None else _WORDS[window_seconds][1]
