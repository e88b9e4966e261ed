"""One reading of a request's target, of what ASGI and WSGI servers tell. spec/2-caveats.md §3."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.service.asking import Ask, Got, ask_asgi
from tests.service.worlds import LOCATION, SECRET, START

from l8nt import asgi
from l8nt.l402 import Minter
from l8nt.service import MemoryLedger, Service
from l8nt.service.reading import asgi_target, wsgi_target


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"path": "/a b", "raw_path": b"/a%20b"}, "/a%20b"),
        ({"path": "/a", "raw_path": b"/%61", "query_string": b"x=%2f"}, "/%61?x=%2f"),
        ({"path": "/a", "raw_path": b"/a?x=1", "query_string": b"x=1"}, "/a?x=1"),
        # uvicorn --root-path puts the prefix before both; older frameworks keep it out of one.
        ({"path": "/api/a", "raw_path": b"/api/a", "root_path": "/api"}, "/api/a"),
        ({"path": "/a", "raw_path": b"/sub/a", "root_path": "/sub"}, "/sub/a"),
        ({"path": "/é", "raw_path": b"/%C3%A9"}, "/%C3%A9"),
        ({"path": "/\ufffd", "raw_path": b"/%FF"}, "/%FF"),
        # A server that does not tell it.
        ({"path": "/a b/é;x", "raw_path": None}, "/a%20b/%C3%A9;x"),
        ({"path": "/a%2Fb"}, "/a%252Fb"),
        # A middleware has changed one of both: another path would be served than was judged.
        ({"path": "/admin", "raw_path": b"/a"}, None),
        ({"path": "/a", "raw_path": b"/admin"}, None),
        ({"path": "/other/a", "raw_path": b"/a", "root_path": "/sub"}, None),
        ({"path": "/a", "raw_path": "/a"}, None),
    ],
)
def test_asgi(scope: dict[str, Any], target: str | None) -> None:
    assert asgi_target(scope) == target


@pytest.mark.parametrize(
    ("environ", "target"),
    [
        ({"PATH_INFO": "/a b", "RAW_URI": "/a%20b?x=1", "QUERY_STRING": "x=1"}, "/a%20b?x=1"),
        ({"PATH_INFO": "/a", "REQUEST_URI": "/%61"}, "/%61"),
        ({"PATH_INFO": "/a", "REQUEST_URI": "http://evil.example/a?x"}, "/a?x"),
        ({"PATH_INFO": "/", "REQUEST_URI": "http://evil.example"}, "/"),
        ({"SCRIPT_NAME": "/sub", "PATH_INFO": "/a", "RAW_URI": "/sub/a"}, "/sub/a"),
        # ProxyFix(x_prefix=1): the proxy has removed the prefix.
        ({"SCRIPT_NAME": "/api", "PATH_INFO": "/a", "RAW_URI": "/a"}, "/a"),
        # PEP 3333 has the bytes of UTF-8 as Latin-1.
        ({"PATH_INFO": "/Ã©", "RAW_URI": "/%C3%A9"}, "/%C3%A9"),
        # Of a server that tells it decoded alone, what the application sees.
        ({"PATH_INFO": "/Ã© b"}, "/%C3%A9%20b"),
        ({"PATH_INFO": "/a%2Fb", "QUERY_STRING": "x=1"}, "/a%252Fb?x=1"),
        ({"SCRIPT_NAME": "/sub", "PATH_INFO": "/a"}, "/sub/a"),
        ({"PATH_INFO": "", "SCRIPT_NAME": ""}, "/"),
        ({"PATH_INFO": "/admin", "RAW_URI": "/a"}, None),
        ({"PATH_INFO": "/a", "RAW_URI": "/admin"}, None),
        ({"PATH_INFO": "/\u20ac"}, None),
    ],
)
def test_wsgi(environ: dict[str, Any], target: str | None) -> None:
    assert wsgi_target(environ) == target


@pytest.mark.parametrize(("path", "status"), [("/a", 200), ("/admin", 400)])
def test_a_path_that_a_middleware_has_changed_is_not_served(path: str, status: int) -> None:
    service = Service(location=LOCATION, secret=SECRET, ledger=MemoryLedger(), clock=lambda: START)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    inner = asgi.Sigil(app, service)

    async def rewriting(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "path": path}, receive, send)

    given: Any = {"endpoints": [f"GET {LOCATION}/a"], "expires_in": "1h"}
    minter = Minter(secret=SECRET, location=LOCATION, clock=lambda: START)
    headers = [("authorization", f"L402 {minter.mint(**given).text}")]
    got: Got = asyncio.run(ask_asgi(rewriting, Ask("/a", headers=headers)))
    assert got.status == status
