"""The one credential that a request presents, in any of the header fields that clients use for it.
spec/3-challenge.md §4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import TokenError
from .authorization import ambiguous, mentions_credential, read_authorization, same_credential
from .macaroon_field import read_macaroon_field

CREDENTIAL_FIELDS = ("authorization", "grpc-metadata-macaroon", "macaroon")
"""Every header field that can carry a credential, in lower case."""


def read_presented(authorization: Sequence[str] = (), macaroon: Sequence[str] = ()) -> str | None:
    """The text of the credential that a request presents; ``None`` if it presents none of ours.
    The same credential in two fields counts once. [case 8]

    ``authorization``: the lines of ``Authorization``. ``macaroon``: those of
    ``Grpc-Metadata-Macaroon`` and ``Macaroon``.

    Raises TokenError ``ERR_TOKEN_AMBIGUOUS`` for two different ones, ``ERR_TOKEN_MALFORMED``,
    ``ERR_TOKEN_TOO_LARGE``, ``ERR_TOKEN_THIRD_PARTY``.
    """
    # A text is a sequence of texts too, and its letters joined by commas would present nothing.
    if isinstance(authorization, str) or isinstance(macaroon, str):
        raise TypeError("read_presented takes the lines of each field as a list")
    ours = ", ".join(authorization) if authorization else None
    if not macaroon:
        return read_authorization(ours)
    one = _attempt(read_authorization, ours)
    other = _attempt(read_macaroon_field, ", ".join(macaroon))
    if one is None or other is None:
        read = other if one is None else one
        if isinstance(read, TokenError):
            raise read
        return read
    if isinstance(one, TokenError) or isinstance(other, TokenError):
        raise ambiguous()
    if not same_credential(one, other):
        raise ambiguous()
    return one


def _attempt(
    read: Callable[[str | None], str | None], field: str | None
) -> str | TokenError | None:
    try:
        return read(field)
    except TokenError as error:
        return error


def presents_credential(authorization: Sequence[str], macaroon: Sequence[str]) -> bool:
    """Whether a request presents a credential of ours, readable or not."""
    return bool(macaroon) or mentions_credential(", ".join(authorization))
