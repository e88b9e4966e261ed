"""The raw target of a request, computed once from what ASGI and WSGI servers tell.

A credential is judged for the path that the application serves. Where a server tells the path in
two ways, raw and decoded, both must be the same path: a middleware that changed one of them would
have another request judged than is served. spec/2-caveats.md §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

__all__ = ["asgi_fields", "asgi_mount", "asgi_target", "wsgi_mount", "wsgi_target"]

# Percent-encoded servers leave these as they are; what WSGI has decoded is written like this.
_LITERAL = "/!$&'()*+,;=:@~"


def _joined(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def asgi_target(scope: Mapping[str, object]) -> str | None:
    """Path and query of an ASGI ``http`` or ``websocket`` scope as they were sent; ``None`` if
    ``path`` and ``raw_path`` are not one path.
    """
    path, raw = scope.get("path"), scope.get("raw_path")
    query = scope.get("query_string", b"")
    root = scope.get("root_path", "")
    if not (isinstance(path, str) and isinstance(query, bytes) and isinstance(root, str)):
        return None
    if raw is None:
        # A server need not tell it. What is judged is what the application sees.
        return _joined(quote(path, safe=_LITERAL), query.decode("latin-1"))
    if not isinstance(raw, bytes):
        return None
    shown = _shown(raw)
    if shown not in (path, root + path):
        return None
    if shown != path and _is_below(path, root):
        # Routers would take the mount off a path that has it no more.
        return None
    return _joined(_sent(raw).decode("latin-1"), query.decode("latin-1"))


def _sent(raw: bytes) -> bytes:
    """Some servers leave the query behind the raw path."""
    return raw.split(b"?", 1)[0]


def _shown(raw: bytes) -> str:
    return unquote_to_bytes(_sent(raw)).decode("utf-8", "replace")


def asgi_fields(scope: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The header lines of an ASGI scope, without the pseudo headers of HTTP/2."""
    return [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in scope["headers"]
        if not name.startswith(b":")
    ]


def asgi_mount(scope: Mapping[str, object]) -> str:
    """The path at the beginning of the target that the server has mounted the application at, as
    ``--root-path`` of uvicorn does, without what routers of Starlette have mounted since.
    """
    root = scope.get("app_root_path", scope.get("root_path", ""))
    path, raw = scope.get("path"), scope.get("raw_path")
    shown = _shown(raw) if isinstance(raw, bytes) else path
    if not isinstance(root, str) or not isinstance(shown, str):
        return ""
    # A proxy that removes a prefix may leave it in neither: the application routes the whole path.
    return root if _is_below(shown, root) else ""


def _is_below(path: str, mount: str) -> bool:
    return f"{path}/".startswith(f"{mount}/")


def wsgi_target(environ: Mapping[str, object]) -> str | None:
    """Path and query of a WSGI request as they were sent; ``None`` if the server's accounts of it
    are not one path.

    Gunicorn, waitress, uWSGI, mod_wsgi and Werkzeug tell the raw target. Of a server that does not,
    such as that of ``manage.py runserver``, ``PATH_INFO`` is encoded again: an encoded slash cannot
    be told from a slash there, and is judged as the slash that the application sees.
    """
    path = _bytes_of(environ.get("PATH_INFO", ""))
    mount = _bytes_of(environ.get("SCRIPT_NAME", ""))
    query = environ.get("QUERY_STRING", "")
    if path is None or mount is None or not isinstance(query, str):
        return None
    raw = _raw_of(environ)
    if raw is None:
        return _joined(quote(mount + path, safe=_LITERAL) or "/", query)
    if not isinstance(raw, str) or _decoded(raw) not in (path, mount + path):
        return None
    return _without_origin(raw)


def wsgi_mount(environ: Mapping[str, object]) -> str:
    """The path at the beginning of the target that stands in ``SCRIPT_NAME``. What ``ProxyFix`` of
    Werkzeug writes there is in no target: a proxy has removed it.
    """
    mount = _bytes_of(environ.get("SCRIPT_NAME", ""))
    raw = _raw_of(environ)
    is_removed = isinstance(raw, str) and _decoded(raw) == _bytes_of(environ.get("PATH_INFO", ""))
    return "" if mount is None or is_removed else mount.decode("utf-8", "replace")


def _raw_of(environ: Mapping[str, object]) -> object:
    return environ.get("REQUEST_URI") or environ.get("RAW_URI")


def _decoded(raw: str) -> bytes | None:
    sent = _bytes_of(_without_origin(raw).split("?", 1)[0])
    return None if sent is None else unquote_to_bytes(sent)


def _bytes_of(text: object) -> bytes | None:
    """WSGI has bytes in texts (PEP 3333)."""
    if not isinstance(text, str):
        return None
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _without_origin(raw: str) -> str:
    """The absolute form of a target names a host, which is not believed (RFC 9112 §3.2.2)."""
    scheme, found, rest = raw.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return raw
    at = min((rest.find(one) for one in "/?#" if one in rest), default=len(rest))
    path = rest[at:]
    return path if path.startswith("/") else f"/{path}"
