"""What clients read for themselves, such as the body of a refusal, has an end with every HTTP
library; what the caller reads has none.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import sys
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any, Final
from unittest.mock import Mock

import aiohttp
import httpx
import httpx2
import pytest
import requests
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import DeflateBuffer
from urllib3 import HTTPResponse

import l8nt.aiohttp
import l8nt.httpx
import l8nt.httpx2
import l8nt.requests
from l8nt import PaymentError
from l8nt.client.decoded import decoded
from l8nt.client.httpx_port import AsyncHttpxPort, HttpxPort
from l8nt.client.httpx_reply import HttpxReply

from .world import SHOP, TREASURY, World, asks, clock, sunny

KEPT: Final = 65_536
MUCH: Final = 50_000_000
SMALL: Final = b'{"code":"ERR_DENIED"}'

Coding = Callable[[bytes], bytes]


def _raw_deflate(body: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(body) + made.flush()


def _br(body: bytes) -> bytes:
    return pytest.importorskip("brotli", exc_type=ImportError).compress(body)


def _zstd(body: bytes) -> bytes:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return pytest.importorskip(name, exc_type=ImportError).compress(body)


CODINGS: Final[dict[str, tuple[str, Coding]]] = {
    "none": ("identity", lambda body: body),
    "gzip": ("gzip", gzip.compress),
    "gzip in two members": ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
    "deflate": ("deflate", zlib.compress),
    "deflate without its header": ("deflate", _raw_deflate),
    "gzip of gzip": ("gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    "br": ("br", _br),
    "zstd": ("zstd", _zstd),
}
each_coding = pytest.mark.parametrize(("name", "encode"), CODINGS.values(), ids=CODINGS.keys())


class TestDecoded:
    @each_coding
    def test_a_body_of_the_size_that_is_kept(self, name: str, encode: Coding) -> None:
        whole = b"a1b2" * (KEPT // 4)
        assert decoded(encode(whole), name, KEPT) == whole
        assert decoded(encode(SMALL), f" {name.upper()} ", KEPT) == SMALL
        assert decoded(encode(b""), name, KEPT) == b""

    @each_coding
    @pytest.mark.parametrize("size", [KEPT + 1, MUCH])
    def test_nothing_of_a_larger_one(self, name: str, encode: Coding, size: int) -> None:
        body = encode(bytes(size))
        tracemalloc.start()
        try:
            assert decoded(body, name, KEPT) is None
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1_000_000

    @each_coding
    def test_nothing_of_one_that_is_cut_off_or_is_none(self, name: str, encode: Coding) -> None:
        if name == "identity":
            return
        assert decoded(encode(SMALL * 9)[:-1], name, KEPT) is None
        assert decoded(b"no coding at all", name, KEPT) is None

    def test_nothing_of_codings_that_are_unknown_or_too_many(self) -> None:
        assert decoded(SMALL, "compress", KEPT) is None
        assert decoded(SMALL, ", ".join(["gzip"] * 5), KEPT) is None
        assert decoded(gzip.compress(b"") * 17, "gzip", KEPT) is None


class Endless(io.RawIOBase):
    """Parts that come as long as they are read, up to ``MUCH``."""

    def __init__(self, part: bytes) -> None:
        self._part = part
        self.sent = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.sent >= MUCH:
            return 0
        count = min(len(buffer), len(self._part))
        buffer[:count] = self._part[:count]
        self.sent += count
        return count

    def __iter__(self) -> Iterator[bytes]:
        while self.sent < MUCH:
            self.sent += len(self._part)
            yield self._part


PART: Final = b"x" * 4096
EMPTY_MEMBERS: Final = gzip.compress(b"") * 100
"""Is decoded to nothing."""


@pytest.mark.parametrize(("part", "coding"), [(PART, None), (EMPTY_MEMBERS, "gzip")])
def test_a_body_without_an_end_is_read_as_far_as_it_is_kept_by_requests(
    part: bytes, coding: str | None
) -> None:
    source = Endless(part)
    response = requests.Response()
    headers = {} if coding is None else {"content-encoding": coding}
    response.headers.update(headers)
    response.raw = HTTPResponse(source, headers, 200, preload_content=False, decode_content=False)
    port = l8nt.requests._Port(Mock(), Mock(), Mock(), {})  # pyright: ignore
    assert port.read(l8nt.requests._Reply(response), KEPT) is None  # pyright: ignore
    assert source.sent < 2 * KEPT
    # The caller reads on, from the start.
    assert next(response.raw.stream(len(part), decode_content=False)) == part


@pytest.mark.parametrize("library", [httpx2, httpx])
async def test_a_body_without_an_end_is_read_as_far_as_it_is_kept_by_httpx(
    library: ModuleType,
) -> None:
    sources = [Endless(PART), Endless(PART)]

    class Threads(library.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(sources[0])

    class Loop(library.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in sources[1]:
                yield part

    one = library.Response(402, stream=Threads())
    other = library.Response(402, stream=Loop())
    assert HttpxPort(library.Client(), None).read(HttpxReply(one), KEPT) is None
    port = AsyncHttpxPort(library.AsyncClient(), None)
    assert await port.read(HttpxReply(other), KEPT) is None
    assert all(source.sent < 2 * KEPT for source in sources)
    begun: Iterator[Any] = one.iter_bytes()
    assert [next(begun), next(begun)] == [PART, PART]


def _content(protocol: Any = None) -> aiohttp.StreamReader:
    loop = asyncio.get_running_loop()
    return aiohttp.StreamReader(protocol or BaseProtocol(loop), 2**20, loop=loop)


async def _read_by_aiohttp(content: aiohttp.StreamReader) -> tuple[bytes | None, Any]:
    raw: Any = Mock(content=content, content_length=None)
    port = l8nt.aiohttp._Port(Mock(headers={}), Mock())  # pyright: ignore
    return await port.read(l8nt.aiohttp._Reply(raw, SHOP), KEPT), raw.content  # pyright: ignore


@pytest.mark.parametrize("has_ended", [False, True])
async def test_a_body_without_an_end_is_read_as_far_as_it_is_kept_by_aiohttp(
    has_ended: bool,
) -> None:
    content = _content()
    whole = bytes(range(256)) * (2 * KEPT // 256)
    content.feed_data(whole)
    if has_ended:
        content.feed_eof()
    body, again = await asyncio.wait_for(_read_by_aiohttp(content), 5)
    assert body is None
    if not has_ended:
        content.feed_data(b"more")
        content.feed_eof()
    assert await again.read() == whole + (b"" if has_ended else b"more")


async def test_a_body_that_was_read_is_there_for_each_way_to_read_it_with_aiohttp() -> None:
    content = _content()
    content.feed_data(SMALL)
    content.feed_eof()
    body, again = await _read_by_aiohttp(content)
    assert body == SMALL
    assert not again.at_eof()
    assert await again.readexactly(len(SMALL)) == SMALL
    assert again.at_eof()


async def test_a_compressed_body_is_counted_as_it_is_decoded_by_aiohttp() -> None:
    content = _content(Mock(_reading_paused=False))
    buffer: Any = DeflateBuffer(content, "gzip")
    body = gzip.compress(bytes(MUCH))
    buffer.feed_data(body, len(body))
    read, _ = await asyncio.wait_for(_read_by_aiohttp(content), 5)
    assert read is None


class TestWhole:
    """Whole calls, whose service answers with more than anybody wants."""

    @pytest.mark.parametrize("library", [httpx2, httpx])
    def test_an_auth_flow_does_not_wait_for_the_end_of_a_402(
        self, world: World, library: ModuleType
    ) -> None:
        source = Endless(PART)

        class Stream(library.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                return iter(source)

        def serve(request: Any) -> Any:
            if "authorization" in request.headers:
                return library.Response(200, text="sunny")
            return library.Response(402, headers=asks().headers, stream=Stream())

        def treasury(request: Any) -> Any:
            method, url, headers = request.method, str(request.url), request.headers.raw
            order = httpx2.Request(method, url, headers=headers, content=request.content)
            answer = world.handle(order)
            return library.Response(200, headers=answer.headers.raw, content=answer.read())

        kind: Any = l8nt.httpx2.Auth if library is httpx2 else l8nt.httpx.Auth
        with library.Client(transport=library.MockTransport(treasury)) as orders:
            auth = kind(credential=world.credential, treasury_http=orders, clock=clock)
            transport = library.MockTransport(serve)
            with library.Client(auth=auth, transport=transport) as http:
                assert http.get(f"{SHOP}/a").text == "sunny"
        assert source.sent <= KEPT
        assert len(world.orders) == 1

    def test_a_refusal_is_read_as_far_as_it_is_kept(self, world: World) -> None:
        bomb = gzip.compress(b'{"code":"ERR_DENIED","detail":"' + bytes(MUCH) + b'"}')
        headers = {"content-type": "application/problem+json", "content-encoding": "gzip"}
        world.serve = lambda _: httpx2.Response(401, headers=headers, stream=_Bytes(bomb))
        client = world.client().threads
        assert client is not None
        tracemalloc.start()
        try:
            with client.stream("GET", f"{SHOP}/a") as response:
                assert response.status_code == 401
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 5_000_000

    def test_an_answer_of_a_treasury_is_read_as_far_as_it_is_kept(self, world: World) -> None:
        bomb = gzip.compress(bytes(MUCH))
        headers = {"content-type": "application/problem+json", "content-encoding": "gzip"}
        world.otherwise = lambda _: httpx2.Response(500, headers=headers, stream=_Bytes(bomb))
        tracemalloc.start()
        try:
            with pytest.raises(PaymentError, match=TREASURY):
                world.client().get(f"{SHOP}/a")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 5_000_000

    def test_a_compressed_refusal_is_read(self, world: World) -> None:
        headers = {"content-type": "application/problem+json", "content-encoding": "gzip"}
        body = gzip.compress(b'{"code":"ERR_TOKEN_FORGED","detail":"no."}')
        refusals = [httpx2.Response(401, headers=headers, stream=_Bytes(body))]
        world.serve = lambda _: refusals.pop() if refusals else sunny()
        assert world.client().get(f"{SHOP}/a").text == "sunny"
        assert len(world.orders) == 2


class _Bytes(httpx2.SyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
