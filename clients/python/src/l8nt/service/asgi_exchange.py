"""One request or WebSocket of ASGI, from its judgement to the end of its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, cast

from .arriving import Arriving, Message, Receive
from .ending import TaskEnding
from .exchange import Exchange
from .facts import RequestFacts
from .grant import Grant
from .reading import asgi_fields, asgi_mount, asgi_target
from .refused import Answer
from .service import Service
from .stripped import without_credential_bytes
from .terms import Terms
from .waiting import Wait, drive_async

__all__ = ["POLICY", "App", "AsgiExchange", "Receive", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY: Final = 1008
"""The code that closes a WebSocket whose credential does not let it in (RFC 6455 §7.4.1)."""
_BODIES: Final = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")
# A server answers 403 to a WebSocket that is closed before it was accepted.
_HEADS: Final = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_OVER: Final = "the credential was revoked, or has ended"


class AsgiExchange(Exchange):
    """One request or WebSocket, as the application receives and answers it."""

    def __init__(
        self, service: Service, scope: Scope, receive: Receive, send: Send, mount: str
    ) -> None:
        self._scope = scope
        self._fields = scope["headers"]
        self._arriving = Arriving(receive)
        self._send = send
        self._head: Message | None = None
        self._is_finished = False
        self._task: asyncio.Task[Any] | None = None
        self._ending: TaskEnding | None = None
        facts = _facts_of(scope, Wait(_no_thread, self._arriving.read))
        super().__init__(service, facts.below(mount))

    async def let_in(
        self, scope: Scope, terms: Terms, *, connection: object = None
    ) -> Grant | None:
        """Judges the request, and takes the credential out of what the handler sees.

        ``connection``: the request of Starlette that the handler gets, if there is one.
        """
        grant = await drive_async(self.judge(terms))
        if grant is not None:
            # Each request that Starlette makes of a scope puts another list into it.
            read: Any = getattr(getattr(connection, "_headers", None), "_list", None)
            for fields in (scope["headers"], self._fields, read):
                _strip(fields)
        return grant

    async def serve(self, app: App, scope: Scope) -> None:
        """Runs the application, and ends what was claimed with what it answers.

        What is under way is broken off if its credential is revoked or ends: raises
        ConnectionAbortedError, so that nothing around the application ends the answer as if it was
        whole.
        """
        self._task = asyncio.current_task()
        try:
            await app(scope, self.receive, self.send)
            # An application may go on after it was cancelled.
            if self._ending is not None and self._ending.is_over:
                await self._break_off()
        except asyncio.CancelledError:
            if self._ending is None or not self._ending.has_broken_off:
                raise
            uncancel = getattr(self._task, "uncancel", None)
            if uncancel is not None:
                uncancel()
            await self._break_off()
        finally:
            try:
                if self.answer is not None and not self._is_finished:
                    await self.send_answer()
            finally:
                self._arriving.close()
                if self._ending is not None:
                    self._ending.close()
                self.end()

    async def _break_off(self) -> None:
        if self._scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": POLICY, "reason": _OVER})
            return
        # BaseHTTPMiddleware of Starlette ends the answer of an application that fails as if it was
        # whole, unless a file ends it. A server that sends no files refuses one, and each a second
        # head.
        sends_files = "http.response.pathsend" in (self._scope.get("extensions") or {})
        refused: Message = {"type": "http.response.pathsend", "path": ""}
        if sends_files:
            refused = {"type": "http.response.start", "status": 500, "headers": []}
        with contextlib.suppress(Exception):
            await self._send(refused)
        raise ConnectionAbortedError(_OVER)

    async def receive(self) -> Message:
        """What the application receives: first what was read before it."""
        message = await self._arriving.receive()
        if message["type"] == "websocket.disconnect" and self._ending is not None:
            self._ending.close()
        return message

    async def send(self, message: Message) -> None:
        """Sends what the application sends; in its place the refusal, if there is one."""
        if self._is_finished or (self._ending is not None and self._ending.is_over):
            return
        if self.answer is not None:
            await self.send_answer()
            return
        if message["type"] in _BODIES:
            await self._send_part(message)
            return
        if message["type"] == "http.response.start" and self.is_begun:
            await self._send(message)
            return
        if message["type"] == "http.response.start" and self._waits:
            self._head = message
            return
        if message["type"] in _HEADS:
            message = await self._with_head(message)
            if self._is_finished:
                return
        await self._send(message)
        if message["type"] == "websocket.accept":
            self._begin()
        elif message["type"] == "websocket.close" and self._ending is not None:
            self._ending.close()

    @property
    def _waits(self) -> bool:
        """Whether a head waits for the first part of its body, as ASGI lets servers do: a handler
        that fails before it has served nothing, and the use is given back. An empty part, by which
        a handler sends its head at once, is one.
        """
        return self.is_head_alone or (self.grant is not None and self.grant.is_claimed)

    async def _send_part(self, message: Message) -> None:
        is_last = not message.get("more_body", False)
        if self.is_head_alone:
            message, is_last = {"type": "http.response.body", "body": b""}, True
            self._head = None if self._head is None else {**self._head, "trailers": False}
        if self._head is not None:
            head, self._head = await self._with_head(self._head), None
            if self._is_finished:
                return
            await self._send(head)
        await self._send(message)
        if self.is_head_alone:
            self._is_finished = True
        elif not is_last:
            self._begin()
        elif self._ending is not None:
            # The handler may still work behind its answer, as background tasks do.
            self._ending.close()

    async def _with_head(self, message: Message) -> Message:
        """The head as it is sent. What is given back, because its client left, is not sent: one
        that closed one direction could still read.
        """
        grant = self.grant
        is_asked = grant is not None and grant.is_claimed and not grant.is_counted_unseen
        if is_asked and self._scope["type"] == "http":
            await self._arriving.look()
        status = 101 if message["type"] == "websocket.accept" else message["status"]
        given = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in message.get("headers", ())
        ]
        is_gone = self._arriving.is_gone
        sent = self.head(status, given, is_seen=not is_gone)
        self._is_finished = is_gone and grant is not None and not grant.is_counted_unseen
        return {**message, "headers": _encoded(sent)}

    def _begin(self) -> None:
        """More of the answer follows, which may last."""
        if self._ending is None and self.grant is not None:
            self._ending = self.grant.ending_with(cast("asyncio.Task[Any]", self._task))

    async def send_answer(self) -> None:
        """Sends the refusal, or the document."""
        answer = cast("Answer", self.answer)
        self._is_finished = True
        self.head(answer.status, answer.headers)
        if self._scope["type"] == "websocket":
            await self._deny(answer)
            return
        head = {"status": answer.status, "headers": _encoded(answer.headers)}
        body = b"" if self.is_head_alone else answer.body
        await self._send({"type": "http.response.start", **head})
        await self._send({"type": "http.response.body", "body": body})

    async def _deny(self, answer: Answer) -> None:
        """Refuses a WebSocket before it is accepted: with the answer where the server can send
        one, else by closing, which servers answer with 403.
        """
        if "websocket.http.response" not in (self._scope.get("extensions") or {}):
            reason = "a credential that covers this request is needed"
            await self._send({"type": "websocket.close", "code": POLICY, "reason": reason})
            return
        head = {"status": answer.status, "headers": _encoded(answer.headers)}
        await self._send({"type": "websocket.http.response.start", **head})
        await self._send({"type": "websocket.http.response.body", "body": answer.body})


def _facts_of(scope: Scope, body: Wait[bytes | None]) -> RequestFacts:
    client = scope.get("client")
    is_http = scope["type"] == "http"
    return RequestFacts(
        method=scope["method"] if is_http else "GET",
        target=asgi_target(scope),
        headers=asgi_fields(scope),
        mount=asgi_mount(scope),
        client_address=None if client is None else client[0],
        body=body if is_http else None,
    )


def _strip(fields: Any) -> None:
    """In place, because requests that were made of the scope before hold the same list."""
    if isinstance(fields, list):
        fields[:] = without_credential_bytes(cast("list[tuple[bytes, bytes]]", fields))


def _encoded(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _no_thread() -> bytes | None:
    raise TypeError("a request of ASGI is read in its event loop")
