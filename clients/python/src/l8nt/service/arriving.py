"""What a server of ASGI says about one request: its body, and that its client has left.
spec/5-ledger.md §5.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from ..errors import AdapterError
from .exchange import MAX_BODY_BYTES

__all__ = ["Arriving", "Message", "Receive"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

_TURNS: Final = 8
"""How often the event loop runs while a server is asked. It knows at once, or not yet; middleware
between it and Sigil may take a few turns to pass it on."""
_MOST_KEPT: Final = 16
"""How many parts of a body are kept for an application that has not read it."""


class Arriving:
    """What the application receives, and what was received before it asked."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._next: asyncio.Task[Message] | None = None
        self._turn = asyncio.Lock()
        self.is_gone = False
        """Whether the client has left, as far as anybody has asked."""

    async def receive(self) -> Message:
        """What the application receives: first what was read before it. Tasks that ask at once get
        a message each, in the order in which they asked.
        """
        async with self._turn:
            while not self._kept:
                asked = self._next
                if asked is None:
                    return self._noted(await self._receive())
                message = await asyncio.shield(asked)
                # Else `look` has kept it meanwhile.
                if self._next is asked:
                    self._next = None
                    return self._noted(message)
            return self._kept.popleft()

    async def read(self) -> bytes | None:
        """The whole body, which the handler reads again; ``None`` if the client left before its
        end.
        """
        chunks: list[bytes] = []
        size = 0
        while True:
            message = self._noted(await self._receive())
            if message["type"] != "http.request":
                self.is_gone = True
                return None
            self._kept.append(message)
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > MAX_BODY_BYTES:
                raise AdapterError(
                    "ERR_TOO_LARGE", f"The body is larger than {MAX_BODY_BYTES} bytes."
                )
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def look(self) -> None:
        """Asks the server whether the client has left, and waits for nothing. A handler that does
        not ask would never know.
        """
        while not self.is_gone and len(self._kept) < _MOST_KEPT:
            asked = self._next
            if asked is None:
                asked = self._next = asyncio.ensure_future(self._receive())
            for _ in range(_TURNS):
                if asked.done():
                    break
                await asyncio.sleep(0)
            if not asked.done() or asked.cancelled() or asked.exception() is not None:
                return
            self._next = None
            self._kept.append(self._noted(asked.result()))

    def close(self) -> None:
        """Nobody receives any more."""
        if self._next is not None:
            self._next.cancel()

    def _noted(self, message: Message) -> Message:
        if message["type"] == "http.disconnect":
            self.is_gone = True
        return message
