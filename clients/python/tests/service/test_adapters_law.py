"""One rule for every adapter: what is sent to HEAD, what a use is taken for, and what caches are
told. spec/5-ledger.md §5, spec/3-challenge.md §5.
"""

from __future__ import annotations

import asyncio
import gc
import pickle
from contextlib import nullcontext
from typing import Any, cast

import pytest
from tests.service.asking import Ask, asgi_scope, ask_wsgi
from tests.service.desks import ADAPTERS, KINDS, PAID, Desk, later

from l8nt import asgi, wsgi


# Django leaves its file of the body open where an answer breaks off.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_head_has_no_body_and_takes_no_use(adapter: str, kind: str) -> None:
    desk = Desk()
    ask, credential = ADAPTERS[adapter](desk, kind), desk.mint(max_uses=1)
    for _ in range(3):
        answer = ask(desk.asked(credential, "HEAD"))
        assert answer.body == b"" or answer.status == 500
    assert desk.used() == []
    assert ask(desk.asked(None, "HEAD")).body == b""


# Django leaves its file of the body open where an answer breaks off.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_use_is_taken_for_content_alone(adapter: str, kind: str) -> None:
    desk = Desk()
    ask, credential = ADAPTERS[adapter](desk, kind), desk.mint(max_uses=1)
    answer = ask(desk.asked(credential))
    gc.collect()
    if kind in ("whole", "stream"):
        assert (answer.status, answer.body) == (200, PAID)
        assert "private" in (answer.value("cache-control") or "")
    assert desk.used() == ([] if kind == "fails" else [(1, 0)])


def test_an_answer_that_nobody_paid_for_has_its_body_for_head() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"of the application"]

    desk = Desk()
    guard = wsgi.Sigil(app, desk.service, guard="routes")
    assert ask_wsgi(guard, desk.asked(None, "HEAD")).body == b"of the application"


def test_a_body_that_middleware_drops_gives_its_use_back() -> None:
    desk = Desk()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [PAID]

    guard = wsgi.Sigil(app, desk.service)

    def replacing(environ: Any, start_response: Any) -> list[bytes]:
        guard(environ, lambda *_: print)
        start_response("503 Service Unavailable", [])
        return [b"replaced"]

    credential = desk.mint(max_uses=1)
    for _ in range(3):
        assert ask_wsgi(replacing, desk.asked(credential)).body == b"replaced"
    assert ask_wsgi(guard, desk.asked(credential)).body == PAID
    assert ask_wsgi(guard, desk.asked(credential)).status == 401


def _caching(app: Any, kept: dict[str, Any]) -> Any:
    """A cache between the guard's middleware and its routes that obeys ``private``."""

    def cached(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] in kept:
            start_response(*kept[environ["PATH_INFO"]][:2])
            return [kept[environ["PATH_INFO"]][2]]
        given: list[Any] = []

        def start(*head: Any) -> None:
            given.append(head)

        body = b"".join(app(environ, start))
        status, headers = given[-1][:2]
        if not any("private" in value for name, value in headers if name == "cache-control"):
            kept[environ["PATH_INFO"]] = (status, headers, body)
        start_response(status, headers)
        return [body]

    return cached


@pytest.mark.parametrize("is_for_all", [False, True])
def test_a_cache_between_flask_and_its_guard(is_for_all: bool) -> None:
    from flask import Flask, g

    from l8nt.flask import Sigil, guarded

    desk, app = Desk(), Flask(__name__)
    pickled: list[bytes] = []

    def keeping(view: Any) -> Any:
        """A decorator that stores what a view returns, and looks at no field."""

        def kept() -> Any:
            if pickled:
                return pickle.loads(pickled[0])
            answer = view()
            with nullcontext() if is_for_all else pytest.raises(TypeError, match="one request"):
                pickled.append(pickle.dumps(answer))
            return answer

        return kept

    def view() -> Any:
        if is_for_all:
            g.grant.allow_shared_caching()
        return PAID

    app.add_url_rule("/a", view_func=guarded()(view))
    app.add_url_rule("/b", "b", view_func=keeping(guarded()(view)))
    app.wsgi_app = Sigil(_caching(app.wsgi_app, {}), desk.service, guard="routes")
    for target in ("/a", "/b"):
        paid = desk.asked(desk.mint(max_uses=1))
        assert ask_wsgi(app, Ask(target, headers=paid.headers)).body == PAID
        answer = ask_wsgi(app, Ask(target))
        assert answer.status == (200 if is_for_all else 401)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("is_for_all", [False, True])
@pytest.mark.parametrize("where", ["of the site", "of the view"])
def test_the_caches_of_django(is_async: bool, is_for_all: bool, where: str) -> None:
    from tests.service.worlds import django_settings, handler_of

    django_settings()
    from django.core.cache import cache
    from django.http import HttpResponse
    from django.views.decorators import cache as caches

    from l8nt.django import grant_of, guarded

    def answered(request: Any) -> HttpResponse:
        if is_for_all:
            grant_of(request).allow_shared_caching()
        return HttpResponse(PAID)

    async def answered_later(request: Any) -> HttpResponse:
        return answered(request)

    desk = Desk()
    view: Any = guarded()(answered_later if is_async else answered)
    of_the_site = where == "of the site"
    middleware = ["l8nt.django.SigilMiddleware"]
    if of_the_site:
        middleware += ["django.middleware.cache.UpdateCacheMiddleware"]
        middleware += ["django.middleware.cache.FetchFromCacheMiddleware"]
    elif not is_async:
        view = cast("Any", caches).cache_page(60)(view)
    ask = handler_of(
        ("a", view), is_async=is_async, SIGIL_SERVICE=desk.service, MIDDLEWARE=middleware
    )
    cache.clear()
    assert ask(desk.asked(desk.mint(max_uses=1))).body == PAID
    is_cached = is_for_all and (of_the_site or not is_async)
    assert ask(desk.asked(None)).status == (200 if is_cached else 401)


