"""A service's well-known paths: what it enforces, and revocation by holders.
spec/3-challenge.md §6.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from ..credential import Blocks, Descent
from ..errors import AdapterError
from ..macaroon.packet import MAX_CAVEATS
from .facts import RequestFacts
from .refused import Answer
from .waiting import Steps, Wait

__all__ = ["REVOCATIONS_PATH", "WELL_KNOWN_PATH", "body_of", "descent_in", "document", "is_asked"]

WELL_KNOWN_PATH: Final = "/.well-known/l402"
REVOCATIONS_PATH: Final = f"{WELL_KNOWN_PATH}/revocations"
_MAX_BYTES = 65_536
_MAX_BLOCKS = 64


def is_asked(path: str | None, method: str) -> bool:
    """Whether a path below the location, and a method, are one of the documents'."""
    return (path, method) in ((WELL_KNOWN_PATH, "GET"), (REVOCATIONS_PATH, "POST"))


def document(value: object) -> Answer:
    """An answer of JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    headers = (
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("content-length", str(len(body))),
    )
    return Answer(200, headers, body)


def body_of(facts: RequestFacts) -> Steps[bytes]:
    """The content of a request. Raises AdapterError ``ERR_TOO_LARGE``, ``ERR_REQUEST``."""
    if facts.body is None:
        raise _unreadable()
    content = yield Wait(facts.body.sync, facts.body.later)
    if content is None:
        raise _unreadable()
    if len(content) > _MAX_BYTES:
        raise AdapterError("ERR_TOO_LARGE", f"The body is larger than {_MAX_BYTES} bytes.")
    return content


def _unreadable() -> AdapterError:
    return AdapterError("ERR_REQUEST", "The body cannot be read here.")


def descent_in(content: bytes) -> Descent:
    """What a request asks to revoke. Raises AdapterError ``ERR_REQUEST``."""
    try:
        said = json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        given = cast("dict[str, Any]", said)
        caveats, blocks = _texts(given.get("caveats")), _texts(given.get("blocks"))
        if len(given) == 1 and caveats is not None and len(caveats) <= MAX_CAVEATS:
            return caveats
        if len(given) == 1 and blocks is not None and len(blocks) <= _MAX_BLOCKS:
            return Blocks(tuple(blocks))
    raise AdapterError(
        "ERR_REQUEST",
        'A revocation has either "caveats" or "blocks", at most '
        f"{MAX_CAVEATS}: what follows your own in the child.",
    )


def _texts(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    texts = [one for one in items if isinstance(one, str)]
    return texts if len(texts) == len(items) else None
