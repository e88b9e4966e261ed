"""The raw target of a request, computed once from what ASGI and WSGI servers tell.

A credential is judged for the path that the application serves. Where a server tells the path in
two ways, raw and decoded, both must be the same path: a middleware that changed one of them would
have another request judged than is served. spec/2-caveats.md §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

__all__ = ["asgi_fields", "asgi_mount", "asgi_target", "wsgi_target"]

# Percent-encoded servers leave these as they are; what WSGI has decoded is written like this.
_LITERAL = "/!$&'()*+,;=:@~"


def _is_same_path(raw: bytes, path: bytes, mount: bytes) -> bool:
    """Whether the decoded path is that of the raw one: with its mount, or without it."""
    decoded = unquote_to_bytes(raw)
    return decoded in (path, mount + path)


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
    # Some servers leave the query behind it.
    sent = raw.split(b"?", 1)[0]
    shown = unquote_to_bytes(sent).decode("utf-8", "replace")
    if shown not in (path, root + path):
        return None
    return _joined(sent.decode("latin-1"), query.decode("latin-1"))


def asgi_fields(scope: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The header lines of an ASGI scope, without the pseudo headers of HTTP/2."""
    return [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in scope["headers"]
        if not name.startswith(b":")
    ]


def asgi_mount(scope: Mapping[str, object]) -> str:
    """The path that the server put before each path, as ``--root-path`` of uvicorn does, without
    what routers of the application have mounted since.
    """
    root = scope.get("app_root_path", scope.get("root_path", ""))
    return root if isinstance(root, str) else ""


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
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if raw is None:
        return _joined(quote(mount + path, safe=_LITERAL) or "/", query)
    if not isinstance(raw, str):
        return None
    sent = _without_origin(raw).split("?", 1)[0]
    octets = _bytes_of(sent)
    if octets is None or not _is_same_path(octets, path, mount):
        return None
    return _without_origin(raw)


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
