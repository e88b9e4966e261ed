"""What stands above ``guarded`` of Flask gets what the view returned, and can keep none of it."""

from __future__ import annotations

import copy
import functools
import pickle
from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import pytest
from tests.service.asking import Ask, ask_wsgi
from tests.service.desks import Desk


class Pair(NamedTuple):
    n: int
    name: str


class Text(str):
    """A text with something of its own."""

    __slots__ = ()

    def shout(self) -> str:
        return self.upper()


VALUES: list[Any] = [
    {"n": 7},
    OrderedDict(n=7),
    defaultdict(int, n=7),
    [1, 2],
    ({"n": 7}, 201, {"X-A": "b"}),
    Pair(7, "paid"),
    "text",
    Text("text"),
    b"bytes",
    bytearray(b"bytes"),
    None,
    5,
    True,
]


def _app(desk: Desk, above: Any, view: Any) -> Any:
    from flask import Flask

    from l8nt.flask import Sigil, guarded

    app = Flask(__name__)
    app.add_url_rule("/a", "a", above(guarded()(view)))
    seen: list[Any] = []
    inner = app.wsgi_app

    def between(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: Any, *more: Any) -> Any:
            seen.append(dict(headers))
            return start_response(status, headers, *more)

        return inner(environ, start)

    app.wsgi_app = Sigil(between, desk.service, guard="routes")
    return app, seen


@pytest.mark.parametrize("value", VALUES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("is_for_all", [False, True])
def test_a_decorator_gets_the_value_of_the_view(value: Any, is_for_all: bool) -> None:
    from flask import g, jsonify

    desk, got = Desk(), list[Any]()

    def above(view: Any) -> Any:
        @functools.wraps(view)
        def wrapped() -> Any:
            got.append(view())
            return jsonify(done=True)

        return wrapped

    def view() -> Any:
        if is_for_all:
            g.grant.allow_shared_caching()
        return value

    app, seen = _app(desk, above, view)
    answer = ask_wsgi(app, Ask("/a", headers=desk.asked(desk.mint(max_uses=1)).headers))
    assert (answer.status, desk.used()) == (200, [(1, 0)])
    told = {name.lower(): text for name, text in seen[0].items()}
    assert ("private" in told.get("cache-control", "")) == (not is_for_all)
    assert got == [value]
    assert not is_for_all or got[0] is value
    for one in (got[0], copy.copy(got[0]), copy.deepcopy(got[0])):
        assert one == value
        assert isinstance(one, dict if isinstance(value, defaultdict) else type(value))
        if not is_for_all and value is not None and not isinstance(value, int):
            with pytest.raises(TypeError, match="one request"):
                pickle.dumps(one)
    if isinstance(value, Pair):
        assert (got[0].n, got[0].name) == (7, "paid")
    if isinstance(value, Text):
        assert got[0].shout() == "TEXT"


def _as_it_is(view: Any) -> Any:
    return view


@pytest.mark.parametrize("value", VALUES[:10], ids=lambda one: type(one).__name__)
def test_flask_answers_with_it_as_without_a_guard(value: Any) -> None:
    from flask import Flask

    if isinstance(value, Pair):
        pytest.skip("no answer of Flask")
    desk, plain = Desk(), Flask(__name__)
    plain.add_url_rule("/a", "a", lambda: value)
    app, _ = _app(desk, _as_it_is, lambda: value)
    answer = ask_wsgi(app, Ask("/a", headers=desk.asked(desk.mint(max_uses=1)).headers))
    wanted = ask_wsgi(plain, Ask("/a"))
    assert (answer.status, answer.body) == (wanted.status, wanted.body)
    assert answer.value("content-type") == wanted.value("content-type")
    assert answer.value("x-a") == wanted.value("x-a")


def test_a_response_of_werkzeug_is_marked_as_it_is() -> None:
    from werkzeug.wrappers import Response

    desk, got = Desk(), list[Any]()

    def above(view: Any) -> Any:
        def wrapped() -> Any:
            got.append(view())
            with pytest.raises(TypeError, match="one request"):
                pickle.dumps(got[0])
            return got[0]

        return wrapped

    app, _ = _app(desk, above, lambda: Response(b"paid"))
    answer = ask_wsgi(app, Ask("/a", headers=desk.asked(desk.mint(max_uses=1)).headers))
    assert (answer.status, answer.body) == (200, b"paid")
    assert "private" in got[0].headers["cache-control"]
