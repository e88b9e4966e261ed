"""A claim of a metered request ends in whatever way its answer does not reach the client."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.service.asking import Ask, Got, asgi_scope, ask_asgi, ask_wsgi
from tests.service.test_ends import GONE, WHOLE, Desk, served
from tests.service.worlds import django_settings, handler_of

from l8nt import asgi, wsgi

TERMS: Any = {"price": "0.6 usd", "metered": True}


def ended(desk: Desk) -> float:
    """What was spent, with nothing claimed any more. A dropped request ends with the next one."""
    gc.collect()
    spent = desk.spent()
    rows: Any = vars(desk.service.ledger)["_rows"]
    assert [row.reserved for row in rows.values()] in ([], [0])
    return spent


def close(body: Any) -> None:
    body.close()


def drop(body: Any) -> None:
    pass


def first_only(body: Any) -> None:
    next(iter(body))
    body.close()


def fail(body: Any) -> None:
    raise ZeroDivisionError


def take(do: Callable[[Any], None]) -> Callable[[Any], Any]:
    """A server that does this with the body, in place of sending it."""

    def around(app: Any) -> Any:
        def server(environ: Any, start_response: Any) -> list[bytes]:
            def started(*head: Any) -> None:
                """Nothing is sent of the head either."""

            do(app(environ, started))
            start_response("200 OK", [])
            return []

        return server

    return around


# What the handler settles, what becomes of the body, and what is spent.
ENDS = [
    ("0.25 usd", close, "GET", 0.25),
    ("0.25 usd", drop, "GET", 0.25),
    ("0.25 usd", fail, "GET", 0.25),
    ("0.25 usd", first_only, "GET", 0.25),
    (None, close, "HEAD", 0),
    (None, drop, "HEAD", 0),
]


@pytest.mark.parametrize(("settle", "do", "method", "spent"), ENDS)
def test_a_stream_of_django_that_no_server_sends(
    settle: str | None, do: Callable[[Any], None], method: str, spent: float
) -> None:
    django_settings()
    from django.http import StreamingHttpResponse

    from l8nt.django import grant_of, guarded

    desk = Desk()

    @guarded(**TERMS)
    def view(request: Any) -> Any:
        if settle is not None:
            grant_of(request).settle(settle)
        return StreamingHttpResponse(iter([b"one", b"two"]))

    ask = handler_of(view, around=take(do), SIGIL_SERVICE=desk.service)
    ask(Ask("/", method, desk.ask.headers))
    assert ended(desk) == spent


@pytest.mark.parametrize("middleware", ["failing", "replacing", "emptying"])
def test_a_stream_of_django_behind_a_middleware_that_lets_it_fall(
    middleware: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    django_settings()
    # A record of pytest's would keep the traceback, and so the response.
    monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)
    from django.http import StreamingHttpResponse

    from l8nt.django import grant_of, guarded

    @guarded(**TERMS)
    def view(request: Any) -> Any:
        grant_of(request).settle("0.25 usd")
        return StreamingHttpResponse(iter([b"one"]))

    desk = Desk()
    ask = handler_of(
        view,
        SIGIL_SERVICE=desk.service,
        MIDDLEWARE=[f"{__name__}.{middleware}", "l8nt.django.SigilMiddleware"],
    )
    ask(Ask("/", headers=desk.ask.headers))
    assert ended(desk) == 0.25


def failing(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        get_response(request)
        raise ZeroDivisionError

    return middleware


def replacing(get_response: Any) -> Any:
    from django.http import HttpResponse

    def middleware(request: Any) -> Any:
        get_response(request)
        return HttpResponse(b"another")

    return middleware


def emptying(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        response = get_response(request)
        response.streaming_content = []
        return response

    return middleware


def test_a_view_of_django_that_fails_has_used_nothing() -> None:
    django_settings()
    from l8nt.django import guarded

    desk = Desk()

    @guarded(**TERMS)
    def view(request: Any) -> Any:
        raise ZeroDivisionError

    assert (
        handler_of(view, SIGIL_SERVICE=desk.service)(Ask("/", headers=desk.ask.headers)).status
        == 500
    )
    assert ended(desk) == 0


@pytest.mark.parametrize(("settle", "do", "method", "spent"), ENDS)
def test_a_body_of_wsgi_that_no_server_sends(
    settle: str | None, do: Callable[[Any], None], method: str, spent: float
) -> None:
    desk = Desk()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        if settle is not None:
            wsgi.grant_of(environ).settle(settle)
        start_response("200 OK", [])
        return [b"one", b"two"]

    ask_wsgi(take(do)(wsgi.Sigil(app, desk.service, **TERMS)), Ask("/a", method, desk.ask.headers))
    assert ended(desk) == spent


@pytest.mark.parametrize("fails", ["before the head", "before the first part", "never"])
def test_a_generator_of_wsgi_that_fails_or_is_never_begun_has_used_nothing(fails: str) -> None:
    desk = Desk()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        if fails == "before the head":
            raise ZeroDivisionError
        start_response("200 OK", [])
        if fails == "before the first part":
            raise ZeroDivisionError
        yield b"one"

    guarded: Any = wsgi.Sigil(app, desk.service, **TERMS)
    server = take(close)(guarded) if fails == "never" else guarded
    assert isinstance(ask_wsgi(server, Ask("/a", headers=desk.ask.headers)), Got)
    assert ended(desk) == 0


def asgi_app(settle: str | None = None, *, fails: bool = False, waits: bool = True) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if settle is not None:
            asgi.grant_of(scope).settle(settle)
        if fails:
            raise ZeroDivisionError
        if waits:
            await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one"})

    return app


@pytest.mark.parametrize(
    ("app", "events", "spent"),
    [
        (asgi_app(), [WHOLE, GONE], 0.6),
        (asgi_app("0.25 usd"), [WHOLE, GONE], 0.25),
        (asgi_app(fails=True), [WHOLE], 0),
        (asgi_app("0.25 usd", fails=True), [WHOLE], 0.25),
    ],
)
async def test_an_answer_of_asgi_whose_client_left_or_whose_handler_fails(
    app: Any, events: list[dict[str, Any]], spent: float
) -> None:
    desk = Desk()
    await served(desk, app, events, **TERMS)
    assert ended(desk) == spent


async def test_an_answer_of_asgi_to_head_and_one_whose_task_is_cancelled() -> None:
    desk = Desk()
    guarded: Any = asgi.Sigil(asgi_app(waits=False), desk.service, **TERMS)
    got = await ask_asgi(guarded, Ask("/a", "HEAD", desk.ask.headers))
    assert got.status == 200
    assert ended(desk) == 0
    receive: Any = asyncio.Event().wait
    task = asyncio.create_task(guarded(asgi_scope(desk.ask), receive, None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended(desk) == 0
