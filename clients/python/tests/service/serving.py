"""Serves one small application with a real server, for tests: `python serving.py NAME PORT-FILE`.

The application answers what it was asked for, as it sees it. A credential is needed for everything.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from l8nt import asgi, wsgi
from l8nt.service import MemoryLedger, Service

SECRET = bytes(range(32)).hex()
LOCATION = "https://api.example"


def service(location: str = LOCATION) -> Service:
    return Service(location=location, secret=SECRET, ledger=MemoryLedger())


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    if scope["type"] != "http":
        raise NotImplementedError("no lifespan")
    body = json.dumps(
        {
            "path": scope["path"],
            "mount": scope.get("root_path", ""),
            "agent": asgi.grant_of(scope).agent,
            "authorization": [
                value.decode("latin-1")
                for name, value in scope["headers"]
                if name == b"authorization"
            ],
        }
    ).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    if scope["path"] == "/slow":
        await asyncio.sleep(0.3)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _wsgi(environ: Any, start_response: Any) -> list[bytes]:
    path = (environ["SCRIPT_NAME"] + environ["PATH_INFO"]).encode("latin-1").decode()
    own = environ.get("HTTP_AUTHORIZATION")
    body = json.dumps(
        {
            "path": path,
            "mount": environ["SCRIPT_NAME"],
            "agent": wsgi.grant_of(environ).agent,
            "authorization": [] if own is None else [own],
        }
    ).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def asgi_app(location: str = LOCATION) -> Any:
    return asgi.Sigil(_asgi, service(location))


def wsgi_app(location: str = LOCATION, mount: str = "") -> Any:
    return wsgi.Sigil(_wsgi, service(location), mount=mount)


def _mounted() -> Any:
    """Starlette with an application mounted below /sub, where the guard stands inside of it."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/sub", app=asgi_app())])


def _dispatched() -> Any:
    """The same for WSGI."""
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    return DispatcherMiddleware(_unguarded, {"/sub": wsgi_app(mount="/sub")})


def _nested() -> Any:
    """The same below another guard of the service, which sees what the application mounts."""
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    one = service()
    inner = wsgi.Sigil(_wsgi, one)
    return wsgi.Sigil(DispatcherMiddleware(_unguarded, {"/sub": inner}), one, guard="routes")


def _unguarded(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return [b""]


def _with_script_name(listening: socket.socket, app: Any) -> None:
    """An operator has mounted the application by the environment of gunicorn."""
    os.environ["SCRIPT_NAME"] = "/api"
    _gunicorn(listening, app, "sync")


def _uvicorn(listening: socket.socket, app: Any, **options: Any) -> None:
    import uvicorn

    config = uvicorn.Config(
        app, fd=listening.fileno(), log_level="error", lifespan="off", **options
    )
    uvicorn.Server(config).run()


def _hypercorn(listening: socket.socket, app: Any) -> None:
    config: Any = import_module("hypercorn.config").Config()
    config.bind = [f"fd://{listening.fileno()}"]
    serve: Any = import_module("hypercorn.asyncio").serve
    asyncio.run(serve(app, config))


def _gunicorn(listening: socket.socket, app: Any, worker: str) -> None:
    base: Any = import_module("gunicorn.app.base").BaseApplication

    class Served(base):
        def load_config(self) -> None:
            self.cfg.set("bind", f"fd://{listening.fileno()}")
            self.cfg.set("worker_class", worker)
            self.cfg.set("loglevel", "error")

        def load(self) -> Any:
            return app

    Served().run()


def _waitress(listening: socket.socket, app: Any) -> None:
    serve: Any = import_module("waitress").serve
    serve(app, sockets=[listening])


def _werkzeug(listening: socket.socket, app: Any) -> None:
    from werkzeug.serving import make_server

    port = listening.getsockname()[1]
    make_server("127.0.0.1", port, app, threaded=True, fd=listening.fileno()).serve_forever()


def _django_runserver(listening: socket.socket, app: Any) -> None:
    """The server of `manage.py runserver`, which tells the path decoded alone."""
    from django.conf import settings
    from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer

    cast("Any", settings).configure(DEBUG=False, LOGGING_CONFIG=None)
    server: Any = WSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.socket.close()
    server.socket = listening
    server.set_app(app)
    server.serve_forever()


def _wsgiref(listening: socket.socket, app: Any) -> None:
    from wsgiref.simple_server import WSGIServer, make_server

    server = make_server("127.0.0.1", 0, app, WSGIServer)
    server.socket.close()
    server.socket = listening
    server.serve_forever()


BEHIND = f"{LOCATION}/api"

SERVERS: dict[str, Callable[[socket.socket], None]] = {
    "uvicorn h11": lambda it: _uvicorn(it, asgi_app(), http="h11", ws="auto"),
    "uvicorn httptools": lambda it: _uvicorn(
        it, asgi_app(), http="httptools", ws="websockets-sansio"
    ),
    "hypercorn": lambda it: _hypercorn(it, asgi_app()),
    "gunicorn sync": lambda it: _gunicorn(it, wsgi_app(), "sync"),
    "gunicorn gthread": lambda it: _gunicorn(it, wsgi_app(), "gthread"),
    "waitress": lambda it: _waitress(it, wsgi_app()),
    "werkzeug": lambda it: _werkzeug(it, wsgi_app()),
    "django runserver": lambda it: _django_runserver(it, wsgi_app()),
    "wsgiref": lambda it: _wsgiref(it, wsgi_app()),
    "uvicorn --root-path": lambda it: _uvicorn(it, asgi_app(BEHIND), http="h11", root_path="/api"),
    "uvicorn behind a prefix": lambda it: _uvicorn(it, asgi_app(BEHIND), http="h11"),
    "gunicorn behind a prefix": lambda it: _gunicorn(it, wsgi_app(BEHIND), "sync"),
    "uvicorn mounted": lambda it: _uvicorn(it, _mounted(), http="h11"),
    "gunicorn mounted": lambda it: _gunicorn(it, _dispatched(), "sync"),
    "gunicorn nested, mounted": lambda it: _gunicorn(it, _nested(), "sync"),
    "gunicorn mounted by SCRIPT_NAME": lambda it: _with_script_name(it, wsgi_app(BEHIND)),
}


if __name__ == "__main__":
    name, fd = sys.argv[1:]
    given = socket.socket(fileno=int(fd))
    sys.argv[1:] = []
    SERVERS[name](given)
