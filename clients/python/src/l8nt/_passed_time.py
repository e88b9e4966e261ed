"""The time that has certainly passed: what decides when something that has ended is deleted, if the
clock may be set ahead and back. [case 109]
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic

_CATCHING_UP = 4
"""How fast it catches up with a clock that was ahead: a computer that sleeps two thirds of the day
does not count that time.
"""
_STEADY_SECONDS = 7 * 86_400
"""A clock that has gone as time passes for so long is believed: it was behind before, as where a
machine without a battery for its clock starts, and is right now.
"""
_STEP_SECONDS = 600
"""What the network may set a clock by, between two reads."""


class PassedTime:
    """``elapsed`` gives seconds since any moment, by a clock that nobody sets."""

    def __init__(self, elapsed: Callable[[], float] = monotonic) -> None:
        self._elapsed = elapsed
        self._passed: float | None = None
        self._read_at = 0.0
        self._now = 0.0
        self._steady_since = 0.0

    def begin(self, now: float) -> None:
        """Believes the clock, once: what it says later counts as far as time has passed since."""
        if self._passed is None:
            self.at(now)

    def at(self, now: float) -> float:
        """Unix seconds, never later than ``now``."""
        read = self._elapsed()
        since = max(0.0, read - self._read_at)
        if self._passed is None or abs(now - self._now - since) > _STEP_SECONDS:
            self._steady_since = read
        self._read_at = read
        self._now = now
        is_steady = read - self._steady_since >= _STEADY_SECONDS
        before = now if self._passed is None else self._passed
        passed = inf if is_steady else before + _CATCHING_UP * since
        self._passed = min(now, passed)
        return self._passed
