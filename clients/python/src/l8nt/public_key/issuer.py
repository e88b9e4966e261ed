"""The origin of an issuer. spec/9-public-key.md §2."""

from __future__ import annotations

from functools import lru_cache

from ..caveat import format_origin, read_origin

_ISSUERS_KEPT = 64
"""Most verifiers meet few issuers."""


def read_issuer(issuer: str) -> str:
    """The canonical text of an issuer's origin. Raises TypeError."""
    origin = read_origin(issuer)
    rest = issuer.partition("://")[2].partition("/")
    if origin is None or rest[2] != "" or any(mark in issuer for mark in "?#"):
        raise TypeError(
            "an issuer is an http(s) origin without a path, such as https://treasury.example"
        )
    return format_origin(origin)


@lru_cache(maxsize=_ISSUERS_KEPT)
def is_issuer(text: str) -> bool:
    """Whether it is an origin in canonical form."""
    origin = read_origin(text)
    return origin is not None and format_origin(origin) == text
