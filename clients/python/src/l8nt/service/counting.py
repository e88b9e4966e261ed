"""Counters of uses and budgets, and the sliding window of a rate. spec/5-ledger.md §2 and §3."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..amount import Unit

__all__ = ["Counted", "Counter", "Usage", "is_ahead", "window_end", "window_total"]

_SLOTS = 60
"""The edge of a window is rounded against the spender, by at most one slot in sixty."""
_MAX_CLOCK_SKEW_SECONDS = 600


class Counted(Protocol):
    """What a ledger keeps a counter for: a limit at one place of one chain."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str:
        """``spend`` counts amounts of one unit, ``uses`` counts requests."""
        ...

    @property
    def unit(self) -> Unit | None: ...
    @property
    def max(self) -> int | None: ...
    @property
    def window_seconds(self) -> int | None: ...
    @property
    def expires_at(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Usage:
    """What is counted against one limit."""

    id: str
    used: int
    """Committed within the window, or in all, and reserved now."""
    reserved: int
    """The part of ``used`` that is under way."""
    resets_at: float | None = None
    """Unix seconds at which a limit with a window is whole again if nothing more is counted."""


@dataclass(slots=True)
class Counter:
    """One counter's row."""

    committed: int = 0
    reserved: int = 0
    slots: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Of a limit with a window: how much was committed in which slot."""
    ends_at: float = math.inf
    nodes: Sequence[str] = ()
    """In whose part of the counters it is."""


def _slot_at(at: float, window: float) -> int:
    return math.floor(at * _SLOTS / window)


def window_total(slots: Sequence[tuple[int, int]], window: float, at: float) -> int:
    """What counts now. Slots later than ``at`` count too: a clock that went back frees nothing."""
    first = _slot_at(at, window) - _SLOTS
    return sum(amount for slot, amount in slots if slot >= first)


def window_end(slots: Sequence[tuple[int, int]], window: float, at: float) -> float | None:
    """Unix seconds at which the window is empty if nothing more is added."""
    first = _slot_at(at, window) - _SLOTS
    live = [slot for slot, amount in slots if amount > 0 and slot >= first]
    return (max(live) + _SLOTS + 1) * window / _SLOTS if live else None


def is_ahead(slots: Sequence[tuple[int, int]], window: float, at: float) -> bool:
    """Whether the clock was set ahead and back since: nobody knows what the window holds then."""
    latest = _slot_at(at + _MAX_CLOCK_SKEW_SECONDS, window)
    return any(slot > latest for slot, _ in slots)


def add_to_window(
    slots: Sequence[tuple[int, int]], window: float, at: float, amount: int
) -> list[tuple[int, int]]:
    """The slots with ``amount`` in that of ``at``, without those that count no more."""
    now = _slot_at(at, window)
    live = {slot: held for slot, held in slots if slot >= now - _SLOTS}
    live[now] = live.get(now, 0) + amount
    return list(live.items())


def usage_of(counter: Counter | None, counted: Counted, at: float) -> Usage:
    """What is counted against one limit now."""
    row = counter or Counter()
    window = counted.window_seconds
    if window is None:
        return Usage(counted.id, row.committed + row.reserved, row.reserved)
    total = window_total(row.slots, window, at)
    if counted.max is not None and counted.max > total and is_ahead(row.slots, window, at):
        total = counted.max
    resets = window_end(row.slots, window, at)
    return Usage(counted.id, total + row.reserved, row.reserved, resets)
