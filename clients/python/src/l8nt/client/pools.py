"""The HTTP clients that clients share, so that a client costs little. A connection belongs to one
process, and to one event loop: this is where both are checked.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import MutableMapping
from types import ModuleType
from typing import Any, Literal, NamedTuple

from .._forked import follows_forks


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


class Wanted(NamedTuple):
    """Which HTTP client is wanted."""

    purpose: Literal["services", "trusted"]
    """``services``: as the library makes it by default. ``trusted``: for the treasury, and for
    plain HTTP to this machine. It verifies TLS, and goes through no proxy without TLS.
    """
    is_async: bool
    library: ModuleType
    socket: str | None = None
    """Path of the Unix socket that all of its requests go to."""
    is_kept: bool = True
    """Whether a connection stays open after its answer."""


class Pool:
    """One HTTP client, closed when the last of its users has closed."""

    __slots__ = ("http", "loop", "users", "wanted")

    def __init__(self, wanted: Wanted, loop: object) -> None:
        self.http = _made(wanted)
        self.wanted = wanted
        self.loop = loop
        self.users = 0


def _made(wanted: Wanted) -> Any:
    # It brings `http.client`, which takes time to load.
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    made = wanted.library
    client = made.AsyncClient if wanted.is_async else made.Client
    transport = made.AsyncHTTPTransport if wanted.is_async else made.HTTPTransport
    # One agent's cookies are not for the requests of another one.
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    if wanted.socket is not None:
        return client(transport=transport(uds=wanted.socket), trust_env=False, cookies=cookies)
    if wanted.purpose == "services":
        return client(follow_redirects=True, cookies=cookies)
    context = made.create_ssl_context()
    limits = made.Limits(max_connections=100, max_keepalive_connections=20 if wanted.is_kept else 0)
    # A proxy for https sees no more than the name of the host.
    return client(
        verify=context,
        limits=limits,
        mounts={"http://": transport(verify=context, limits=limits)},
        cookies=cookies,
    )


PoolKey = tuple[Wanted, object]
"""With the event loop that it belongs to, if it belongs to one."""


class Pools:
    """The HTTP clients of this process."""

    def __init__(self) -> None:
        self._of_parents: list[Pool] = []
        """Neither used nor closed here. Kept, because what is garbage may be closed."""
        self._open: dict[PoolKey, Pool] = {}
        # What is collected as garbage meanwhile takes it again.
        self._lock = threading.RLock()
        follows_forks(self, Pools._after_fork)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        self._of_parents.extend(self._open.values())
        self._open = {}

    def lease(self, key: PoolKey) -> Pool:
        """The one that is wanted, with one user more."""
        with self._lock:
            forget_closed(self._open)
            pool = self._open.get(key)
            if pool is None:
                pool = self._open[key] = Pool(*key)
            pool.users += 1
            return pool

    def is_last(self, pool: Pool) -> bool:
        """Counts one user less. Whether nobody uses it now."""
        with self._lock:
            pool.users -= 1
            if pool.users > 0:
                return False
            key = (pool.wanted, pool.loop)
            if self._open.get(key) is pool:
                del self._open[key]
            return True


pools = Pools()


def forget_closed(open_ones: MutableMapping[PoolKey, Pool]) -> None:
    """Removes those whose event loop is closed."""
    for key in [key for key in open_ones if _is_closed(key[1])]:
        open_ones.pop(key, None)


def _is_closed(loop: object) -> bool:
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()
