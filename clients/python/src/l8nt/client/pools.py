"""The HTTP clients that clients without one share, so that a client costs little."""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2


def library() -> ModuleType:
    """``httpx2``; ``httpx`` if only that is installed.

    Raises ImportError if neither is.
    """
    for name in ("httpx2", "httpx"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:  # noqa: PERF203 - there are two.
            if error.name != name:
                raise
    raise ImportError("Client needs an HTTP library: pip install httpx2")


class _Pool:
    """One HTTP client, closed when the last of its users has closed."""

    def __init__(self) -> None:
        self.http: Any = None
        self.users = 0


class SyncPool:
    """The HTTP client that all of this process's clients share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = _Pool()
        # A connection must not be shared with the process that it was made in.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._pool = _Pool()

    def acquire(self) -> tuple[httpx2.Client, object]:
        """The client, and what to release."""
        with self._lock:
            pool = self._pool
            if pool.http is None:
                pool.http = library().Client(follow_redirects=True)
            pool.users += 1
            return pool.http, pool

    def release(self, held: object) -> None:
        """Closes the client if nobody else uses it."""
        with self._lock:
            if not isinstance(held, _Pool):
                return
            held.users -= 1
            if held.users > 0:
                return
            http, held.http = held.http, None
        http.close()


class AsyncPool:
    """The HTTP client that the clients in one event loop share: a connection belongs to a loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[int, tuple[object, _Pool]] = {}
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._pools = {}

    def acquire(self) -> tuple[httpx2.AsyncClient, object]:
        """The client, and what to release."""
        loop = _loop()
        with self._lock:
            self._pools = {
                key: known for key, known in self._pools.items() if not _is_closed(known[0])
            }
            _, pool = self._pools.setdefault(id(loop), (loop, _Pool()))
            if pool.http is None:
                pool.http = library().AsyncClient(follow_redirects=True)
            pool.users += 1
            return pool.http, pool

    async def release(self, held: object) -> None:
        """Closes the client if nobody else uses it."""
        with self._lock:
            if not isinstance(held, _Pool):
                return
            held.users -= 1
            if held.users > 0:
                return
            http, held.http = held.http, None
        if http is not None:
            await http.aclose()


def _loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        from anyio.lowlevel import current_token

        return current_token()


def _is_closed(loop: object) -> bool:
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()


sync_pool = SyncPool()
async_pool = AsyncPool()
