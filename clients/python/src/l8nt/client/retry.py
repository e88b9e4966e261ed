"""When an order is sent again over a broken link. spec/4-purchase.md §2."""

from __future__ import annotations

from .flow import Flow, pause
from .patience import patience

_MAX_TRIES = 5
_FIRST_PAUSE = 0.25
_MAX_SECONDS = 60.0
"""No try begins later than this after the first one."""


class Tries:
    """The tries of one order: at most five within a minute."""

    __slots__ = ("_started_at", "made")

    def __init__(self) -> None:
        self._started_at = patience.now()
        self.made = 1

    def again(self, after_seconds: float = 0) -> Flow[bool]:
        """Waits until the order may be sent again; false if it may not. ``after_seconds`` is what
        the other end asked to wait for.
        """
        if self.made >= _MAX_TRIES:
            return False
        growing = _FIRST_PAUSE * 2 ** (self.made - 1)
        # Agents behind one proxy must not come back all at once.
        wait = max(growing * (0.5 + patience.random() / 2), after_seconds)
        if patience.now() - self._started_at + wait > _MAX_SECONDS:
            return False
        yield from pause(wait)
        self.made += 1
        return True
