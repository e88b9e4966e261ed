"""The body of a request that comes by and by: sent as it comes, and kept as far as it may have to
be sent again. spec/4-purchase.md §2.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TypeGuard

MAX_BODY_BYTES = 1024 * 1024
"""The size of a body that is kept in memory, to be sent again or through a treasury."""


BytesLike = bytes | bytearray | memoryview
"""Bytes that are here. The last two may change, so they are copied when the call begins."""


def is_bytes(body: object) -> TypeGuard[BytesLike]:
    """Whether a body is here as bytes. Its items are numbers, so it is no stream."""
    return isinstance(body, (bytes, bytearray, memoryview))


class StreamedBody:
    """A body that is read once, from an iterable of bytes or an asynchronous one. Texts among its
    parts are sent in UTF-8, as the HTTP libraries do.
    """

    __slots__ = ("_afrom", "_at", "_from", "_has_ended", "_is_taken", "_parts", "_size")

    def __init__(self, source: Iterable[bytes | str] | AsyncIterable[bytes | str]) -> None:
        self._from = iter(source) if isinstance(source, Iterable) else None
        self._afrom = None if isinstance(source, Iterable) else aiter(source)
        self._parts: list[bytes] = []
        self._size = 0
        self._has_ended = False
        self._is_taken = False

    @property
    def is_large(self) -> bool:
        """Whether it is larger than what is kept."""
        return self._size > MAX_BODY_BYTES

    @property
    def kept(self) -> bytes | None:
        """All of it, once it was read to its end and if it is not too large."""
        return b"".join(self._parts) if self._has_ended and not self.is_large else None

    def take(self) -> bool:
        """Whether it can be sent as it comes, which is possible once."""
        if self._is_taken:
            return False
        self._is_taken = True
        return True

    def fill(self) -> None:
        """Reads the rest, as far as it is kept."""
        while not self._has_ended and not self.is_large:
            self._next()

    async def afill(self) -> None:
        """Reads the rest, as far as it is kept."""
        while not self._has_ended and not self.is_large:
            await self._anext()

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        while (part := self._next()) is not None:
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        while (part := await self._anext()) is not None:
            yield part

    def _next(self) -> bytes | None:
        if self._from is None:
            raise TypeError(
                "the body is an asynchronous iterable, which AsyncClient sends and Client does not"
            )
        return None if self._has_ended else self._note(next(self._from, None))

    async def _anext(self) -> bytes | None:
        if self._has_ended:
            return None
        if self._afrom is None:
            return self._next()
        return self._note(await anext(self._afrom, None))

    def _note(self, given: object) -> bytes | None:
        if given is None:
            self._has_ended = True
            return None
        if not isinstance(given, str) and not is_bytes(given):
            raise TypeError(
                f"the parts of a body are bytes, and this one gives {type(given).__name__}"
            )
        part = given.encode() if isinstance(given, str) else bytes(given)
        self._size += len(part)
        # What was sent of a body that is too large is never sent again.
        if self.is_large and self._is_taken:
            self._parts.clear()
        else:
            self._parts.append(part)
        return part
