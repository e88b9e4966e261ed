"""Breaks off what is served when its credential is revoked or ends. spec/3-challenge.md §5."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ..credential import Verified

__all__ = ["Ending", "TaskEnding"]


class Ending:
    """Knows whether the credential of an answer that is under way was revoked since. Any thread
    may revoke.
    """

    def __init__(self, verified: Verified, clock: Callable[[], float]) -> None:
        self._verified = verified
        self._clock = clock
        self._is_revoked = False
        self._has_ended = False
        self._stop = verified.watch(self._revoked)

    @property
    def is_over(self) -> bool:
        """Whether nothing more of the answer may be sent."""
        if self._has_ended:
            return False
        until = self._verified.valid_until
        return self._is_revoked or (until is not None and self._clock() >= until)

    def _revoked(self) -> None:
        self._is_revoked = True

    def close(self) -> None:
        """The answer has ended: there is nothing left to break off."""
        self._has_ended = True
        self._stop()


class TaskEnding(Ending):
    """Ends the task that serves, too: a handler may be waiting for something else."""

    def __init__(
        self, verified: Verified, clock: Callable[[], float], task: asyncio.Task[object]
    ) -> None:
        self._task: asyncio.Task[object] | None = task
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.has_broken_off = False
        super().__init__(verified, clock)
        until = verified.valid_until
        if until is not None:
            self._timer = self._loop.call_later(max(0.0, until - clock()), self._end)

    def _revoked(self) -> None:
        super()._revoked()
        # The loop may have ended before a thread that follows a feed.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self._task is not None and not self.has_broken_off:
            self.has_broken_off = True
            self._task.cancel()

    def close(self) -> None:
        """The answer has ended."""
        super().close()
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
