"""One service behind each adapter, whose handler answers as a test says, for laws that hold for all
of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from tests.service.asking import Ask, Asker, Got, ask_asgi, ask_wsgi
from tests.service.worlds import LOCATION, SECRET, handler_of

from l8nt import asgi, wsgi
from l8nt.l402 import Minter
from l8nt.service import MemoryLedger, Service

PAID = b"PAID-CONTENT!"
KINDS = ("whole", "stream", "fails", "fails behind its first part")


class Desk:
    """A service, and what is left of a credential for one use."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.service = Service(location=LOCATION, secret=SECRET, ledger=self.ledger)

    def mint(self, **scope: Any) -> str:
        given: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", **scope}
        return Minter(secret=SECRET, location=LOCATION).mint(**given).text

    def asked(self, credential: str | None, method: str = "GET") -> Ask:
        fields = [] if credential is None else [("authorization", f"L402 {credential}")]
        return Ask("/a", method, fields)

    def used(self) -> list[tuple[int, int]]:
        """What is used, and what is reserved."""
        rows: Any = vars(self.ledger)["_rows"]
        return [(row.committed, row.reserved) for row in rows.values()]


def parts(kind: str) -> Iterator[bytes]:
    """The content of a handler."""
    if kind == "fails":
        raise ZeroDivisionError
    if kind == "whole":
        yield PAID
        return
    yield PAID[:4]
    if kind != "stream":
        raise ZeroDivisionError
    yield PAID[4:]


async def later(kind: str) -> AsyncIterator[bytes]:
    for part in parts(kind):
        yield part


def _asgi(desk: Desk, kind: str) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for part in later(kind):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return asgi.Sigil(app, desk.service)


def _starlette(desk: Desk, kind: str) -> Any:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    @asgi.guarded()
    async def view(request: Any) -> Any:
        return Response(PAID) if kind == "whole" else StreamingResponse(later(kind))

    guard = Middleware(asgi.Sigil, service=desk.service, guard="routes")
    return Starlette(routes=[Route("/a", view)], middleware=[guard])


def _wsgi(desk: Desk, kind: str) -> Any:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        return parts(kind)

    return wsgi.Sigil(app, desk.service)


def _writing(desk: Desk, kind: str) -> Any:
    """An old application, which writes."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        for part in parts(kind):
            write(part)
        return []

    return wsgi.Sigil(app, desk.service)


def _flask(desk: Desk, kind: str) -> Any:
    from flask import Flask, Response

    from l8nt.flask import Sigil, guarded

    app = Flask(__name__)

    @app.get("/a")
    @guarded()
    def view() -> Any:
        return PAID if kind == "whole" else Response(parts(kind))

    app.wsgi_app = Sigil(app.wsgi_app, desk.service, guard="routes")
    return app


def _django(desk: Desk, kind: str, *, is_async: bool, **settings: Any) -> Asker:
    from tests.service.worlds import django_settings

    django_settings()
    from django.http import HttpResponse, StreamingHttpResponse

    from l8nt.django import guarded

    @guarded()
    def view(request: Any) -> Any:
        return HttpResponse(PAID) if kind == "whole" else StreamingHttpResponse(parts(kind))

    @guarded()
    async def view_later(request: Any) -> Any:
        return HttpResponse(PAID) if kind == "whole" else StreamingHttpResponse(later(kind))

    asked = view_later if is_async else view
    return handler_of(("a", asked), is_async=is_async, SIGIL_SERVICE=desk.service, **settings)


def _in_loop(app: Any) -> Asker:
    def ask(it: Ask) -> Got:
        return asyncio.run(ask_asgi(app, it))

    return ask


ADAPTERS: dict[str, Callable[[Desk, str], Asker]] = {
    "asgi": lambda desk, kind: _in_loop(_asgi(desk, kind)),
    "starlette": lambda desk, kind: _in_loop(_starlette(desk, kind)),
    "wsgi": lambda desk, kind: lambda it: ask_wsgi(_wsgi(desk, kind), it),
    "wsgi, writing": lambda desk, kind: lambda it: ask_wsgi(_writing(desk, kind), it),
    "flask": lambda desk, kind: lambda it: ask_wsgi(_flask(desk, kind), it),
    "django": lambda desk, kind: _django(desk, kind, is_async=False),
    "django, async": lambda desk, kind: _django(desk, kind, is_async=True),
}
