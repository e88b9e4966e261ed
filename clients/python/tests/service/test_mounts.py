"""The mount that a server tells: what is served, below the location, is what is judged. Gunicorn
takes ``SCRIPT_NAME``, and Daphne ``root_path``, from a field that any caller may send.
spec/2-caveats.md §3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from tests.service.asking import Ask, Got, ask_asgi, ask_wsgi
from tests.service.worlds import ADAPTERS, LOCATION, SECRET, START, Place, world

from l8nt import asgi, wsgi
from l8nt.l402 import Minter
from l8nt.service import MemoryLedger, Service
from l8nt.service.reading import asgi_mount, wsgi_mount

# That of asgi alone has no router that knows a mount.
ROUTED = [name for name in ADAPTERS if name != "asgi"]
PATHS = ("/admin", "/public/admin")


@pytest.mark.parametrize("name", ROUTED)
@pytest.mark.parametrize("base", ["", "/api", "/public"])
@pytest.mark.parametrize(
    "mount", ["", "/api", "/public", "/public/", "/", "/api/public", "/p", "/public/public"]
)
def test_a_path_is_judged_as_it_is_served(name: str, base: str, mount: str) -> None:
    """A mount that is not the path of the location is refused; below one that is, and without one,
    each path of the application has one public path.
    """
    places = [Place(path, {}, lambda seen, path=path: (200, [], path.encode())) for path in PATHS]
    with world(ADAPTERS[name], *places, location=LOCATION + base) as one:
        for path in PATHS:
            public = {f"{base}{known}": one.mint(**_of(f"{base}{known}")) for known in PATHS}
            got = one.ask(path, public[base + path], root_path=mount)
            if mount not in ("", base):
                assert got.status in (400, 404), got
                continue
            assert (got.status, got.body) == (200, path.encode())
            other = next(known for known in public if known != base + path)
            assert one.ask(path, public[other], root_path=mount).status == 403
            outside = one.mint(**_of(f"/elsewhere{path}"))
            assert one.ask(path, outside, root_path=mount).status == 403


def _of(path: str) -> dict[str, Any]:
    return {"endpoints": [f"GET {LOCATION}{path}"]}


def test_the_refusal_tells_the_operator_what_to_set() -> None:
    with world(ADAPTERS["flask"], Place("/admin", {})) as one:
        got = one.ask("/admin", one.mint(), root_path="/public")
        assert (got.status, b"SCRIPT_NAME" in got.body, b"mount=" in got.body) == (400, True, True)


@pytest.mark.parametrize(
    ("environ", "mount"),
    [
        ({"PATH_INFO": "/a", "RAW_URI": "/a"}, ""),
        ({"SCRIPT_NAME": "/sub", "PATH_INFO": "/a", "RAW_URI": "/sub/a"}, "/sub"),
        ({"SCRIPT_NAME": "/sub", "PATH_INFO": "", "RAW_URI": "/sub"}, "/sub"),
        ({"SCRIPT_NAME": "/sub", "PATH_INFO": "/a", "RAW_URI": "/%73ub/a?x"}, "/sub"),
        # PEP 3333 has the bytes of UTF-8 as Latin-1.
        ({"SCRIPT_NAME": "/Ã©", "PATH_INFO": "/a", "RAW_URI": "/%C3%A9/a"}, "/é"),
        # ProxyFix(x_prefix=1): no part of the target is served as anything else.
        ({"SCRIPT_NAME": "/api", "PATH_INFO": "/a", "RAW_URI": "/a"}, ""),
        ({"SCRIPT_NAME": "/api", "PATH_INFO": "/api/a", "RAW_URI": "/api/a"}, ""),
        # Where the target is told decoded alone, nobody knows which of both it is.
        ({"SCRIPT_NAME": "/api", "PATH_INFO": "/a"}, "/api"),
    ],
)
def test_the_mount_of_wsgi(environ: Mapping[str, object], mount: str) -> None:
    assert wsgi_mount(environ) == mount


@pytest.mark.parametrize(
    ("scope", "mount"),
    [
        ({"path": "/a", "raw_path": b"/a", "root_path": ""}, ""),
        ({"path": "/api/a", "raw_path": b"/api/a", "root_path": "/api"}, "/api"),
        ({"path": "/api", "raw_path": b"/api", "root_path": "/api"}, "/api"),
        ({"path": "/api/a", "root_path": "/api"}, "/api"),
        ({"path": "/a", "raw_path": b"/api/a", "root_path": "/api"}, "/api"),
        # FastAPI(root_path="/api") behind a proxy that removes it, and a path that only looks so.
        ({"path": "/a", "raw_path": b"/a", "root_path": "/api"}, ""),
        ({"path": "/apiary", "raw_path": b"/apiary", "root_path": "/api"}, ""),
        # Mount of Starlette keeps what the server told.
        (
            {
                "path": "/sub/a",
                "raw_path": b"/sub/a",
                "root_path": "/sub",
                "app_root_path": "",
            },
            "",
        ),
        (
            {
                "path": "/api/sub/a",
                "raw_path": b"/api/sub/a",
                "root_path": "/api/sub",
                "app_root_path": "/api",
            },
            "/api",
        ),
    ],
)
def test_the_mount_of_asgi(scope: Mapping[str, object], mount: str) -> None:
    assert asgi_mount(scope) == mount


class Dispatched:
    """An application that mounts another one at ``/sub``, on ASGI or WSGI, without a framework."""

    def __init__(self, kind: str, *, outer: bool, base: str = "", mount: str = "") -> None:
        self._kind = kind
        self._base = base
        service = Service(
            location=LOCATION + base, secret=SECRET, ledger=MemoryLedger(), clock=lambda: START
        )
        guard: Any = asgi.Sigil if kind == "asgi" else wsgi.Sigil
        dispatch = _asgi_below if kind == "asgi" else _wsgi_below
        app: Any = _asgi_app if kind == "asgi" else _wsgi_app
        self._app: Any = dispatch("/sub", guard(app, service, mount=mount))
        if outer:
            self._app = guard(self._app, service, guard="routes")

    def ask(self, target: str, public: str, root_path: str = "") -> int:
        given: Any = {**_of(public), "expires_in": "1h"}
        credential = Minter(secret=SECRET, location=LOCATION, clock=lambda: START).mint(**given)
        headers = [("authorization", f"L402 {credential.text}")]
        ask = Ask(target, headers=headers, root_path=root_path)
        got: Got = (
            asyncio.run(ask_asgi(self._app, ask))
            if self._kind == "asgi"
            else ask_wsgi(self._app, ask)
        )
        return got.status


def _wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]


def _wsgi_below(mount: str, app: Any) -> Any:
    def dispatch(environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith(f"{mount}/"):
            start_response("404 Not Found", [])
            return [b""]
        below = {
            "SCRIPT_NAME": environ["SCRIPT_NAME"] + mount,
            "PATH_INFO": path.removeprefix(mount),
        }
        return app({**environ, **below}, start_response)

    return dispatch


async def _asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _asgi_below(mount: str, app: Any) -> Any:
    """As DispatcherMiddleware of hypercorn does, which tells no ``app_root_path``."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        root = scope["root_path"] + mount
        if not scope["path"].startswith(f"{root}/"):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app({**scope, "root_path": root}, receive, send)

    return dispatch


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
@pytest.mark.parametrize(
    "how", [{"outer": True}, {"outer": False, "mount": "/sub"}, {"outer": True, "mount": "/sub"}]
)
def test_what_the_application_mounts_is_served(kind: str, how: dict[str, Any]) -> None:
    app = Dispatched(kind, **how)
    assert app.ask("/sub/a", "/sub/a") == 200
    assert app.ask("/sub/a", "/a") == 403
    assert app.ask("/sub/a", "/sub/sub/a") == 403
    # The same application behind a proxy, which removes /api, or whose server puts it back.
    app = Dispatched(kind, base="/api", **how)
    for root in ("", "/api"):
        assert app.ask("/sub/a", "/api/sub/a", root) == 200
        assert app.ask("/sub/a", "/sub/a", root) == 403


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
@pytest.mark.parametrize(
    "how", [{"outer": True}, {"outer": False, "mount": "/sub"}, {"outer": False}]
)
def test_what_a_caller_mounts_is_not(kind: str, how: dict[str, Any]) -> None:
    app = Dispatched(kind, **how)
    for root in ("/public", "/sub", "/public/sub", "/public/"):
        assert app.ask("/sub/a", f"{root}/sub/a", root) == 400, root


def test_a_mount_that_is_no_path_fails_where_it_stands() -> None:
    service = Service(location=LOCATION, secret=SECRET, ledger=MemoryLedger())
    for mount in ("sub", "/", "/sub/"):
        with pytest.raises(ValueError, match="mount"):
            wsgi.Sigil(_wsgi_app, service, mount=mount)
        with pytest.raises(ValueError, match="mount"):
            asgi.Sigil(_asgi_app, service, mount=mount)
