"""Caveats in words for people: "until 2030-01-01 00:00:00 UTC (in 42 min)", "500 sat in all"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ..amount import Amount, format_amount
from .chain import CaveatText
from .condition import LimitTerms
from .conditions.table import condition_named

__all__ = ["caveat_words", "counted_by", "describe", "format_counted", "limit_words"]

_SHOWN: Final = re.compile(r"[a-z0-9_]{1,63}")


def caveat_words(name: str, value: str, now: float) -> Sequence[str]:
    """What a caveat allows, in lines. None for a caveat that only names a node.

    The lines repeat the sender's text as it stands: escape it before printing. ``now`` is in Unix
    seconds.
    """
    condition = condition_named(name)
    if condition is None:
        # A long name is not repeated: 64 characters may be a preimage.
        shown = name if _SHOWN.fullmatch(name) else "a condition with a strange name"
        return [f"{shown}: unknown here, so everything is denied"]
    if condition.is_secret:
        return condition.words(None, now)
    read = condition.parse(value)
    if read is None:
        return [f"{name}: a value that cannot be read, so everything is denied"]
    return condition.words(read, now)


def describe(caveats: Iterable[CaveatText], now: float) -> list[str]:
    """What a credential allows, in lines for people: the caveats of its chain, in order.

    An agent's line names it, and the lines of its own caveats follow. ``now`` is in Unix seconds.
    """
    lines: list[str] = []
    node = None
    for caveat in caveats:
        if caveat.node is not node:
            node = caveat.node
            if node.agent is not None:
                lines.append(f"agent {node.agent}")
        lines += caveat_words(caveat.condition, caveat.value, now)
    return lines


def counted_by(name: str) -> LimitTerms | None:
    """What a condition counts, and in which window; ``None`` for a condition that counts
    nothing.
    """
    condition = condition_named(name)
    return None if condition is None or condition.limit is None else condition.limit(0)


def format_counted(name: str, value: int) -> str:
    """Write a number that a condition counts: ``12 sat``, or ``5`` for uses."""
    condition = condition_named(name)
    unit = None if condition is None else condition.unit
    return f"{value}" if unit is None else format_amount(Amount(unit, value))


def limit_words(name: str, most: int) -> str:
    """Write the limit of a condition: ``500 sat in all``."""
    return "".join(caveat_words(name, f"{most}", 0))
