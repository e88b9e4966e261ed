"""Bodies of every kind that the HTTP libraries take, through a purchase."""

from __future__ import annotations

import array
import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any, Final

import aiohttp
import pytest
import requests
from tests.town import Town

import l8nt.aiohttp
import l8nt.requests
from l8nt import AsyncClient, Client

Post = Callable[[Town, str, Any], None]


def parts(*given: Any) -> Iterator[Any]:
    yield from given


BODIES: Final[dict[str, tuple[Callable[[], Any], bytes]]] = {
    "bytes": (lambda: b"abc", b"abc"),
    "a bytearray": (lambda: bytearray(b"abc"), b"abc"),
    "a memoryview": (lambda: memoryview(b"abc"), b"abc"),
    "a memoryview of numbers": (lambda: memoryview(array.array("H", [1, 2])), b"\1\0\2\0"),
    "an empty bytearray": (lambda: bytearray(), b""),
    "a text": (lambda: "é", "é".encode()),
    "a file": (lambda: io.BytesIO(b"abc"), b"abc"),
    "parts": (lambda: parts(b"a", b"", b"bc"), b"abc"),
    "parts that are bytearrays": (lambda: parts(bytearray(b"a"), memoryview(b"bc")), b"abc"),
    "parts that are texts": (lambda: parts("a", "é"), "aé".encode()),
}
ITERATORS: Final = tuple(name for name in BODIES if name.startswith("parts"))


def with_client(town: Town, url: str, body: Any) -> None:
    with Client(credential=town.mint(), clock=town.clock) as client:
        assert client.post(url, content=body).status_code == 200


def with_async_client(town: Town, url: str, body: Any) -> None:
    async def post() -> None:
        async with AsyncClient(credential=town.mint(), clock=town.clock) as client:
            assert (await client.post(url, content=body)).status_code == 200

    asyncio.run(post())


def with_requests(town: Town, url: str, body: Any) -> None:
    with requests.Session() as session:
        adapter = l8nt.requests.Adapter(credential=town.mint(), clock=town.clock)
        session.mount("http://", adapter)
        assert session.post(url, data=body).status_code == 200


def with_aiohttp(town: Town, url: str, body: Any) -> None:
    async def post() -> None:
        middleware = l8nt.aiohttp.Middleware(credential=town.mint(), clock=town.clock)
        async with (
            aiohttp.ClientSession(middlewares=[middleware]) as session,
            session.post(url, data=body) as response,
        ):
            assert response.status == 200

    asyncio.run(post())


POSTS: Final[dict[str, Post]] = {
    "Client": with_client,
    "AsyncClient": with_async_client,
    "requests": with_requests,
    "aiohttp": with_aiohttp,
}


@pytest.mark.parametrize("how", POSTS)
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_arrives_whole_and_once(town: Town, how: str, kind: str) -> None:
    if (how, kind) == ("AsyncClient", "a file") or (how == "aiohttp" and kind in ITERATORS):
        pytest.skip("the library takes it in another way")
    if (how, kind) == ("requests", "a memoryview of numbers"):
        pytest.skip("requests counts its items for a Content-Length")
    shop = town.open_shop(price="10 sat")
    make, wanted = BODIES[kind]
    POSTS[how](town, f"{shop.url}/a", make())
    assert [one.body for one in shop.served] == [wanted]
    assert town.paid()[0] == 1


@pytest.mark.parametrize("how", ["Client", "requests"])
def test_parts_that_are_no_bytes_are_the_callers_mistake(town: Town, how: str) -> None:
    shop = town.open_shop(price="10 sat")
    with pytest.raises(TypeError, match="are bytes, and this one gives int"):
        POSTS[how](town, f"{shop.url}/a", parts(1, 2))
    assert town.paid()[0] == 0


def test_bytes_that_change_later_are_sent_as_they_were(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    body = bytearray(b"abc")

    def change(_: object) -> None:
        body[:] = b"xyz"

    with requests.Session() as session:
        adapter = l8nt.requests.Adapter(credential=town.mint(), clock=town.clock, on_payment=change)
        session.mount("http://", adapter)
        session.post(f"{shop.url}/a", data=body)
    assert [one.body for one in shop.served] == [b"abc"]
