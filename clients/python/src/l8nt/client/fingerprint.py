"""The fingerprint of a request: whether two requests are the same to a service. spec/4-purchase.md
§4.5.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from urllib.parse import urldefrag

from .._tables import VOLATILE_FIELDS
from ..wire.problem import members

_VOLATILE = re.compile(VOLATILE_FIELDS, re.IGNORECASE | re.ASCII)
"""Fields that differ when one request is sent twice, or comes by another way."""

_JSON_TYPE = re.compile(r"application/json *(?:;|\Z)", re.IGNORECASE)


def fingerprint_of(
    method: str, url: str, fields: Iterable[tuple[str, str]], body: bytes | None
) -> str:
    """Hex SHA-256 of what an answer or a price may depend on: method, URL, header fields and body.
    Fields that differ each time are left out. A credential in ``Authorization`` is for the caller
    to leave out.
    """
    lines = [
        (name.lower(), value.strip()) for name, value in fields if not _VOLATILE.match(name.lower())
    ]
    # Stable: the order of the lines of one field can matter, that of different fields cannot.
    lines.sort(key=lambda line: line[0])
    digest = None if body is None else base64.b64encode(hashlib.sha256(body).digest()).decode()
    return hashlib.sha256(
        _written([method, urldefrag(url).url, lines, digest]).encode("utf-8", "surrogatepass")
    ).hexdigest()


def priced_fingerprint_of(
    method: str, url: str, fields: Iterable[tuple[str, str]], body: bytes | None
) -> str:
    """The fingerprint of what was priced, by which a later request is the same one. A message of
    JSON-RPC counts without its ``id`` and without ``_meta``, which a client makes anew for each
    call.
    """
    lines = list(fields)
    return fingerprint_of(method, url, lines, _call_in(lines, body) or body)


def _call_in(fields: list[tuple[str, str]], body: bytes | None) -> bytes | None:
    """The call of a JSON-RPC message, without what differs when it is made again. ``None`` for any
    other body, and for one that another reader could read differently, such as one that repeats a
    key: it counts byte by byte.
    """
    types = [value for name, value in fields if name.lower() == "content-type"]
    if body is None or len(types) != 1 or not _JSON_TYPE.match(types[0].strip()):
        return None
    try:
        value = json.loads(body)
        if _written(value).encode() != body:
            return None
    except (ValueError, RecursionError):
        return None
    message = members(value)
    is_call = isinstance(message.get("id"), (str, int, float)) and isinstance(
        message.get("method"), str
    )
    if message.get("jsonrpc") != "2.0" or not is_call:
        return None
    rest = {name: member for name, member in message.items() if name != "id"}
    if isinstance(rest.get("params"), dict):
        params = members(rest["params"])
        rest["params"] = {name: one for name, one in params.items() if name != "_meta"}
    return _written({**rest, "id": 0}).encode()


def _written(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
