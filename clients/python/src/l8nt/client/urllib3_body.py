"""The body of a response of urllib3, which requests gives its caller as ``response.raw``."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from typing_extensions import Self, override
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import BodyNotHttplibCompatible, ResponseNotChunked

from .body_end import BodyEnd

_MISTAKES = (TypeError, ResponseNotChunked, BodyNotHttplibCompatible, io.UnsupportedOperation)
"""Errors of a body that is used wrongly."""


class Watched:
    """A body on its way to the caller, with every way to read one of urllib3's."""

    def __init__(self, source: Any, end: BodyEnd) -> None:
        self._source = source
        self.end = end
        end.inner = source.end if isinstance(source, Watched) else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def stream(self, *given: Any, **options: Any) -> Iterator[bytes]:
        return self._parts(self._source.stream, *given, **options)

    def read_chunked(self, *given: Any, **options: Any) -> Iterator[bytes]:
        return self._parts(self._source.read_chunked, *given, **options)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts(self._source.__iter__)

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def read(self, *given: Any, **options: Any) -> bytes:
        part: bytes = self._given(self._source.read, *given, **options)
        return part

    def read1(self, *given: Any, **options: Any) -> bytes:
        part: bytes = self._given(self._source.read1, *given, **options)
        return part

    def readinto(self, buffer: Any) -> int:
        count: int = self._given(self._source.readinto, buffer)
        return count

    def readline(self, *given: Any) -> bytes:
        line: bytes = self._given(self._source.readline, *given)
        return line

    def readlines(self, *given: Any) -> list[bytes]:
        lines: list[bytes] = self._given(self._source.readlines, *given)
        return lines

    @property
    def data(self) -> bytes:
        whole: bytes = self._given(lambda: self._source.data)
        self.end.read()
        return whole

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.end.left()
        self._source.close()

    def _given(self, reading: Callable[..., Any], *given: Any, **options: Any) -> Any:
        try:
            part = reading(*given, **options)
        except _MISTAKES:
            raise
        except BaseException as error:
            self._broke(error)
            raise
        # A caller may know the length, and not read further.
        if not part or self._source.closed:
            self.end.read()
        return part

    def _parts(self, reading: Callable[..., Any], *given: Any, **options: Any) -> Iterator[bytes]:
        try:
            yield from reading(*given, **options)
        except (GeneratorExit, *_MISTAKES):
            raise
        except BaseException as error:
            self._broke(error)
            raise
        self.end.read()

    def _broke(self, error: BaseException) -> None:
        told = self.end.broke(error)
        if told is not error:
            raise told from error


class _Parts(io.RawIOBase):
    """Parts of a body as a file."""

    def __init__(self, parts: Iterable[bytes], close: Callable[[], object]) -> None:
        super().__init__()
        self._parts = iter(parts)
        self._close = close
        self._left = b""

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = next(self._parts, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    @override
    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()


def broken(error: Exception) -> Iterator[bytes]:
    """The rest of a body that broke off."""
    yield from ()
    raise error


def replayed(source: Any, parts: Iterable[bytes]) -> HTTPResponse:
    """The same response, whose body starts again with the parts that were read."""
    fields = HTTPHeaderDict(source.headers)
    for name in ("content-length", "transfer-encoding"):
        fields.pop(name, None)
    return HTTPResponse(
        body=io.BufferedReader(_Parts(parts, source.close)),
        headers=fields,
        status=source.status,
        reason=source.reason,
        version=source.version,
        preload_content=False,
        decode_content=False,
        # A session reads cookies there.
        original_response=getattr(source, "_original_response", None),
    )