@pytest.mark.parametrize("is_for_all", [False, True])
def test_a_cache_between_starlette_and_its_guard_is_told(is_for_all: bool) -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import Response
    from starlette.routing import Route
    from tests.service.asking import ask_asgi

    desk = Desk()
    told: list[str | None] = []

    @asgi.guarded()
    async def view(request: Any) -> Any:
        if is_for_all:
            asgi.grant_of(request).allow_shared_caching()
        return Response(PAID, headers={"Cache-Control": "max-age=60"})

    class Cache:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def seen(message: Any) -> None:
                if message["type"] == "http.response.start":
                    told.append(dict(message["headers"]).get(b"cache-control", b"").decode())
                await send(message)

            await self.app(scope, receive, seen)

    guard = Middleware(asgi.Sigil, service=desk.service, guard="routes")
    app = Starlette(routes=[Route("/a", view)], middleware=[guard, Middleware(Cache)])
    assert asyncio.run(ask_asgi(app, desk.asked(desk.mint()))).body == PAID
    assert told == ["max-age=60" if is_for_all else "max-age=60, private"]


async def _sent_around(middleware: Any, desk: Desk) -> list[Any]:
    """What a server gets of a stream that is broken off, through middleware around ``Sigil``."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        desk.service.revocations.revoke(asgi.grant_of(scope).node_id)
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b"two"})

    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0 if not sent else 60)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if sent and message["type"] != "http.response.body":
            raise RuntimeError("no part of a body")
        sent.append(message)

    scope = asgi_scope(desk.asked(desk.mint(agent="scout")))
    with pytest.raises((ConnectionAbortedError, RuntimeError)):
        await middleware(asgi.Sigil(app, desk.service))(scope, receive, send)
    return sent


async def test_nothing_around_ends_an_answer_that_is_broken_off() -> None:
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.gzip import GZipMiddleware

    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    def twice(app: Any) -> Any:
        return Passing(Passing(app))

    for middleware in (_as_it_is, Passing, twice, GZipMiddleware):
        sent = await _sent_around(middleware, Desk())
        assert sent[-1].get("more_body") is True, sent


def _as_it_is(app: Any) -> Any:
    return app


async def _left(app: Any, desk: Desk, messages: list[dict[str, Any]], around: Any) -> list[Any]:
    """What is sent to a client that says ``messages``, and nothing after them."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = asgi_scope(desk.asked(desk.mint(max_uses=1)))
    await around(asgi.Sigil(app, desk.service))(scope, receive, send)
    return sent


WHOLE = {"type": "http.request", "body": b"", "more_body": False}
PART = {"type": "http.request", "body": b"part", "more_body": True}
GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize("kind", ["whole", "stream"])
@pytest.mark.parametrize("is_behind_middleware", [False, True])
@pytest.mark.parametrize(
    ("messages", "is_gone"),
    [([WHOLE], False), ([PART, WHOLE], False), ([WHOLE, GONE], True), ([PART, GONE], True)],
)
async def test_a_client_that_left_is_noticed_by_itself(
    messages: list[dict[str, Any]],
    is_gone: bool,
    is_behind_middleware: bool,
    kind: str,
    reads: bool,
) -> None:
    from starlette.middleware.base import BaseHTTPMiddleware

    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    desk = Desk()
    received: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while reads and (not received or received[-1].get("more_body")):
            received.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for part in later(kind):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if not reads and len(messages) == 0 and not is_gone:
            # What was read to find out is still there.
            received.append(await receive())

    around = Passing if is_behind_middleware else _as_it_is
    asked = [dict(one) for one in messages]
    try:
        sent = await _left(app, desk, asked, around)
    except RuntimeError:
        sent = []
    assert desk.used() == ([] if is_gone else [(1, 0)])
    assert (b"".join(one.get("body", b"") for one in sent) == PAID) == (not is_gone)
    assert not received or received[0]["body"] == messages[0]["body"]


@pytest.mark.parametrize("length", ["²", "٣", "-1", "+1", "1_0", "1e3", "9" * 5000, "9" * 18])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    desk = Desk()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise AssertionError

    guard = wsgi.Sigil(app, desk.service)

    def served(environ: Any, start_response: Any) -> Any:
        environ["CONTENT_LENGTH"] = length
        return guard(environ, start_response)

    asked = desk.asked(desk.mint(), "POST")
    asked.target = "/.well-known/l402/revocations"
    assert ask_wsgi(served, asked).status in (400, 413)


def test_requests_that_were_made_before_the_guard_show_no_credential() -> None:
    """Each request that Starlette makes of a scope has fields of its own."""
    from fastapi import Depends, FastAPI
    from starlette.requests import HTTPConnection, Request

    desk, app = Desk(), FastAPI()
    seen: list[Any] = []

    def reads(request: Any) -> None:
        seen.append(request.headers.get("authorization"))
        assert HTTPConnection(request.scope).headers.get("authorization")

    def handler(request: Any) -> None:
        again = HTTPConnection(request.scope)
        seen[1:] = [one.headers.get("authorization") for one in (request, again)]

    for one in (reads, handler):
        one.__annotations__ = {"request": Request}
    app.add_middleware(asgi.Sigil, service=desk.service, guard="routes")
    needs = [Depends(reads), Depends(asgi.require())]
    app.add_api_route("/a", handler, dependencies=needs)
    from tests.service.asking import ask_asgi

    assert asyncio.run(ask_asgi(app, desk.asked(desk.mint()))).status == 200
    assert seen[0].startswith("L402 ")
    assert seen[1:] == [None, None]
