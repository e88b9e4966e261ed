"""Verifies credentials before an ASGI application: FastAPI, Starlette, and every other one.
docs/guides/python-services.md.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeVar, cast

from typing_extensions import Unpack

from ._extras import Extra
from .errors import AdapterError
from .service import Grant, RequestFacts, Service
from .service.ending import TaskEnding
from .service.exchange import (
    KEY,
    MAX_BODY_BYTES,
    Exchange,
    Guarding,
    guarding,
    mount_of,
    service_of,
    unguarded,
)
from .service.reading import asgi_fields, asgi_mount, asgi_target
from .service.refused import Answer
from .service.stripped import without_credential_bytes
from .service.terms import GivenTerms, Terms, terms_of
from .service.waiting import Wait, drive_async

__all__ = ["Sigil", "grant_of", "guarded", "require"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_POLICY: Final = 1008
"""The code that closes a WebSocket whose credential does not let it in (RFC 6455 §7.4.1)."""
_HOW: Final = (
    'app.add_middleware(Sigil, service=service, guard="routes"), with `from l8nt.asgi import Sigil`'
)


class Sigil:
    """Puts a service's credentials before an application.

    ``guard="everything"`` asks every request, and every WebSocket, for a credential that passes on
    the terms that are given here. With ``guard="routes"`` it asks nothing by itself: routes with
    ``require`` or ``guarded`` do. Both answer ``/.well-known/l402`` and the revocations below it.

    It stands outside of what changes a path, and inside of CORS middleware. A handler gets no
    credential: ``Authorization`` has what is not Sigil's, if anything.

    Example::

        app.add_middleware(Sigil, service=service, guard="routes")
    """

    def __init__(
        self,
        app: App,
        service: Service,
        *,
        guard: Guarding = "everything",
        mount: str = "",
        **terms: Unpack[GivenTerms],
    ) -> None:
        """Raises TypeError or ValueError for terms that cannot be read, and for what is no service.

        ``mount``: the path at which the application mounts this part of itself, such as ``/sub``
        below a dispatcher, if no ``Sigil`` stands outside of that. ``Mount`` of Starlette and
        ``app.mount`` of FastAPI tell it themselves.
        """
        self.app = app
        self.service = service_of(service)
        self._mount = mount_of(mount)
        self._terms = guarding(guard, terms)

    def __repr__(self) -> str:
        return f"<Sigil for {self.service.location}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one scope."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        before = cast("AsgiExchange | None", scope.get(KEY))
        scope = {**scope, "headers": list(scope["headers"])}
        exchange = AsgiExchange(self.service, scope, receive, send, self._mount)
        exchange.follow(before)
        scope[KEY] = exchange
        if scope["type"] == "http" and await drive_async(exchange.well_known()):
            await exchange.send_answer()
            return
        if self._terms is not None and await exchange.let_in(scope, self._terms) is None:
            await exchange.send_answer()
            return
        await exchange.serve(self.app, scope)


class AsgiExchange(Exchange):
    """One request or WebSocket, as the application receives and answers it."""

    def __init__(
        self, service: Service, scope: Scope, receive: Receive, send: Send, mount: str
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._replayed: list[Message] = []
        self._is_gone = False
        self._is_dropped = False
        self._is_answered = False
        self._task: asyncio.Task[Any] | None = None
        self._ending: TaskEnding | None = None
        facts = _facts_of(scope, Wait(_no_thread, self._read))
        super().__init__(service, facts.below(mount))

    async def let_in(self, scope: Scope, terms: Terms) -> Grant | None:
        """Judges the request, and takes the credential out of what the handler sees."""
        grant = await drive_async(self.judge(terms))
        if grant is not None:
            _strip(scope)
        return grant

    async def serve(self, app: App, scope: Scope) -> None:
        """Runs the application, and ends what was claimed with what it answers. What is under way
        is broken off if its credential is revoked or ends.
        """
        self._task = asyncio.current_task()
        try:
            await app(scope, self.receive, self.send)
        except asyncio.CancelledError:
            if self._ending is None or not self._ending.has_broken_off:
                raise
            await self._break_off()
        finally:
            try:
                if self.answer is not None and not self._is_answered:
                    await self.send_answer()
            finally:
                if self._ending is not None:
                    self._ending.close()
                self.end()

    async def _break_off(self) -> None:
        """Ends the exchange in the middle: a server closes what it has not sent to its end."""
        uncancel = getattr(self._task, "uncancel", None)
        if uncancel is not None:
            uncancel()
        if self._scope["type"] == "websocket":
            reason = "the credential was revoked, or has ended"
            await self._send({"type": "websocket.close", "code": _POLICY, "reason": reason})

    async def receive(self) -> Message:
        """What the application receives: first what was read before it."""
        if self._replayed:
            return self._replayed.pop(0)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_gone = True
        if message["type"] == "websocket.disconnect" and self._ending is not None:
            self._ending.close()
        return message

    async def send(self, message: Message) -> None:
        """Sends what the application sends; in its place the refusal, if there is one."""
        is_over = self._ending is not None and self._ending.is_over
        if self._is_answered or self._is_dropped or is_over:
            return
        if self.answer is not None:
            await self.send_answer()
            return
        status = _status_of(message)
        if status is not None:
            given = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
            sent = self.head(status, given, is_seen=not self._is_gone)
            # What is given back is not sent: a client that closed one direction could still read.
            if self._is_gone and self.grant is not None and not self.grant.is_counted_unseen:
                self._is_dropped = True
                return
            message = {**message, "headers": _encoded(sent)}
        await self._send(message)
        if self._ending is None and _is_begun(message) and self.grant is not None:
            self._ending = self.grant.ending_with(cast("asyncio.Task[Any]", self._task))
        elif self._ending is not None and _is_last(message):
            # The handler may still work behind its answer, as background tasks do.
            self._ending.close()

    async def send_answer(self) -> None:
        """Sends the refusal, or the document."""
        answer = cast("Answer", self.answer)
        self._is_answered = True
        self.head(answer.status, answer.headers)
        if self._scope["type"] == "websocket":
            await self._deny(answer)
            return
        head = {"status": answer.status, "headers": _encoded(answer.headers)}
        body = b"" if self.facts.method == "HEAD" else answer.body
        await self._send({"type": "http.response.start", **head})
        await self._send({"type": "http.response.body", "body": body})

    async def _deny(self, answer: Answer) -> None:
        """Refuses a WebSocket before it is accepted: with the answer where the server can send
        one, else by closing, which servers answer with 403.
        """
        if "websocket.http.response" not in (self._scope.get("extensions") or {}):
            reason = "a credential that covers this request is needed"
            await self._send({"type": "websocket.close", "code": _POLICY, "reason": reason})
            return
        head = {"status": answer.status, "headers": _encoded(answer.headers)}
        await self._send({"type": "websocket.http.response.start", **head})
        await self._send({"type": "websocket.http.response.body", "body": answer.body})

    async def _read(self) -> bytes | None:
        """The whole body, which the handler reads again."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                self._is_gone = True
                return None
            self._replayed.append(message)
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > MAX_BODY_BYTES:
                raise AdapterError(
                    "ERR_TOO_LARGE", f"The body is larger than {MAX_BODY_BYTES} bytes."
                )
            if not message.get("more_body", False):
                return b"".join(chunks)


