"""The HTTP clients that clients share, so that a client costs little. A connection belongs to one
process, and to one event loop: this is where both are checked.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import weakref
from types import ModuleType
from typing import Any, Literal, NamedTuple


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


class _Pool:
    """One HTTP client, closed when the last of its users has closed."""

    __slots__ = ("http", "loop", "pid", "users", "wanted")

    def __init__(self, wanted: Wanted, loop: object) -> None:
        self.http = _made(wanted)
        self.wanted = wanted
        self.loop = loop
        self.pid = os.getpid()
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


_Key = tuple[Wanted, object]

# What is collected as garbage meanwhile takes it again.
_lock = threading.RLock()
_pools: dict[_Key, _Pool] = {}


def _forget() -> None:
    """In a process that was forked: what its parent has is neither used nor closed here."""
    global _lock
    _lock = threading.RLock()
    _of_parents.extend(_pools.values())
    _pools.clear()


_of_parents: list[_Pool] = []
"""Kept, because what is collected as garbage may be closed."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Leases:
    """The HTTP clients that one client uses together with others."""

    __slots__ = ("__weakref__", "_held")

    def __init__(self) -> None:
        self._held: dict[_Key, _Pool] = {}
        weakref.finalize(self, _drop_all, self._held)

    def http(self, wanted: Wanted) -> Any:
        """The HTTP client of this process, and of the event loop that runs."""
        key = (wanted, _loop() if wanted.is_async else None)
        held = self._held.get(key)
        if held is not None and held.pid == os.getpid():
            return held.http
        with _lock:
            _forget_closed(_pools)
            _forget_closed(self._held)
            held = self._held.get(key)
            if held is None or held.pid != os.getpid():
                held = _pools.get(key)
                if held is None:
                    held = _pools[key] = _Pool(*key)
                held.users += 1
                self._held[key] = held
            return held.http

    def close(self) -> None:
        """Closes those that nobody else uses."""
        _drop_all(self._held)

    async def aclose(self) -> None:
        """Closes those that nobody else uses. Those of other event loops are closed there."""
        loop = _loop()
        for key in [key for key in list(self._held) if key[1] == loop]:
            held = self._held.pop(key, None)
            if held is not None and _is_last(held):
                await held.http.aclose()
        _drop_all(self._held)


def _drop_all(held: dict[_Key, _Pool]) -> None:
    while held:
        try:
            _, pool = held.popitem()
        except KeyError:  # Another thread has closed it.
            return
        if not _is_last(pool):
            continue
        if pool.wanted.is_async:
            _close_in_its_loop(pool)
        else:
            pool.http.close()


def _is_last(pool: _Pool) -> bool:
    """Counts one user less. Whether nobody uses it now."""
    if pool.pid != os.getpid():
        return False
    with _lock:
        pool.users -= 1
        if pool.users > 0:
            return False
        key = (pool.wanted, pool.loop)
        if _pools.get(key) is pool:
            del _pools[key]
        return True


def _close_in_its_loop(pool: _Pool) -> None:
    loop = pool.loop
    if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running():
        asyncio.run_coroutine_threadsafe(pool.http.aclose(), loop)


def _forget_closed(pools: dict[_Key, _Pool]) -> None:
    for key in [key for key in pools if _is_closed(key[1])]:
        pools.pop(key, None)


def _loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        from anyio.lowlevel import current_token

        return current_token()


def _is_closed(loop: object) -> bool:
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()
