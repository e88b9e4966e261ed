"""Which keys the credential of a request is bound to. spec/9-public-key.md §9."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .._lru import Lru
from ..caveat import holder
from ..credential import Credential
from ..errors import SigilError
from ..l402 import read_presented
from .fields import API_KEY_FIELDS

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
# A client presents few credentials, each of them many times.
_known: Lru[str, tuple[str, ...]] = Lru(64)
_MACAROON_FIELDS = ("grpc-metadata-macaroon", "macaroon")


def presented_texts(headers: Mapping[str, str]) -> Iterator[str]:
    """The texts in a request that may be its credential. ``headers``: by their names in lower
    case.
    """
    authorization = headers.get("authorization", "")
    bearer = _BEARER.fullmatch(authorization)
    if bearer is not None:
        yield bearer[1]
    yield from (headers[name] for name in API_KEY_FIELDS if name in headers)
    try:
        macaroons = [headers[name] for name in _MACAROON_FIELDS if name in headers]
        text = read_presented([authorization] if authorization else [], macaroons)
    except SigilError:
        # What cannot be read is refused where it is sent.
        return
    if text is not None:
        yield text


def thumbprints_of(text: str) -> tuple[str, ...]:
    """The keys that a credential is bound to; none for a text that is no credential."""
    known = _known.get(text)
    if known is None:
        known = _read(text)
        _known.set(text, known)
    return known


def _read(text: str) -> tuple[str, ...]:
    try:
        return tuple(Credential.parse(text).chain.values(holder))
    except SigilError:
        return ()
