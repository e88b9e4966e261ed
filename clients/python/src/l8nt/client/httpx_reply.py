"""Answers of httpx and httpx2, as a call reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .flow import Reply
from .streamed_body import StreamedBody

if TYPE_CHECKING:
    import httpx2

    from .body_end import BodyEnd


class HttpxReply(Reply):
    """An answer of either library, whose body may not be read yet."""

    __slots__ = ("raw", "shown_url")

    def __init__(self, raw: httpx2.Response) -> None:
        super().__init__()
        self.raw = raw
        self.shown_url: str | None = None

    @property
    def status(self) -> int:
        return self.raw.status_code

    @property
    def url(self) -> str:
        return self.shown_url or str(self.raw.request.url)

    def get(self, name: str) -> str | None:
        return self.raw.headers.get(name)

    def lines(self, name: str) -> list[str]:
        return self.raw.headers.get_list(name)

    def relay(self, url: str) -> None:
        for name in ("sigil-relayed", "sigil-payment"):
            if name in self.raw.headers:
                del self.raw.headers[name]
        self.shown_url = url

    def watch(self, end: BodyEnd) -> None:
        raw = self.raw
        if raw.is_stream_consumed or raw.is_closed:
            end.read()
            return
        decoding = None
        if "content-encoding" in raw.headers:
            decoding = Decoding(raw, end)
        raw.stream = _wrapped(raw.stream, Watched(raw.stream, end, decoding))


class Decoding:
    """The content coding of a watched body: what cannot be decoded has broken off. It has the
    methods of a decoder of the library, which has one for each response.
    """

    def __init__(self, raw: Any, end: BodyEnd) -> None:
        self._end = end
        self._error: Exception | None = None
        try:
            self._decoder = raw._get_content_decoder()  # noqa: SLF001 - it has no other way.
        except Exception as error:  # A list of codings that the library does not take.
            self._error = error
        self.has_begun = False
        """Whether its reader has it decoded, so that the body ends with the last decoded bytes."""
        raw._decoder = self  # noqa: SLF001 - the same.

    def decode(self, data: bytes) -> Any:
        self.has_begun = True
        return self._given(lambda: self._decoder.decode(data))

    def flush(self) -> Any:
        return self._given(self._decoder.flush, is_last=True)

    def _given(self, decoding: Callable[[], Any], *, is_last: bool = False) -> Any:
        """``httpx`` decodes to bytes, ``httpx2`` to parts, one by one."""
        with self._told():
            if self._error is not None:
                raise self._error
            decoded = decoding()
        if not isinstance(decoded, bytes):
            return self._parts(decoded, is_last=is_last)
        if is_last:
            self._end.read()
        return decoded

    def _parts(self, decoded: Iterable[bytes], *, is_last: bool) -> Iterator[bytes]:
        with self._told():
            yield from decoded
        if is_last:
            self._end.read()

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except GeneratorExit:
            self._end.left()
            raise
        except BaseException as error:
            told = self._end.broke(error)
            if told is error:
                raise
            raise told from error


def read_whole(raw: httpx2.Response) -> AbstractContextManager[None]:
    """Surrounds the reading of a whole body for a caller. See ``BodyEnd.reading``."""
    return raw.stream.end.reading() if isinstance(raw.stream, Watched) else nullcontext()


class Watched:
    """A body on its way to the caller."""

    def __init__(self, source: Any, end: BodyEnd, decoding: Decoding | None) -> None:
        self._source = source
        self.end = end
        end.inner = source.end if isinstance(source, Watched) else None
        self._decoding = decoding
        self._is_whole = False
        self._parts: Any = None

    @property
    def elapsed(self) -> timedelta | None:
        return getattr(self._source, "elapsed", None)

    def _ended(self) -> None:
        """Its last byte has come. The library closes it then, before it decodes the rest."""
        self._is_whole = True
        if not self._is_to_decode:
            self.end.read()

    def _left(self) -> None:
        if not (self._is_whole and self._is_to_decode):
            self.end.left()

    @property
    def _is_to_decode(self) -> bool:
        return self._decoding is not None and self._decoding.has_begun

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._source
        except GeneratorExit:
            raise
        except BaseException as error:
            told = self.end.broke(error)
            if told is error:
                raise
            raise told from error
        self._ended()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._parts = aiter(self._source)
        try:
            async for part in self._parts:
                yield part
        except GeneratorExit:
            raise
        except BaseException as error:
            told = self.end.broke(error)
            if told is error:
                raise
            raise told from error
        self._ended()

    def close(self) -> None:
        self._left()
        self._source.close()

    async def aclose(self) -> None:
        self._left()
        await self._source.aclose()
        # A reader that failed leaves its generators as they are, and the loop would collect them.
        close: Callable[[], Awaitable[None]] | None = getattr(self._parts, "aclose", None)
        if close is not None:
            with suppress(RuntimeError):  # Another task reads it at this moment.
                await close()


class Replayed:
    """A body of which a part was read."""

    def __init__(self, source: Any, parts: Iterable[bytes], rest: Any) -> None:
        self._source = source
        self._parts = tuple(parts)
        self._rest = rest

    @property
    def elapsed(self) -> timedelta | None:
        return getattr(self._source, "elapsed", None)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        yield from self._rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        if self._rest is not None:
            async for part in self._rest:
                yield part

    def close(self) -> None:
        self._source.close()

    async def aclose(self) -> None:
        await self._source.aclose()


class Broken:
    """The rest of a body that broke off."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in ():
            yield b""
        raise self._error


class Uploaded:
    """The body of a request as it comes."""

    def __init__(self, body: StreamedBody) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    def close(self) -> None:
        """The call ends the body, not one try of it."""

    async def aclose(self) -> None:
        """The call ends the body, not one try of it."""


def library_of(made: object) -> ModuleType:
    """``httpx2`` or ``httpx``, of whichever an object is."""
    import sys

    names = [kind.__module__.split(".", 1)[0] for kind in type(made).__mro__]
    name = next(name for name in names if name in ("httpx2", "httpx"))
    return sys.modules[name]


def _wrapped(source: object, part: Watched | Replayed) -> Any:
    library = library_of(source)
    is_async = isinstance(source, library.AsyncByteStream) and not isinstance(
        source, library.SyncByteStream
    )
    return as_stream(library, part, is_async=is_async)


def as_stream(library: ModuleType, part: Watched | Replayed | Uploaded, *, is_async: bool) -> Any:
    """The same as a stream of the library: its classes are asked for what they are."""
    part.__class__ = _class_of(library, type(part), is_async)
    return part


@lru_cache(32)
def _class_of(library: ModuleType, kind: type, is_async: bool) -> Any:
    base = library.AsyncByteStream if is_async else library.SyncByteStream
    return type(kind.__name__, (kind, base), {})


def replay(raw: httpx2.Response, parts: list[bytes], rest: Any) -> None:
    """Has the body of a response start again with the parts that were read."""
    raw.stream = _wrapped(raw.stream, Replayed(raw.stream, parts, rest))
