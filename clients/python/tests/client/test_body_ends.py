"""How bodies end for their readers: read, broken off or left, once, with every HTTP library."""

from __future__ import annotations

import asyncio
import gzip
import io
import pickle
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import product
from types import ModuleType
from typing import Any, Final
from unittest.mock import Mock

import aiohttp
import httpx
import httpx2
import pytest
import requests
from aiohttp.streams import StreamReader
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from l8nt.aiohttp import _Reply as AiohttpReply  # pyright: ignore[reportPrivateUsage]
from l8nt.client.body_end import BodyEnd
from l8nt.client.httpx_reply import HttpxReply
from l8nt.requests import _Reply as RequestsReply  # pyright: ignore[reportPrivateUsage]


class Told(Exception):
    """The error for the reader of a body that broke off."""


class Ends:
    """What is told of one body."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.end = BodyEnd(
            read=lambda: self.told.append("given"),
            broke=lambda: self.told.append("broke"),
            told=lambda _: Told(),
        )


EVENTS: Final[dict[str, Callable[[BodyEnd], object]]] = {
    "read": lambda end: end.read(),
    "left": lambda end: end.left(),
    "overdue": lambda end: end.overdue(),
    "broke": lambda end: end.broke(OSError("reset")),
}


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_the_first_end_of_a_body_counts_and_no_other(length: int) -> None:
    for events in product(EVENTS, repeat=length):
        ends = Ends()
        for event in events:
            EVENTS[event](ends.end)
        assert ends.told == ["broke" if events[0] == "broke" else "given"], events


@pytest.mark.parametrize("before", [None, "read", "left", "overdue", "broke"])
def test_a_failed_reading_after_the_end_is_the_readers_own(before: str | None) -> None:
    ends = Ends()
    if before is not None:
        EVENTS[before](ends.end)
    error = OSError("closed")
    assert (ends.end.broke(error) is error) == (before in ("read", "left"))


class Body(ABC):
    """The body of an answer of one HTTP library. It is ``whole`` or breaks off."""

    @abstractmethod
    def __init__(self, whole: bool, end: BodyEnd) -> None: ...

    @abstractmethod
    async def read(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...


class Parts(io.RawIOBase):
    def __init__(self, whole: bool) -> None:
        self._left = [b"one ", b"two"]
        self._whole = whole

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            if self._whole:
                return 0
            raise OSError("reset")
        part = self._left.pop(0)
        buffer[: len(part)] = part
        return len(part)


class OfRequests(Body):
    def __init__(self, whole: bool, end: BodyEnd) -> None:
        self._response = requests.Response()
        self._response.raw = HTTPResponse(Parts(whole), status=200, preload_content=False)
        RequestsReply(self._response).watch(end)

    async def read(self) -> None:
        for _ in self._response.iter_content(2):
            pass

    async def close(self) -> None:
        self._response.close()


class OfRaw(OfRequests):
    async def read(self) -> None:
        while self._response.raw.read(2):
            pass


class OfHttpx(Body):
    library: ModuleType = httpx2

    def __init__(self, whole: bool, end: BodyEnd) -> None:
        error = self.library.ReadError("reset")

        class Stream(self.library.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                yield b"one "
                if not whole:
                    raise error

        self._response = self.library.Response(200, stream=Stream())
        HttpxReply(self._response).watch(end)

    async def read(self) -> None:
        for _ in self._response.iter_bytes():
            pass

    async def close(self) -> None:
        self._response.close()


class OfOlderHttpx(OfHttpx):
    library = httpx


class OfAsyncHttpx(OfHttpx):
    def __init__(self, whole: bool, end: BodyEnd) -> None:
        error = self.library.ReadError("reset")

        class Stream(self.library.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                yield b"one "
                if not whole:
                    raise error

        self._response = self.library.Response(200, stream=Stream())
        HttpxReply(self._response).watch(end)

    async def read(self) -> None:
        async for _ in self._response.aiter_bytes():
            pass

    async def close(self) -> None:
        await self._response.aclose()


class OfOlderAsyncHttpx(OfAsyncHttpx):
    library = httpx


class OfAiohttp(Body):
    def __init__(self, whole: bool, end: BodyEnd) -> None:
        loop = asyncio.get_running_loop()
        content = StreamReader(Mock(_reading_paused=False), 2**16, loop=loop)
        content.feed_data(b"one ")
        if whole:
            content.feed_eof()
        else:
            content.set_exception(aiohttp.ClientPayloadError("reset"))
        self.content: Any = content
        raw: Any = Mock(content=content)
        AiohttpReply(raw, "https://shop.example/a").watch(end)
        self.content = raw.content

    async def read(self) -> None:
        while await self.content.read(2):
            pass

    async def close(self) -> None:
        # As a response of aiohttp does when it is released or closed.
        if self.content.exception() is None:
            self.content.set_exception(aiohttp.ClientConnectionError("Connection closed"))


BODIES: Final[dict[str, type[Body]]] = {
    "requests": OfRequests,
    "raw of requests": OfRaw,
    "httpx2": OfHttpx,
    "httpx": OfOlderHttpx,
    "httpx2, async": OfAsyncHttpx,
    "httpx, async": OfOlderAsyncHttpx,
    "aiohttp": OfAiohttp,
}
each_library = pytest.mark.parametrize("kind", BODIES.values(), ids=BODIES.keys())


async def _attempted(body: Body) -> str:
    try:
        await body.read()
    except Told:
        return "told"
    except Exception:
        return "failed"
    return "read"


@each_library
@pytest.mark.parametrize("then", list(product(("read", "close"), repeat=2)), ids="-".join)
async def test_a_body_that_broke_off_never_counts_as_read(
    kind: type[Body], then: tuple[str, str]
) -> None:
    ends = Ends()
    body = kind(False, ends.end)
    assert await _attempted(body) == "told"
    for step in then:
        await (_attempted(body) if step == "read" else body.close())
    assert ends.told == ["broke"]


@each_library
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "breaking"])
async def test_a_body_that_was_left_counts_as_given_and_breaks_no_more(
    kind: type[Body], whole: bool
) -> None:
    ends = Ends()
    body = kind(whole, ends.end)
    await body.close()
    told = await _attempted(body)
    await body.close()
    # The parser of aiohttp has told the body already.
    if kind is OfAiohttp and not whole:
        assert (ends.told, told) == (["broke"], "told")
    else:
        assert ends.told == ["given"]
        assert told != "told"


@each_library
async def test_a_body_that_was_read_is_given_once(kind: type[Body]) -> None:
    ends = Ends()
    body = kind(True, ends.end)
    assert await _attempted(body) == "read"
    await body.close()
    assert await _attempted(body) != "told"
    assert ends.told == ["given"]


async def test_what_aiohttp_refuses_to_a_reader_has_not_broken_off() -> None:
    ends = Ends()
    body = OfAiohttp(True, ends.end)
    with pytest.raises(ValueError, match="Separator"):
        await body.content.readuntil(b"")
    assert ends.told == []
    with pytest.raises(asyncio.IncompleteReadError):
        await body.content.readexactly(100)
    assert ends.told == ["given"]


def test_an_error_of_urllib3_is_a_break() -> None:
    ends = Ends()
    source = Mock(read=Mock(side_effect=ProtocolError("broken")), closed=False)
    response = requests.Response()
    response.raw = source
    RequestsReply(response).watch(ends.end)
    with pytest.raises(Told):
        response.raw.read()
    assert ends.told == ["broke"]


CODED: Final = gzip.compress(b"one " * 1000)
each_older = pytest.mark.parametrize("library", [httpx2, httpx], ids=["httpx2", "httpx"])


@each_older
@pytest.mark.parametrize("way", ["iter_bytes", "iter_raw", "read"])
@pytest.mark.parametrize("body", [CODED, b"", CODED[:-4], b"no gzip", CODED[:-8] + b"wrong sum"])
def test_a_coded_body_ends_when_its_reader_has_decoded_it(
    library: ModuleType, way: str, body: bytes
) -> None:
    class Stream(library.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for at in range(0, len(body), 7):
                yield body[at : at + 7]

    ends = Ends()
    response = library.Response(200, headers={"content-encoding": "gzip"}, stream=Stream())
    HttpxReply(response).watch(ends.end)
    is_broken = way != "iter_raw" and (b"wrong" in body or body == b"no gzip")
    try:
        list(getattr(response, way)())
    except Told:
        assert is_broken
    response.close()
    assert ends.told == ["broke" if is_broken else "given"]


@each_older
def test_a_coded_body_whose_reader_leaves_counts_as_given(library: ModuleType) -> None:
    class Stream(library.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield CODED[:30]
            yield CODED[30:]

    for count in (0, 1):
        ends = Ends()
        response = library.Response(200, headers={"content-encoding": "gzip"}, stream=Stream())
        HttpxReply(response).watch(ends.end)
        parts = response.iter_bytes()
        for _ in range(count):
            next(parts)
        response.close()
        assert ends.told == ["given"]
        assert pickle.loads(pickle.dumps(response)).status_code == 200
