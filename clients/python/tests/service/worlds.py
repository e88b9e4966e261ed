"""One service in front of the same routes, in every framework that a middleware fits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import types
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, cast

from tests.service.asking import Ask, Got, ask_asgi, ask_wsgi

from l8nt.l402 import Minter
from l8nt.service import Grant, MemoryLedger, Service
from l8nt.service.terms import GivenTerms

SECRET = bytes(range(32)).hex()
LOCATION = "https://api.example"
START = 2_000_000_000.0


@dataclass
class Seen:
    """A request as its handler sees it."""

    grant: Grant | None
    authorization: str | None
    macaroon: str | None
    body: bytes = b""


Handle = Callable[[Seen], tuple[int, list[tuple[str, str]], bytes]]


def sunny(seen: Seen) -> tuple[int, list[tuple[str, str]], bytes]:
    return 200, [], b"sunny"


@dataclass
class Place:
    """One route. Without terms nothing guards it."""

    path: str
    terms: GivenTerms | None = None
    handle: Handle = sunny


@dataclass
class World:
    """A service, its routes and what its handlers saw."""

    service: Service
    ask_app: Callable[[Ask], Got]
    now: list[float]
    seen: list[Seen] = field(default_factory=list[Seen])
    loop: asyncio.AbstractEventLoop | None = None

    def mint(self, **scope: Any) -> str:
        """A credential, valid for an hour."""
        scope = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", **scope}
        minter = Minter(secret=SECRET, location=LOCATION, clock=lambda: self.now[0])
        return minter.mint(**scope).text

    def ask(self, target: str, credential: str | None = None, **more: Any) -> Got:
        """Asks with a credential in ``Authorization``."""
        headers = list(more.pop("headers", ()))
        if credential is not None:
            headers.append(("authorization", f"L402 {credential}"))
        return self.ask_app(Ask(target, headers=headers, **more))


Adapter = Callable[[Service, list[Place], list[Seen]], Callable[[Ask], Got]]


_loops: list[asyncio.AbstractEventLoop] = []


def _run(app: Any) -> Callable[[Ask], Got]:
    def asked(ask: Ask) -> Got:
        return (
            _loops[-1].run_until_complete(ask_asgi(app, ask))
            if _loops
            else asyncio.run(ask_asgi(app, ask))
        )

    return asked


def starlette(service: Service, places: list[Place], seen: list[Seen]) -> Callable[[Ask], Got]:
    from starlette.applications import Starlette
    from starlette.routing import Route

    from l8nt.asgi import Sigil

    app = Starlette(routes=[Route(one.path, _endpoint(one), methods=_METHODS) for one in places])
    app.add_middleware(Sigil, service=service, guard="routes")
    app.state.seen = seen
    return _run(app)


_METHODS = ["GET", "HEAD", "POST", "OPTIONS"]


def _endpoint(place: Place) -> Any:
    from starlette.requests import Request
    from starlette.responses import Response

    from l8nt.asgi import guarded

    async def endpoint(request: Request) -> Response:
        return await _answered(request, place, request.app.state.seen)

    return endpoint if place.terms is None else guarded(**place.terms)(endpoint)


async def _answered(request: Any, place: Place, seen: list[Seen]) -> Any:
    from starlette.responses import Response

    from l8nt.asgi import grant_of

    grant = None if place.terms is None else grant_of(request)
    headers = request.headers
    body = await request.body()
    one = Seen(grant, headers.get("authorization"), headers.get("macaroon"), body)
    seen.append(one)
    status, fields, content = place.handle(one)
    response = Response(content, status)
    for name, value in fields:
        response.headers.append(name, value)
    return response


def fastapi(service: Service, places: list[Place], seen: list[Seen]) -> Callable[[Ask], Got]:
    from fastapi import Depends, FastAPI

    from l8nt.asgi import Sigil, require

    app = FastAPI()
    app.add_middleware(Sigil, service=service, guard="routes")
    for place in places:
        needs = [] if place.terms is None else [Depends(require(**place.terms))]
        app.add_api_route(
            place.path,
            _fastapi_endpoint(place, seen),
            methods=_METHODS,
            dependencies=needs,
            response_model=None,
        )
    return _run(app)


def _fastapi_endpoint(place: Place, seen: list[Seen]) -> Any:
    from starlette.requests import Request

    async def endpoint(request: Any) -> Any:
        return await _answered(request, place, seen)

    endpoint.__annotations__ = {"request": Request}
    return endpoint


def asgi(service: Service, places: list[Place], seen: list[Seen]) -> Callable[[Ask], Got]:
    """Each guarded path behind a middleware of its own, and no framework."""
    from l8nt.asgi import Sigil, grant_of

    def app_of(place: Place) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            body = (await receive())["body"]
            fields = {name: value.decode("latin-1") for name, value in scope["headers"]}
            grant = None if place.terms is None else grant_of(scope)
            one = Seen(grant, fields.get(b"authorization"), fields.get(b"macaroon"), body)
            seen.append(one)
            status, headers, content = place.handle(one)
            lines = [(name.encode(), value.encode()) for name, value in headers]
            await send({"type": "http.response.start", "status": status, "headers": lines})
            await send({"type": "http.response.body", "body": content})

        return app if place.terms is None else Sigil(app, service, **place.terms)

    apps = {place.path: app_of(place) for place in places}

    async def router(scope: Any, receive: Any, send: Any) -> None:
        await apps.get(scope["path"], nothing)(scope, receive, send)

    nothing = Sigil(_missing, service, guard="routes")
    return _run(router)


async def _missing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def wsgi(service: Service, places: list[Place], seen: list[Seen]) -> Callable[[Ask], Got]:
    """Each guarded path behind a middleware of its own, and no framework."""
    from l8nt.wsgi import Sigil, grant_of

    def app_of(place: Place) -> Any:
        def app(environ: Any, start_response: Any) -> Any:
            grant = None if place.terms is None else grant_of(environ)
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            sent = [environ.get(name) for name in ("HTTP_AUTHORIZATION", "HTTP_MACAROON")]
            one = Seen(grant, sent[0], sent[1], body)
            seen.append(one)
            status, headers, content = place.handle(one)
            start_response(f"{status} Some", headers)
            return [content]

        return app if place.terms is None else Sigil(app, service, **place.terms)

    apps = {place.path: app_of(place) for place in places}

    def missing(environ: Any, start_response: Any) -> Any:
        start_response("404 Not Found", [])
        return [b""]

    nothing = Sigil(missing, service, guard="routes")

    def router(environ: Any, start_response: Any) -> Any:
        return apps.get(environ["PATH_INFO"], nothing)(environ, start_response)

    return lambda ask: ask_wsgi(router, ask)


def flask(service: Service, places: list[Place], seen: list[Seen]) -> Callable[[Ask], Got]:
    from flask import Flask, Response, g, request

    from l8nt.flask import Sigil, guarded

    app = Flask("world")
    for number, place in enumerate(places):

        def view_of(place: Place = place) -> Any:
            def view() -> Response:
                grant = None if place.terms is None else g.grant
                fields = request.headers
                body = request.get_data()
                one = Seen(grant, fields.get("Authorization"), fields.get("Macaroon"), body)
                seen.append(one)
                status, headers, content = place.handle(one)
                return Response(content, status, headers)

            return view if place.terms is None else guarded(**place.terms)(view)

        app.add_url_rule(place.path, f"view{number}", view_of(), methods=_METHODS)
    app.wsgi_app = Sigil(app.wsgi_app, service, guard="routes")  # pyright: ignore[reportAttributeAccessIssue] # as Flask has it
    return lambda ask: ask_wsgi(app, ask)


def django_settings() -> None:
    """Settings of Django for all tests of one process."""
    import django
    from django.conf import settings

    if settings.configured:
        return
    cast("Any", settings).configure(
        SECRET_KEY="of a test",
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["l8nt.django.SigilMiddleware"],
        DEFAULT_CHARSET="utf-8",
        LOGGING_CONFIG=None,
    )
    django.setup()


def handler_of(
    *views: Any, is_async: bool = False, around: Callable[[Any], Any] | None = None, **settings: Any
) -> Callable[[Ask], Got]:
    """A project with views at their paths; one view alone is at the root."""
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings
    from django.urls import path

    name = f"tests_service_urls_{next(_NUMBERS)}"
    urls = types.ModuleType(name)
    pairs: list[Any] = [one if isinstance(one, tuple) else ("", one) for one in views]
    vars(urls)["urlpatterns"] = [path(where, view) for where, view in pairs]
    sys.modules[name] = urls
    with override_settings(ROOT_URLCONF=name, **settings):
        handler: Any = ASGIHandler() if is_async else WSGIHandler()
    if around is not None:
        handler = around(handler)

    def ask(one: Ask) -> Got:
        with override_settings(ROOT_URLCONF=name, **settings):
            return _run(handler)(one) if is_async else ask_wsgi(handler, one)

    return ask


def _django(service: Service, places: list[Place], seen: list[Seen], *, is_async: bool) -> Any:
    django_settings()
    from django.http import HttpRequest, HttpResponse

    from l8nt.django import grant_of, guarded

    def answered(request: Any, place: Place) -> HttpResponse:
        grant = None if place.terms is None else grant_of(request)
        fields: Any = request.headers
        one = Seen(grant, fields.get("Authorization"), fields.get("Macaroon"), request.body)
        seen.append(one)
        status, headers, content = place.handle(one)
        response = HttpResponse(content, status=status)
        for name, value in headers:
            response[name] = value
        return response

    def view_of(place: Place) -> Any:
        if is_async:

            async def later(request: HttpRequest) -> HttpResponse:
                return answered(request, place)

            return later if place.terms is None else guarded(**place.terms)(later)

        def view(request: HttpRequest) -> HttpResponse:
            return answered(request, place)

        return view if place.terms is None else guarded(**place.terms)(view)

    views = [(one.path.removeprefix("/"), view_of(one)) for one in places]
    return handler_of(*views, is_async=is_async, SIGIL_SERVICE=service)


_NUMBERS = itertools.count()


def django_wsgi(service: Service, places: list[Place], seen: list[Seen]) -> Callable[[Ask], Got]:
    return _django(service, places, seen, is_async=False)


def django_asgi(service: Service, places: list[Place], seen: list[Seen]) -> Callable[[Ask], Got]:
    return _django(service, places, seen, is_async=True)


ADAPTERS: dict[str, Adapter] = {
    "asgi": asgi,
    "starlette": starlette,
    "fastapi": fastapi,
    "wsgi": wsgi,
    "flask": flask,
    "django on wsgi": django_wsgi,
    "django on asgi": django_asgi,
}


@contextlib.contextmanager
def world(adapter: Adapter, *places: Place, **options: Any) -> Generator[World]:
    """A world, at a time that only the test moves."""
    now = [START]
    given: dict[str, Any] = {
        "location": LOCATION,
        "secret": SECRET,
        "ledger": MemoryLedger(),
        "clock": lambda: now[0],
        **options,
    }
    service = Service(**given)
    seen: list[Seen] = []
    loop = asyncio.new_event_loop()
    _loops.append(loop)
    try:
        yield World(service, adapter(service, list(places), seen), now, seen, loop)
    finally:
        _loops.pop()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