def require(**terms: Unpack[GivenTerms]) -> Callable[..., Awaitable[Grant]]:
    """A dependency of FastAPI: the route, the router or the app asks for a credential that passes
    on these terms. Its value is the grant. ``Sigil`` with ``guard="routes"`` has to stand before
    the app.

    Raises TypeError or ValueError for terms that cannot be read.

    Example::

        @app.get("/forecast", dependencies=[Depends(require(capability="forecast"))])
    """
    checked = terms_of(**terms)
    with Extra("fastapi"):
        from starlette.requests import HTTPConnection

    async def needs_credential(connection: Any) -> Grant:
        return await _let_in(connection.scope, checked)

    # FastAPI reads what a dependency takes from its annotations.
    needs_credential.__annotations__["connection"] = HTTPConnection
    return needs_credential


def guarded(**terms: Unpack[GivenTerms]) -> Callable[[Endpoint], Endpoint]:
    """A decorator of an endpoint of Starlette, whose first argument is the request or the
    WebSocket. ``Sigil`` with ``guard="routes"`` has to stand before the app. Of an endpoint that
    is a class, use ``Route(…, middleware=[Middleware(Sigil, service=service, …)])``.

    Raises TypeError or ValueError for terms that cannot be read.
    """
    checked = terms_of(**terms)

    def decorate(endpoint: Endpoint) -> Endpoint:
        if inspect.isclass(endpoint):
            raise TypeError(
                "guarded() is for functions. Of a class, give its Route "
                "middleware=[Middleware(Sigil, service=service)]."
            )

        @functools.wraps(endpoint)
        async def asks(connection: Any, *given: Any, **named: Any) -> Any:
            await _let_in(connection.scope, checked)
            if inspect.iscoroutinefunction(endpoint):
                return await endpoint(connection, *given, **named)
            from starlette.concurrency import run_in_threadpool

            return await run_in_threadpool(endpoint, connection, *given, **named)

        return cast("Endpoint", asks)

    return decorate


def grant_of(connection: Any) -> Grant:
    """The grant of a request, a WebSocket or a scope that was let in.

    Raises LookupError if nothing has guarded it.
    """
    scope = getattr(connection, "scope", connection)
    exchange = cast("Exchange | None", scope.get(KEY))
    if exchange is None or exchange.grant is None:
        raise LookupError("no credential was asked for here, so there is no grant")
    return exchange.grant


async def _let_in(scope: Scope, terms: Terms) -> Grant:
    """Raises an exception of Starlette for a request that is not let in; the exchange sends why,
    whatever is made of the exception.
    """
    exchange = cast("AsgiExchange | None", scope.get(KEY))
    if exchange is None:
        raise unguarded(_HOW)
    grant = await exchange.let_in(scope, terms)
    if grant is not None:
        return grant
    from starlette.exceptions import HTTPException, WebSocketException

    if scope["type"] == "websocket":
        raise WebSocketException(_POLICY)
    raise HTTPException(cast("Answer", exchange.answer).status)


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


def _strip(scope: Scope) -> None:
    """In place, because requests that were made of the scope before hold the same list."""
    scope["headers"][:] = without_credential_bytes(scope["headers"])


def _encoded(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _status_of(message: Message) -> int | None:
    """The status of a head; ``None`` of a message that is none."""
    kind = message["type"]
    if kind in ("http.response.start", "websocket.http.response.start"):
        return message["status"]
    if kind == "websocket.accept":
        return 101
    # A server answers 403 to what is closed before it was accepted.
    return None


def _is_begun(message: Message) -> bool:
    """Whether more of an answer follows, which may last."""
    if message["type"] == "websocket.accept":
        return True
    return message["type"] == "http.response.body" and message.get("more_body", False)


def _is_last(message: Message) -> bool:
    """Whether an answer that has begun ends with it. What may follow are trailers."""
    if message["type"] == "http.response.body":
        return not message.get("more_body", False)
    return message["type"] in ("websocket.close", "http.response.pathsend")


def _no_thread() -> bytes | None:
    raise TypeError("a request of ASGI is read in its event loop")
