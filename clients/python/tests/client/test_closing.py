"""A client that is closed while calls of it run, over connections that are really its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import httpx2
import pytest
from tests.client.world import SECRET

from l8nt import AsyncClient, Client
from l8nt.l402 import Minter

Kind = Literal["free", "order", "stream", "standing"]
KINDS: tuple[Kind, ...] = ("free", "order", "stream", "standing")


class Slow:
    """A server that is a shop and a treasury, and answers in the end when the test says so."""

    def __init__(self) -> None:
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.orders = 0
        slow = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/sold":
                    self.answer(402, b"", {"preference-applied": "no-invoice"})
                elif self.path == "/v1/credential":
                    slow.wait()
                    self.answer(200, b'{"nodes": []}', {"content-type": "application/json"})
                else:
                    self.send_response(200)
                    self.send_header("content-length", "5")
                    self.end_headers()
                    self.wfile.write(b"su")
                    slow.wait()
                    self.wfile.write(b"nny")

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/purchases":
                    slow.orders += 1
                    slow.wait()
                    relayed = {"sigil-relayed": "1", "sigil-payment": f"{'ab' * 32} msat 1000 1"}
                    self.answer(200, b"sunny", relayed)
                else:
                    self.answer(200, b"{}", {"content-type": "application/json"})

            def answer(self, status: int, body: bytes, fields: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**fields, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name.
                pass

        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
        self.url, self.treasury = (
            f"http://127.0.0.1:{server.server_port}" for server in self.servers
        )
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self) -> None:
        self.asked.set()
        assert self.may_answer.wait(30)

    @property
    def credential(self) -> str:
        minter = Minter(secret=SECRET, location=self.treasury, kind="spending")
        return minter.mint(endpoints=["* http://*:*/**"], budget="9 sat", expires_in="1h").text


@pytest.fixture
def slow() -> Iterator[Slow]:
    one = Slow()
    yield one
    one.may_answer.set()
    for server in one.servers:
        server.shutdown()
        server.server_close()


def _ask(client: Client, slow: Slow, kind: Kind) -> object:
    if kind == "standing":
        return client.standing()
    if kind == "stream":
        with client.stream("GET", f"{slow.url}/free") as response:
            return response.read()
    return client.get(f"{slow.url}/{'sold' if kind == 'order' else 'free'}").content


async def _aask(client: AsyncClient, slow: Slow, kind: Kind) -> object:
    if kind == "standing":
        return await client.standing()
    if kind == "stream":
        async with client.stream("GET", f"{slow.url}/free") as response:
            return await response.aread()
    return (await client.get(f"{slow.url}/{'sold' if kind == 'order' else 'free'}")).content


def _held(client: Client | AsyncClient) -> list[Any]:
    leases = client._connections.leases  # pyright: ignore[reportPrivateUsage]
    return [one.http for one in leases._held.values()]  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("closings", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_ends_with_its_answer_though_another_thread_closes_the_client(
    slow: Slow, kind: Kind, closings: int
) -> None:
    client = Client(credential=slow.credential)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(_ask, client, slow, kind)
        assert slow.asked.wait(30)
        mine = _held(client)
        for _ in range(closings):
            client.close()
        assert not any(one.is_closed for one in mine)
        slow.may_answer.set()
        assert call.result(30) == ([] if kind == "standing" else b"sunny")
    assert mine
    assert all(one.is_closed for one in mine)
    assert slow.orders == (kind == "order")


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_ends_with_its_answer_though_another_task_closes_the_client(
    slow: Slow, kind: Kind
) -> None:
    async def both() -> list[Any]:
        client = AsyncClient(credential=slow.credential)
        call = asyncio.create_task(_aask(client, slow, kind))
        assert await asyncio.to_thread(slow.asked.wait, 30)
        mine = _held(client)
        await client.aclose()
        assert not any(one.is_closed for one in mine)
        slow.may_answer.set()
        assert await call == ([] if kind == "standing" else b"sunny")
        return mine

    mine = asyncio.run(both())
    assert mine
    assert all(one.is_closed for one in mine)
    assert slow.orders == (kind == "order")


def test_a_task_that_is_cancelled_after_the_close_leaves_nothing_open(slow: Slow) -> None:
    async def both() -> list[Any]:
        client = AsyncClient(credential=slow.credential)
        call = asyncio.create_task(_aask(client, slow, "order"))
        assert await asyncio.to_thread(slow.asked.wait, 30)
        mine = _held(client)
        await client.aclose()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return mine

    mine = asyncio.run(both())
    assert mine
    assert all(one.is_closed for one in mine)


def test_a_client_whose_calls_have_ended_is_closed_at_once_and_used_again(slow: Slow) -> None:
    slow.may_answer.set()
    client = Client(credential=slow.credential)
    for _ in range(2):
        assert client.get(f"{slow.url}/free").content == b"sunny"
        mine = _held(client)
        client.close()
        assert all(one.is_closed for one in mine)
        assert not _held(client)


def test_a_callers_own_http_client_stays_open(slow: Slow) -> None:
    slow.may_answer.set()
    http = httpx2.Client()
    try:
        with Client(credential=slow.credential, http=http) as client:
            assert client.get(f"{slow.url}/sold").content == b"sunny"
        assert not http.is_closed
    finally:
        http.close()
