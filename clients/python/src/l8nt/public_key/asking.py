"""A request for the keys of an issuer, and who waits for it. spec/9-public-key.md §6."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock

from .page_fetch import FETCH_SECONDS

_TOGETHER_SECONDS = 1
"""How long all threads wait for an issuer that answers as usual. Beyond it one thread waits: those
of a server are few, and forged credentials must not take all of them while an issuer hangs.
"""


class Asking:
    """A request for a page. ``is_failing``: whether the one before brought none. ``wait`` waits for
    an event, as ``Event.wait`` does.
    """

    def __init__(self, *, is_failing: bool, wait: Callable[[Event, float], bool]) -> None:
        self._done = Event()
        self._wait = wait
        self._together = 0 if is_failing else _TOGETHER_SECONDS
        self._lock = Lock()
        self._is_waited_for = False
        self._later: list[Callable[[], None]] = []

    @property
    def is_done(self) -> bool:
        """Whether it came to an end, or was given up."""
        return self._done.is_set()

    def end(self) -> None:
        """Wakes those who wait for it."""
        with self._lock:
            self._done.set()
            later, self._later = self._later, []
        for wake in later:
            wake()

    def wait(self, age: float) -> bool:
        """Waits in this thread: 10 seconds, if it is the first one. Another one does not wait for
        what hangs. Gives whether it came to an end, or may still. ``age`` is in seconds.
        """
        with self._lock:
            is_first = not self._is_waited_for
            self._is_waited_for = True
        if not is_first:
            seconds = self._together - max(0.0, age)
            if seconds > 0:
                self._wait(self._done, seconds)
            return True
        try:
            return self._wait(self._done, FETCH_SECONDS)
        finally:
            with self._lock:
                self._is_waited_for = False

    async def wait_later(self) -> bool:
        """Waits 10 seconds in an event loop, without a thread. Gives whether it came to an end."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def end() -> None:
            if not ended.done():
                ended.set_result(None)

        def wake() -> None:
            with suppress(RuntimeError):  # The loop has closed.
                loop.call_soon_threadsafe(end)

        with self._lock:
            if self._done.is_set():
                return True
            self._later.append(wake)
        try:
            await asyncio.wait_for(ended, FETCH_SECONDS)
        except asyncio.TimeoutError:
            return False
        finally:
            with self._lock:
                if wake in self._later:
                    self._later.remove(wake)
        return True


class KeyLoad:
    """What has to be waited for, before a directory knows what can be known of an issuer's keys."""

    def __init__(self, asking: Asking, age: float, give_up: Callable[[Asking], None]) -> None:
        """``age``: how long ago it was asked, in seconds. ``give_up`` ends what takes too long."""
        self._asking = asking
        self._age = age
        self._give_up = give_up

    def __call__(self) -> None:
        """Waits in this thread, for 10 seconds at most."""
        if not self._asking.wait(self._age):
            self._give_up(self._asking)

    async def later(self) -> None:
        """Waits in an event loop, for 10 seconds at most, and takes no thread."""
        if not await self._asking.wait_later():
            self._give_up(self._asking)


async def awaited(load: Callable[[], None]) -> None:
    """Waits in an event loop for what a directory, or another source of keys, has to load. What
    only blocks has a thread.
    """
    if isinstance(load, KeyLoad):
        await load.later()
    else:
        await asyncio.to_thread(load)
