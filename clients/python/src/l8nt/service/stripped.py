"""The fields of a request without its credential, which a handler could send on to another
service. spec/3-challenge.md §5.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..l402 import mentions_credential, without_ours
from .facts import Fields

__all__ = ["MACAROON_FIELDS", "without_credential", "without_credential_bytes"]

MACAROON_FIELDS = ("macaroon", "grpc-metadata-macaroon")


def without_credential(fields: Fields) -> list[tuple[str, str]]:
    """The lines with the API's own ``Authorization``, and without the credential of ours."""
    kept: list[tuple[str, str]] = []
    for name, value in fields:
        lower = name.lower()
        if lower in MACAROON_FIELDS:
            continue
        if lower == "authorization" and mentions_credential(value):
            own = without_ours(value)
            if own is not None:
                kept.append((name, own))
            continue
        kept.append((name, value))
    return kept


def without_credential_bytes(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The same of header lines as ASGI has them."""
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    kept = without_credential(lines)
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]
