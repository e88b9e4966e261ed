"""Requests that pass two guards, and guards that stand alone. spec/3-challenge.md §5."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.service.asking import Ask, Got, ask_asgi, ask_wsgi
from tests.service.worlds import ADAPTERS, LOCATION, SECRET, START, Place, world

from l8nt import asgi, wsgi
from l8nt.holder import HolderKey
from l8nt.l402 import Minter
from l8nt.service import Grant, MemoryLedger, RequestFacts, Service

SUNNY = b"sunny"


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body or SUNNY})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [])
    return [body or SUNNY]


class Desk:
    """One service, around one application of each kind."""

    def __init__(self, kind: str, outer: Any, inner: Any, location: str = LOCATION) -> None:
        self._kind = kind
        self.alarms: list[str] = []
        self.service = Service(
            location=location,
            secret=SECRET,
            ledger=MemoryLedger(),
            clock=lambda: START,
            alarm=lambda what, cause: self.alarms.append(what),
        )
        app: Any = asgi_app if kind == "asgi" else wsgi_app
        guard: Any = asgi.Sigil if kind == "asgi" else wsgi.Sigil
        for terms in (inner, outer):
            app = app if terms is None else guard(app, self.service, **terms)
        self._app = app

    def asked(self, ask: Ask) -> Got:
        if self._kind == "asgi":
            return asyncio.run(ask_asgi(self._app, ask))
        return ask_wsgi(self._app, ask)

    def mint(self, **scope: Any) -> str:
        given: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", **scope}
        return Minter(secret=SECRET, location=LOCATION, clock=lambda: START).mint(**given).text

    def ask(self, credential: str) -> Got:
        return self.asked(Ask("/a", headers=[("authorization", f"L402 {credential}")]))


@pytest.fixture(params=["asgi", "wsgi"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_two_guards_on_the_same_terms_count_once(kind: str) -> None:
    desk = Desk(kind, {}, {})
    credential = desk.mint(max_uses=2)
    assert [desk.ask(credential).status for _ in range(3)] == [200, 200, 401]
    assert desk.alarms == []


def test_two_guards_on_other_terms_judge_both_if_nothing_is_counted(kind: str) -> None:
    desk = Desk(kind, {"model": "small"}, {"model": "large"})
    assert desk.ask(desk.mint()).status == 200
    assert desk.ask(desk.mint(models=["small", "large"])).status == 200
    assert desk.ask(desk.mint(models=["small"])).status == 403
    assert desk.ask(desk.mint(models=["large"])).status == 403


def test_two_guards_on_other_terms_serve_nothing_that_is_counted_and_give_it_back(
    kind: str,
) -> None:
    desk = Desk(kind, {}, {"model": "large"})
    credential = desk.mint(max_uses=1)
    for _ in range(2):
        got = desk.ask(credential)
        assert (got.status, b"ERR_PRICE_FUNCTION" in got.body) == (503, True)
    assert desk.alarms == ["l8nt: GET /a is guarded twice by Sigil, on two terms"] * 2
    alone = Desk(kind, {}, None)
    assert [alone.ask(credential).status for _ in range(2)] == [200, 401]


def test_a_guard_of_routes_needs_its_middleware() -> None:
    from fastapi import Depends, FastAPI
    from flask import Flask

    from l8nt import flask

    app = FastAPI()

    @app.get("/a", dependencies=[Depends(asgi.require())])
    async def open_door() -> str:
        return "sunny"

    assert open_door
    assert asyncio.run(ask_asgi(app, Ask("/a"))).status == 500
    web = Flask("alone")

    @web.get("/a")
    @flask.guarded()
    def other_door() -> str:
        return "sunny"

    assert other_door
    assert ask_wsgi(web, Ask("/a")).status == 500


def test_terms_that_cannot_be_read_fail_where_they_stand() -> None:
    service = Service(location=LOCATION, secret=SECRET)
    for make in (
        lambda: asgi.require(price="1"),
        lambda: asgi.Sigil(asgi_app, service, price="a lot"),
        lambda: wsgi.Sigil(wsgi_app, service, metered=True),
        lambda: wsgi.Sigil(wsgi_app, service, guard="routes", price="1 sat"),
        lambda: asgi.require(prize="1 sat"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue] # the mistake
        lambda: asgi.Sigil(asgi_app, service, guard="some"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] # the mistake
    ):
        with pytest.raises((TypeError, ValueError)):
            make()


KEY = HolderKey("9d" * 32, clock=lambda: START)


def signed(credential: str, method: str, path: str, body: bytes = b"") -> list[tuple[str, str]]:
    own = [("authorization", f"L402 {credential}")]
    fields = KEY.sign(method, LOCATION + path, own, body)
    return [(name, value) for name, value in fields]


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_bound_credential_is_taken_from_its_holder_alone_and_once(name: str) -> None:
    with world(ADAPTERS[name], Place("/a", {}, lambda seen: (200, [], seen.body))) as one:
        credential = one.mint(holder=KEY.thumbprint)

        def ask(fields: list[tuple[str, str]], **more: Any) -> Got:
            return one.ask("/a", headers=fields, **more)

        first = signed(credential, "GET", "/a")
        assert [ask(first).status for _ in range(2)] == [200, 403]
        assert one.ask("/a", credential).status == 403
        body = b'{"city": "tokyo"}'
        got = ask(signed(credential, "POST", "/a", body), method="POST", body=body)
        assert (got.status, got.body) == (200, body)
        changed = ask(signed(credential, "POST", "/a", body), method="POST", body=b"other")
        assert changed.status == 403
        assert ask(signed(credential, "GET", "/b")).status == 403
        large = b"a" * (1024 * 1024 + 1)
        got = ask(signed(credential, "POST", "/a", large), method="POST", body=large)
        assert (got.status, b"ERR_TOO_LARGE" in got.body) == (413, True)


def test_a_signature_passes_two_guards(kind: str) -> None:
    desk = Desk(kind, {}, {"model": "large"})
    credential = desk.mint(holder=KEY.thumbprint)
    body = b"what was signed"
    ask = Ask("/a", method="POST", headers=signed(credential, "POST", "/a", body), body=body)
    got = desk.asked(ask)
    assert (got.status, got.body) == (200, body)


def test_a_signature_below_a_path_is_of_what_the_client_sent(kind: str) -> None:
    desk = Desk(kind, {}, None, location=f"{LOCATION}/api")
    credential = desk.mint(holder=KEY.thumbprint)
    fields = signed(credential, "GET", "/api/a?x=1")
    assert desk.asked(Ask("/a?x=1", headers=fields)).status == 200
    fields = signed(credential, "GET", "/a?x=1")
    assert desk.asked(Ask("/a?x=1", headers=fields)).status == 403


class Pair:
    """Two services around one application of each kind: A outside, B inside."""

    def __init__(self, kind: str, *, b_secret: str = SECRET, b: str = LOCATION) -> None:
        self._kind = kind
        guard: Any = asgi.Sigil if kind == "asgi" else wsgi.Sigil
        self.a = Service(location=LOCATION, secret=SECRET, ledger=MemoryLedger(), clock=_start)
        self.b = Service(location=b, secret=b_secret, ledger=MemoryLedger(), clock=_start)
        app: Any = asgi_app if kind == "asgi" else wsgi_app
        self._apps = {
            "b": guard(app, self.b),
            "ab": guard(guard(app, self.b), self.a),
            "aba": guard(guard(guard(app, self.a), self.b), self.a),
        }

    def ask(self, which: str, headers: list[tuple[str, str]]) -> Got:
        ask = Ask("/a", headers=headers)
        app = self._apps[which]
        return asyncio.run(ask_asgi(app, ask)) if self._kind == "asgi" else ask_wsgi(app, ask)


def _start() -> float:
    return START


def minted(**scope: Any) -> list[tuple[str, str]]:
    given: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", **scope}
    text = Minter(secret=SECRET, location=LOCATION, clock=_start).mint(**given).text
    return [("authorization", f"L402 {text}")]


@pytest.mark.parametrize("scope", [{}, {"max_uses": 5}, {"budget": "5 sat"}])
def test_a_service_judges_what_another_one_before_it_has_let_in(kind: str, scope: Any) -> None:
    """Its own location, revocations and ledger, whatever the other one has found."""
    pair = Pair(kind)
    headers = minted(**scope)
    assert pair.ask("ab", headers).status == 200
    elsewhere = Pair(kind, b="https://b.example")
    assert elsewhere.ask("ab", headers).status == 403
    covered = minted(endpoints=[f"* {LOCATION}/**", "* https://b.example/**"], **scope)
    assert elsewhere.ask("ab", covered).status == 200
    grant = pair.b.authorize(RequestFacts("GET", "/a", headers))
    assert isinstance(grant, Grant)
    grant.finish(404)
    pair.b.revocations.revoke(grant.node_id)
    assert (pair.ask("b", headers).status, pair.ask("ab", headers).status) == (401, 401)


def test_each_service_counts_in_its_own_ledger_once(kind: str) -> None:
    pair = Pair(kind)
    headers = minted(max_uses=3)
    assert pair.ask("b", headers).status == 200
    assert [pair.ask("ab", headers).status for _ in range(3)] == [200, 200, 401]
    # A has given back what B refused, and counts once although it stands there twice.
    other = Pair(kind)
    assert [other.ask("aba", headers).status for _ in range(4)] == [200, 200, 200, 401]


def test_what_the_inner_service_refuses_is_given_back_by_the_outer_one(kind: str) -> None:
    pair = Pair(kind, b="https://b.example")
    headers = minted(max_uses=1)
    assert [pair.ask("ab", headers).status for _ in range(2)] == [403, 403]


def test_a_credential_that_only_the_outer_service_knows_is_not_served(kind: str) -> None:
    pair = Pair(kind, b_secret=bytes(range(32, 64)).hex())
    got = pair.ask("ab", minted())
    assert (got.status, b"ERR_PRICE_FUNCTION" in got.body) == (503, True)


def test_a_key_s_signature_is_not_taken_over_from_another_service(kind: str) -> None:
    pair = Pair(kind)
    text = minted(holder=KEY.thumbprint)[0][1].removeprefix("L402 ")
    assert pair.ask("b", signed(text, "GET", "/a")).status == 200
    assert pair.ask("ab", signed(text, "GET", "/a")).status == 403


@pytest.mark.parametrize("is_async", [False, True])
def test_a_project_of_django_below_a_guard_of_its_service_is_counted_once(is_async: bool) -> None:
    from django.http import HttpResponse
    from tests.service.worlds import django_settings, handler_of

    django_settings()
    from l8nt.django import guarded

    service = Service(location=LOCATION, secret=SECRET, ledger=MemoryLedger(), clock=_start)

    @guarded()
    def view(request: Any) -> HttpResponse:
        return HttpResponse(b"sunny")

    guard: Any = asgi.Sigil if is_async else wsgi.Sigil

    def around(handler: Any) -> Any:
        return guard(handler, service)

    ask = handler_of(("a", view), is_async=is_async, around=around, SIGIL_SERVICE=service)
    headers = minted(max_uses=2)
    assert [ask(Ask("/a", headers=headers)).status for _ in range(3)] == [200, 200, 401]
