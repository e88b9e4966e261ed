"""What caches and pages of other origins are told about answers. spec/3-challenge.md §5."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["EXPOSED", "VARY", "exposed", "private_headers"]

VARY = ("Authorization", "Macaroon", "Grpc-Metadata-Macaroon")
"""The fields that answers of a service follow from."""
EXPOSED = {name.lower(): name for name in ("WWW-Authenticate", "Date", "Retry-After", "Sigil-Use")}

Headers = Sequence[tuple[str, str]]

# Fields that shared caches obey before Cache-Control: nginx, CDNs (RFC 9213), LiteSpeed.
_FOR_SHARED_CACHES = re.compile(
    r"(?:x-accel-expires|surrogate-control|edge-control|[a-z0-9-]+-cache-control)\Z", re.IGNORECASE
)
# A comma inside of a quoted text ends no directive.
_DIRECTIVE = re.compile(r'(?:[^,"]|"[^"]*"?)+')
_FOR_ALL = re.compile(
    r"(?:public|s-maxage|proxy-revalidate|must-understand)(?:[ \t]*=|\Z)", re.IGNORECASE
)
_CLOSED = re.compile(r"(?:no-store|private)\Z", re.IGNORECASE)


def exposed(fields: Headers) -> list[tuple[str, str]]:
    """The field that lists those of ``fields`` that a page has to be allowed to read."""
    names = dict.fromkeys(EXPOSED[name.lower()] for name, _ in fields if name.lower() in EXPOSED)
    return [("access-control-expose-headers", ", ".join(names))] if names else []


def _with_credentials(given: str) -> str:
    listed = [name.strip().lower() for name in given.split(",")]
    if "*" in listed:
        return "*"
    missing = [name for name in VARY if name.lower() not in listed]
    return ", ".join(part for part in [given, *missing] if part)


def _private(given: str) -> str:
    directives = [part.strip() for part in _DIRECTIVE.findall(given)]
    kept = [part for part in directives if part and not _FOR_ALL.match(part)]
    if not any(_CLOSED.match(part) for part in kept):
        kept.append("private")
    return ", ".join(kept)


def private_headers(headers: Headers) -> list[tuple[str, str]]:
    """The headers of an answer for one client: ``private``, with the fields of a credential in
    ``Vary``, and without what would have a shared cache keep it.
    """
    kept: list[tuple[str, str]] = []
    control: list[str] = []
    vary: list[str] = []
    for name, value in headers:
        lower = name.lower()
        if lower == "cache-control":
            control.append(value)
        elif lower == "vary":
            vary.append(value)
        elif _FOR_SHARED_CACHES.match(lower) is None:
            kept.append((name, value))
    kept.append(("cache-control", _private(", ".join(control))))
    kept.append(("vary", _with_credentials(", ".join(vary))))
    return kept
