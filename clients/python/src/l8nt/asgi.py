"""Verifies credentials before an ASGI application: FastAPI, Starlette, and every other one.
docs/guides/python-services.md.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from typing_extensions import Unpack

from ._extras import Extra
from .service import Grant, Service
from .service.asgi_exchange import POLICY, App, AsgiExchange, Receive, Scope, Send
from .service.exchange import KEY, Exchange, Guarding, guarding, mount_of, service_of, unguarded
from .service.refused import Answer
from .service.terms import GivenTerms, Terms, terms_of
from .service.waiting import drive_async

__all__ = ["Sigil", "grant_of", "guarded", "require"]

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

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


def require(**terms: Unpack[GivenTerms]) -> Callable[..., Awaitable[Grant]]:
    """A dependency of FastAPI: the route, or each route of the router, asks for a credential that
    passes on these terms. Its value is the grant. ``Sigil`` with ``guard="routes"`` has to stand
    before the app. As a dependency of the app it guards the routes of FastAPI alone, and neither
    what is mounted nor ``/docs``: a ``Sigil`` without ``guard`` asks everything.

    Raises TypeError or ValueError for terms that cannot be read.

    Example::

        @app.get("/forecast", dependencies=[Depends(require(capability="forecast"))])
    """
    checked = terms_of(**terms)
    with Extra("fastapi"):
        from starlette.requests import HTTPConnection

    async def needs_credential(connection: Any) -> Grant:
        return await _let_in(connection, checked)

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
            grant = await _let_in(connection, checked)
            if inspect.iscoroutinefunction(endpoint):
                return _marked(await endpoint(connection, *given, **named), grant)
            from starlette.concurrency import run_in_threadpool

            return _marked(await run_in_threadpool(endpoint, connection, *given, **named), grant)

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


async def _let_in(connection: Any, terms: Terms) -> Grant:
    """Raises an exception of Starlette for a request that is not let in; the exchange sends why,
    whatever is made of the exception.
    """
    scope: Scope = connection.scope
    exchange = cast("AsgiExchange | None", scope.get(KEY))
    if exchange is None:
        raise unguarded(_HOW)
    grant = await exchange.let_in(scope, terms, connection=connection)
    if grant is not None:
        return grant
    from starlette.exceptions import HTTPException, WebSocketException

    if scope["type"] == "websocket":
        raise WebSocketException(POLICY)
    raise HTTPException(cast("Answer", exchange.answer).status)


def _marked(response: Any, grant: Grant) -> Any:
    """A response with what caches are told, for one between the route and ``Sigil``."""
    fields: Any = getattr(response, "raw_headers", None)
    if isinstance(fields, list):
        lines = cast("list[tuple[bytes, bytes]]", fields)
        before = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in lines]
        lines[:] = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in grant.cached_as(before)
        ]
    return response
