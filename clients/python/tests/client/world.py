"""A shop and a treasury that answer as they are told, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from email.utils import formatdate
from typing import Any, Literal

import httpx2
import pytest

from l8nt import AsyncClient, Client, Credential
from l8nt.client import pools
from l8nt.client.patience import patience
from l8nt.l402 import Minter

NOW = 1_800_000_000.0
SHOP = "https://shop.example"
TREASURY = "https://treasury.example"
SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8"

Mode = Literal["threads", "event loop"]
MODES: tuple[Mode, ...] = ("threads", "event loop")
each_mode = pytest.mark.parametrize("mode", MODES)

Answer = httpx2.Response | BaseException
Answering = Callable[[httpx2.Request], Answer]
Ordered = Callable[[dict[str, Any]], Answer]


def clock() -> float:
    return NOW


class Broken(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, begun: bytes = b"half", error: BaseException | None = None) -> None:
        self._begun = begun
        self._error = error or httpx2.ReadError("connection reset")

    def __iter__(self) -> Iterator[bytes]:
        yield self._begun
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._begun
        raise self._error


class Whole(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that arrives while it is read, as over a network."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


def sunny(_: httpx2.Request | None = None) -> httpx2.Response:
    """The answer of a service that serves."""
    return httpx2.Response(200, stream=Whole(b"sunny"))


def problem(status: int, code: str, **more: Any) -> httpx2.Response:
    """An answer with problem details."""
    headers: dict[str, str] = more.pop("headers", {})
    body = {"code": code, "detail": "no.", **more}
    return httpx2.Response(
        status, headers={"content-type": "application/problem+json", **headers}, json=body
    )


def asks(headers: dict[str, str] | None = None) -> httpx2.Response:
    """A 402 without an invoice, as to a client that prefers none."""
    given = {"preference-applied": "no-invoice", "date": formatdate(NOW, usegmt=True)}
    return httpx2.Response(402, headers={**given, **(headers or {})})


class World:
    """A shop that asks every request without a credential for payment, and a treasury."""

    def __init__(self) -> None:
        self.sent: list[httpx2.Request] = []
        """To services, in order."""
        self.orders: list[dict[str, Any]] = []
        self.asked: list[httpx2.Request] = []
        """To the treasury, in order."""
        self.serve: Answering = sunny
        """How the shop answers a request with a credential."""
        self.unpaid: Answering = lambda _: asks()
        self.elsewhere: Answering = lambda _: httpx2.Response(200, text="elsewhere")
        """How any other host answers."""
        self.answers: list[Ordered] = []
        """How the treasury answers the next orders."""
        self.http: Any = None
        """The HTTP client of the newest client."""
        self.otherwise: Ordered = lambda order: self.hand_over(self.sold(), order)
        self.pauses: list[float] = []
        self._shop = Minter(secret=SECRET, location=SHOP, clock=clock)
        self._treasury = Minter(secret=SECRET, location=TREASURY, kind="spending", clock=clock)
        self.credential = self.spending()

    def spending(self, **scope: Any) -> Credential:
        """A credential of the treasury."""
        wanted: dict[str, Any] = {
            "endpoints": ["* https://*/**"],
            "budget": "100 sat",
            "expires_in": "1h",
        }
        return self._treasury.mint(**{**wanted, **scope})

    def sold(self, **scope: Any) -> Credential:
        """A credential of the shop, for one request if nothing else is said."""
        wanted: dict[str, Any] = {"endpoints": [f"* {SHOP}/**"], "expires_in": "1h"}
        return self._shop.mint(**{**wanted, **(scope or {"max_uses": 1})})

    def hand_over(
        self, credential: Credential, order: dict[str, Any], *, earlier: bool = False
    ) -> httpx2.Response:
        """What the treasury answers if it has paid."""
        amount = {"unit": "msat", "value": "10000"}
        payment: dict[str, Any] = {
            "origin": SHOP,
            "paymentHash": credential.payment_hash,
            "amount": amount,
            "fee": {"unit": "msat", "value": "10"},
        }
        if earlier:
            payment["earlier"] = True
        return httpx2.Response(200, json={"credential": credential.text, "payment": payment})

    def relay(self, response: httpx2.Response, *, paid: bool = True) -> httpx2.Response:
        """What the treasury answers if it made the request itself."""
        response.headers["sigil-relayed"] = "1"
        if paid:
            response.headers["sigil-payment"] = f"{'ab' * 32} msat 10000 10"
        return response

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._answer(request)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _answer(self, request: httpx2.Request) -> Answer:
        host = f"{request.url.scheme}://{request.url.host}"
        # What the client shows afterwards is not what it sent.
        kept = httpx2.Request(
            request.method, request.url, headers=request.headers.raw, content=_content(request)
        )
        if host == TREASURY:
            self.asked.append(kept)
            if request.url.path != "/v1/purchases":
                return httpx2.Response(200, json={"done": True})
            order: dict[str, Any] = json.loads(kept.content)
            self.orders.append(order)
            return (self.answers.pop(0) if self.answers else self.otherwise)(order)
        self.sent.append(kept)
        if host != SHOP:
            return self.elsewhere(kept)
        return (self.serve if "authorization" in request.headers else self.unpaid)(kept)

    def client(self, mode: Mode = "threads", **options: Any) -> Asker:
        """A client with the credential of the treasury, if nothing else is said."""
        given: dict[str, Any] = {"credential": self.credential, "clock": clock, **options}
        transport = httpx2.MockTransport(self.handle)
        if mode == "threads":
            self.http = http = httpx2.Client(transport=transport, follow_redirects=True)
            return Asker(Client(**given, http=http, treasury_http=http), None)
        self.http = asynchronous = httpx2.AsyncClient(transport=transport, follow_redirects=True)
        made = AsyncClient(**given, http=asynchronous, treasury_http=asynchronous)
        return Asker(None, made)

    def shown(self) -> list[str | None]:
        """The ``Authorization`` of each request to a service."""
        return [request.headers.get("authorization") for request in self.sent]


class Asker:
    """A client for threads or for event loops, asked in the same way."""

    def __init__(self, threads: Client | None, loop: AsyncClient | None) -> None:
        self.threads = threads
        self.loop = loop

    def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        if self.threads is not None:
            return self.threads.request(method, url, **options)
        assert self.loop is not None
        return asyncio.run(self.loop.request(method, url, **options))

    def get(self, url: str, **options: Any) -> httpx2.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx2.Response:
        return self.request("POST", url, **options)


def _content(request: httpx2.Request) -> bytes:
    try:
        return request.read()
    except RuntimeError:
        return b""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    async def asleep(seconds: float) -> None:
        made.pauses.append(seconds)

    def unwanted(wanted: object) -> None:
        raise AssertionError(f"a connection to the network is asked for: {wanted}")

    monkeypatch.setattr(pools, "_made", unwanted)
    monkeypatch.setattr(patience, "sleep", made.pauses.append)
    monkeypatch.setattr(patience, "asleep", asleep)
    monkeypatch.setattr(patience, "random", lambda: 1.0)
    for name in ("SIGIL_CREDENTIAL", "SIGIL_WALLET", "SIGIL_HOLDER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return made
