"""The HTTP clients that one client uses together with others, for as long as its calls run."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from .._forked import follows_forks
from .pools import Pool, PoolKey, Wanted, forget_closed, pools


class Leases:
    """A call that runs keeps them open: what it has paid for comes in over them. Whatever closes
    the client meanwhile, they are closed when the last call has ended.
    """

    __slots__ = ("__weakref__", "_held", "_is_closing", "_lock", "_running")

    def __init__(self) -> None:
        self._begin()
        follows_forks(self, Leases._after_fork)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._held: dict[PoolKey, Pool] = {}
        self._running: set[object] = set()
        """One for each call of this process that runs."""
        self._is_closing = False
        weakref.finalize(self, _drop_all, self._held)

    def _after_fork(self) -> None:
        """The parent's connections, and its calls, are its own."""
        # `pools` keeps them: what is garbage may be closed.
        self._held.clear()
        self._begin()

    def http(self, wanted: Wanted) -> Any:
        """The HTTP client of this process, and of the event loop that runs."""
        key = (wanted, _loop() if wanted.is_async else None)
        held = self._held.get(key)
        if held is None:
            with self._lock:
                forget_closed(self._held)
                held = self._held.get(key)
                if held is None:
                    held = self._held[key] = pools.lease(key)
        return held.http

    @contextmanager
    def call(self) -> Generator[None]:
        """A call that runs."""
        one = self._began()
        try:
            yield
        finally:
            if self._was_last(one):
                _drop_all(self._held)

    @asynccontextmanager
    async def acall(self) -> AsyncGenerator[None]:
        """A call that runs."""
        one = self._began()
        try:
            yield
        finally:
            if self._was_last(one):
                import anyio

                with anyio.CancelScope(shield=True):
                    await self._aclose()

    def close(self) -> None:
        """Closes those that nobody else uses, once no call of this client runs."""
        if self._may_close():
            _drop_all(self._held)

    async def aclose(self) -> None:
        """As ``close``. Those of other event loops are closed there."""
        if self._may_close():
            await self._aclose()

    def _began(self) -> object:
        one = object()
        with self._lock:
            self._running.add(one)
        return one

    def _was_last(self, one: object) -> bool:
        """Whether a call that ends is the last one, and the client was closed meanwhile."""
        with self._lock:
            # One that began before a fork is not among them.
            if one not in self._running:
                return False
            self._running.remove(one)
            if self._running or not self._is_closing:
                return False
            self._is_closing = False
            return True

    def _may_close(self) -> bool:
        with self._lock:
            self._is_closing = bool(self._running)
            return not self._is_closing

    async def _aclose(self) -> None:
        loop = _loop()
        for key in [key for key in list(self._held) if key[1] == loop]:
            held = self._held.pop(key, None)
            if held is not None and pools.is_last(held):
                await held.http.aclose()
        _drop_all(self._held)


def _drop_all(held: dict[PoolKey, Pool]) -> None:
    while held:
        try:
            _, pool = held.popitem()
        except KeyError:  # Another thread has closed it.
            return
        if not pools.is_last(pool):
            continue
        if pool.wanted.is_async:
            _close_in_its_loop(pool)
        else:
            pool.http.close()


def _close_in_its_loop(pool: Pool) -> None:
    loop = pool.loop
    if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running():
        asyncio.run_coroutine_threadsafe(pool.http.aclose(), loop)


def _loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        from anyio.lowlevel import current_token

        return current_token()
