"""The body of a response of aiohttp, which its session gives the caller as ``response.content``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import aiohttp
from aiohttp.base_protocol import BaseProtocol

from .body_end import BodyEnd

_MISTAKES = (TypeError, ValueError, RuntimeError, EOFError)
"""Errors of a ``StreamReader`` that is used wrongly, or that has less than is asked for."""


class Watched:
    """A body on its way to the caller, with the methods of aiohttp's ``StreamReader``."""

    def __init__(self, source: Any, end: BodyEnd) -> None:
        self._source = source
        self._end = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    async def _given(self, reading: Awaitable[Any]) -> Any:
        try:
            part = await reading
        except _MISTAKES:
            raise
        except BaseException as error:
            told = self._end.broke(error)
            if told is error:
                raise
            raise told from error
        finally:
            if self._source.at_eof():
                self._end.read()
        return part

    def set_exception(self, *given: Any) -> None:
        """A response does this with a body that is closed before its end."""
        self._end.left()
        self._source.set_exception(*given)

    async def read(self, n: int = -1) -> bytes:
        return await self._given(self._source.read(n))

    async def readany(self) -> bytes:
        return await self._given(self._source.readany())

    async def readline(self) -> bytes:
        return await self._given(self._source.readline())

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        return await self._given(self._source.readuntil(separator))

    async def readexactly(self, n: int) -> bytes:
        return await self._given(self._source.readexactly(n))

    async def readchunk(self) -> tuple[bytes, bool]:
        return await self._given(self._source.readchunk())

    async def iter_any(self) -> AsyncIterator[bytes]:
        while part := await self.readany():
            yield part

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        while part := await self.read(n):
            yield part

    async def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        while (part := await self.readchunk()) != (b"", False):
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await self.readline():
            yield part


def again(content: aiohttp.StreamReader, begun: bytes) -> aiohttp.StreamReader:
    """A body that starts again with what was read of it: all that it had."""
    if not begun:
        return content
    if not content.is_eof():
        content.feed_data(begun)
        return content
    loop = asyncio.get_running_loop()
    made = aiohttp.StreamReader(BaseProtocol(loop), len(begun), loop=loop)
    made.feed_data(begun)
    made.feed_eof()
    return made
