"""Asks an ASGI or a WSGI application in this process, with bytes as they come from a socket."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

Headers = Sequence[tuple[str, str]]


@dataclass
class Got:
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def lines(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name]

    def value(self, name: str) -> str | None:
        lines = self.lines(name)
        return ", ".join(lines) if lines else None


@dataclass
class Ask:
    """A request."""

    target: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""
    root_path: str = ""
    """What the server says that the application is mounted at, before the path of ``target``."""


Asker = Callable[[Ask], Got]


def asgi_scope(ask: Ask, kind: str = "http") -> dict[str, Any]:
    """The scope that uvicorn makes of a request."""
    path, _, query = ask.target.partition("?")
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1234),
        "root_path": ask.root_path,
        "path": ask.root_path + unquote(path),
        "raw_path": (ask.root_path + path).encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in [("host", "api.example"), *ask.headers]
        ],
        "extensions": {},
    }
    if kind == "http":
        scope["method"] = ask.method
    return scope


async def ask_asgi(app: Any, ask: Ask) -> Got:
    """One request; the client stays until the end."""
    messages = [{"type": "http.request", "body": ask.body, "more_body": False}]
    sent: list[dict[str, Any]] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(dict(message))

    try:
        await app(asgi_scope(ask), receive, send)
    except Exception:
        if not sent:
            # As servers answer what raised before a head.
            return Got(500, [], b"")
    head, *rest = sent
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head["headers"]]
    return Got(head["status"], headers, b"".join(one.get("body", b"") for one in rest))


def ask_wsgi(app: Any, ask: Ask) -> Got:
    """One request, with the environ that gunicorn makes."""
    path, _, query = ask.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": ask.method,
        "SCRIPT_NAME": ask.root_path,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": ask.root_path + ask.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(ask.body)),
        "HTTP_HOST": "api.example",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(ask.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in ask.headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        if name.lower() == "content-type":
            key = "CONTENT_TYPE"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    head: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        head[:] = [int(status.split(" ")[0]), headers]
        return written.append

    written: list[bytes] = []
    try:
        chunks = app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
    except Exception:
        return Got(500, [], b"")
    return Got(head[0], head[1], b"".join(written) + body)
