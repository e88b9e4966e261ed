"""Instants and distances of time in words: "2030-01-01 00:00:00 UTC", "in 42 min"."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import floor
from typing import Final

__all__ = ["format_distance", "format_instant"]

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - always UTC, and written without an offset


def utc(seconds: float) -> datetime | None:
    """The whole second in UTC, without a zone; ``None`` past the year 9999, and for a clock that
    gives no number.
    """
    try:
        return _EPOCH + timedelta(seconds=floor(seconds))
    except (OverflowError, ValueError):
        return None


def format_instant(seconds: float) -> str:
    """Write Unix seconds: ``2030-01-01 00:00:00 UTC``."""
    date = utc(seconds)
    return f"the end of time ({seconds})" if date is None else f"{date.isoformat(sep=' ')} UTC"


_UNITS: Final = (
    ("y", 31_557_600, 365 * 86_400 + 1),
    ("d", 86_400, 172_800),
    ("h", 3600, 7200),
    ("min", 60, 120),
    ("s", 1, 0),
)
"""Of each unit: name, seconds, and the distance from which it is used."""


def format_distance(seconds: float) -> str:
    """Write a distance of time: ``in 42 min``, ``3 d ago``, ``in 1.5 y``."""
    from decimal import ROUND_HALF_UP, Decimal

    size = abs(seconds)
    unit, length = next((name, length) for name, length, start in _UNITS if size >= start)
    # Rounding "1 y" could be wrong by months; "74 y" is exact enough.
    step = Decimal("0.1") if unit == "y" and size / length < 10 else Decimal(1)
    rounded = f"{Decimal(size / length).quantize(step, ROUND_HALF_UP)}".removesuffix(".0")
    return f"in {rounded} {unit}" if seconds >= 0 else f"{rounded} {unit} ago"
