"""A service's well-known paths: what it enforces, and revocation by holders.
spec/3-challenge.md §6.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

from ..credential import Blocks, Descent
from ..errors import AdapterError
from ..macaroon.packet import MAX_CAVEATS
from ..wire._types import DISCOVERY, REVOCATION, RevocationRequest
from ..wire.reading import read
from .facts import RequestFacts
from .refused import Answer
from .waiting import Steps, Wait

__all__ = ["REVOCATIONS_PATH", "WELL_KNOWN_PATH", "body_of", "descent_in", "document", "is_asked"]

WELL_KNOWN_PATH: Final = DISCOVERY.path
REVOCATIONS_PATH: Final = REVOCATION.path
_MAX_BYTES = 65_536
_MAX_BLOCKS = 64


def is_asked(path: str | None, method: str) -> bool:
    """Whether a path below the location, and a method, are one of the documents'."""
    return any((path, method) == (one.path, one.method) for one in (DISCOVERY, REVOCATION))


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
    said: object = None
    given: RevocationRequest = {}
    with suppress(ValueError, RecursionError):
        said = json.loads(content.decode("utf-8"))
        given = read(RevocationRequest, said)
    if len(given) == 1 and given == said:
        caveats, blocks = given.get("caveats"), given.get("blocks")
        if caveats is not None and len(caveats) <= MAX_CAVEATS:
            return caveats
        if blocks is not None and len(blocks) <= _MAX_BLOCKS:
            return Blocks(tuple(blocks))
    raise AdapterError(
        "ERR_REQUEST",
        'A revocation has either "caveats" or "blocks", at most '
        f"{MAX_CAVEATS}: what follows your own in the child.",
    )
