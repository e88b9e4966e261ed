"""Integers in caveats: ``0`` or ``[1-9][0-9]{0,18}``, nothing else. spec/2-caveats.md §2."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["format_unix_seconds", "read_integer", "read_unix_seconds"]

_INTEGER: Final = re.compile(r"0|[1-9][0-9]{0,18}")

MAX_SAFE: Final = 2**53 - 1
"""The greatest time and count that every implementation holds as it is."""


def read_integer(text: str) -> int | None:
    """Read an integer of a caveat; ``None`` for anything else."""
    return int(text) if _INTEGER.fullmatch(text) else None


def read_unix_seconds(text: str) -> int | None:
    """Read Unix seconds; ``None`` for anything else, and from 2^53 on."""
    value = read_integer(text)
    return None if value is None or value > MAX_SAFE else value


def format_unix_seconds(seconds: float) -> str:
    """Write an instant for people: ``2030-01-01T00:00:00Z``."""
    from .instant import utc

    date = utc(seconds)
    return f"{seconds} (Unix seconds)" if date is None else f"{date.isoformat()}Z"
