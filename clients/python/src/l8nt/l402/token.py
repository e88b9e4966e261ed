"""What a service sells: a macaroon of spec page 1, or the token of another L402 server, which is
kept as text. spec/3-challenge.md §2.
"""

from __future__ import annotations

import re

from .._encoding import base64_bytes, base64_text
from .._secrecy import HoldsSecret
from ..credential.identifier import is_identifier, payment_hash_in
from ..errors import TokenError
from ..macaroon import UnverifiedMacaroon

_MAX_CHARACTERS = 8192
_OPAQUE = re.compile(r"[\x21-\x7e]+")
"""Visible ASCII without blanks: it travels in a header field, before the colon of a preimage."""


class Token(HoldsSecret):
    """The token of a challenge. ``repr`` does not show it: with a preimage it is a credential."""

    __slots__ = ("macaroon", "text")

    text: str
    """As it is sent and stored."""
    macaroon: UnverifiedMacaroon | None
    """``None`` for the token of another server: it is presented as it is, and never narrowed."""

    def __init__(self, text: str, macaroon: UnverifiedMacaroon | None) -> None:
        self.text = text
        self.macaroon = macaroon

    @property
    def payment_hash(self) -> str | None:
        """Hex. The payment that its identifier commits to; ``None`` for another server's token."""
        return None if self.macaroon is None else payment_hash_in(self.macaroon.identifier).hex()


def read_token(text: str) -> Token:
    """Decides what the token of a challenge is.

    Raises TokenError ``ERR_TOKEN_THIRD_PARTY``, ``ERR_TOKEN_TOO_LARGE``; ``ERR_TOKEN_MALFORMED``
    if it commits to no payment, or cannot be sent in a header field.
    """
    macaroon = _macaroon_in(text)
    # In another spelling, such as URL-safe base64, it is a text: its service may compare the text.
    if (
        macaroon is not None
        and is_identifier(macaroon.identifier)
        and base64_text(macaroon.encode()) == text
    ):
        payment_hash_in(macaroon.identifier)
        return Token(text, macaroon)
    if len(text) > _MAX_CHARACTERS:
        raise TokenError(
            "ERR_TOKEN_TOO_LARGE", f"A token has at most {_MAX_CHARACTERS} characters."
        )
    if not _OPAQUE.fullmatch(text):
        raise TokenError(
            "ERR_TOKEN_MALFORMED", "The token has characters that a header field cannot carry."
        )
    return Token(text, None)


def _macaroon_in(text: str) -> UnverifiedMacaroon | None:
    packet = base64_bytes(text)
    if not packet:
        return None
    try:
        return UnverifiedMacaroon.decode(packet)
    except TokenError as error:
        # It would be paid for, and be of no use without a discharge that nobody here can get.
        if error.code == "ERR_TOKEN_THIRD_PARTY":
            raise
        return None
