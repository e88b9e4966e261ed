"""Which keys the credential of a request is bound to. spec/9-public-key.md §9."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ..caveat import holder
from ..credential import Credential
from ..errors import SigilError
from ..l402 import read_presented
from .fields import API_KEY_FIELDS

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)
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


def thumbprints_of(text: str) -> Sequence[str]:
    """The keys that a credential is bound to; none for a text that is no credential."""
    try:
        return Credential.parse(text).chain.values(holder)
    except SigilError:
        return ()
