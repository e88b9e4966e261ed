"""The ways in which the package asks for a URL, all asked alike: each over connections of its
own.
"""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiohttp
import httpx2
import requests

import l8nt.aiohttp
import l8nt.httpx2
import l8nt.requests
from l8nt import AsyncClient, Client

T = TypeVar("T")
Clock = Callable[[], float]

_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Of no use on loopback, and costly to make for each client."""


@dataclass(frozen=True)
class Answered:
    """What the caller was given."""

    status: int
    text: str


Outcome = Answered | Exception


class Asker(ABC):
    """Something that asks for URLs with one credential."""

    sees_failures = True
    """Whether it is told of an exchange that fails, and so can say what was spent."""

    @abstractmethod
    def __init__(self, credential: str, clock: Clock) -> None: ...

    def get(self, url: str, key: str | None = None) -> Outcome:
        """Asks, with an ``Idempotency-Key`` if one is given, and reads the whole answer."""
        try:
            return self._get(url, {} if key is None else {"idempotency-key": key})
        except Exception as error:
            return error

    @abstractmethod
    def _get(self, url: str, headers: dict[str, str]) -> Answered: ...

    @abstractmethod
    def close(self) -> None: ...


class Threads(Asker):
    def __init__(self, credential: str, clock: Clock) -> None:
        self._http = httpx2.Client(trust_env=False, verify=_TLS)
        self._client = Client(credential=credential, clock=clock, http=self._http)

    def _get(self, url: str, headers: dict[str, str]) -> Answered:
        response = self._client.get(url, headers=headers)
        return Answered(response.status_code, response.text)

    def close(self) -> None:
        self._client.close()
        self._http.close()


class Auth(Asker):
    sees_failures = False

    def __init__(self, credential: str, clock: Clock) -> None:
        auth = l8nt.httpx2.Auth(credential=credential, clock=clock)
        self._http = httpx2.Client(auth=auth, trust_env=False, verify=_TLS)

    def _get(self, url: str, headers: dict[str, str]) -> Answered:
        response = self._http.get(url, headers=headers)
        return Answered(response.status_code, response.text)

    def close(self) -> None:
        self._http.close()


class Session(Asker):
    def __init__(self, credential: str, clock: Clock) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", l8nt.requests.Adapter(credential=credential, clock=clock))

    def _get(self, url: str, headers: dict[str, str]) -> Answered:
        response = self._session.get(url, headers=headers)
        return Answered(response.status_code, response.text)

    def close(self) -> None:
        self._session.close()


class OnLoop(Asker):
    """One that asks on an event loop, which stays the same."""

    def __init__(self, credential: str, clock: Clock) -> None:
        self._loop = asyncio.new_event_loop()
        self.run(self._open(credential, clock))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def _get(self, url: str, headers: dict[str, str]) -> Answered:
        return self.run(self._asked(url, headers))

    def close(self) -> None:
        self.run(self._closed())
        self._loop.close()

    @abstractmethod
    async def _open(self, credential: str, clock: Clock) -> None: ...

    @abstractmethod
    async def _asked(self, url: str, headers: dict[str, str]) -> Answered: ...

    @abstractmethod
    async def _closed(self) -> None: ...


class EventLoop(OnLoop):
    async def _open(self, credential: str, clock: Clock) -> None:
        self._http = httpx2.AsyncClient(trust_env=False, verify=_TLS)
        self.client = AsyncClient(credential=credential, clock=clock, http=self._http)

    async def _asked(self, url: str, headers: dict[str, str]) -> Answered:
        response = await self.client.get(url, headers=headers)
        return Answered(response.status_code, response.text)

    async def _closed(self) -> None:
        await self.client.aclose()
        await self._http.aclose()


class AsyncAuth(OnLoop):
    sees_failures = False

    async def _open(self, credential: str, clock: Clock) -> None:
        auth = l8nt.httpx2.Auth(credential=credential, clock=clock)
        self._http = httpx2.AsyncClient(auth=auth, trust_env=False, verify=_TLS)

    async def _asked(self, url: str, headers: dict[str, str]) -> Answered:
        response = await self._http.get(url, headers=headers)
        return Answered(response.status_code, response.text)

    async def _closed(self) -> None:
        await self._http.aclose()


class Middleware(OnLoop):
    async def _open(self, credential: str, clock: Clock) -> None:
        middleware = l8nt.aiohttp.Middleware(credential=credential, clock=clock)
        self._session = aiohttp.ClientSession(middlewares=[middleware])

    async def _asked(self, url: str, headers: dict[str, str]) -> Answered:
        async with self._session.get(url, headers=headers) as response:
            return Answered(response.status, await response.text())

    async def _closed(self) -> None:
        await self._session.close()


ASKERS: Final[dict[str, type[Asker]]] = {
    "Client": Threads,
    "AsyncClient": EventLoop,
    "httpx2 Auth": Auth,
    "httpx2 Auth, async": AsyncAuth,
    "requests": Session,
    "aiohttp": Middleware,
}
