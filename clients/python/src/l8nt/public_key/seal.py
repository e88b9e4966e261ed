"""Credentials that nobody can append to. spec/9-public-key.md §1."""

from __future__ import annotations

from dataclasses import dataclass

from ..credential import Credential
from ..errors import TokenError
from .body import BiscuitBody


def seal(credential: Credential) -> Credential:
    """The same credential, to which nobody can append: what is presented to a service.

    Raises TokenError ``ERR_TOKEN_SEALED`` if it is sealed; ``ERR_TOKEN_MALFORMED`` for a macaroon.
    """
    if isinstance(credential.body, BiscuitBody):
        return Credential(credential.body.seal())
    raise TokenError("ERR_TOKEN_MALFORMED", "A macaroon cannot be sealed.")


@dataclass(frozen=True, slots=True)
class Issued:
    """What a credential of the public-key form says of its issuer. Not verified."""

    issuer: str
    """The origin that publishes the key."""
    key_id: int
    """The number of the key."""
    is_sealed: bool
    """Whether nobody can append to it."""


def issued_of(credential: Credential) -> Issued | None:
    """What a credential says of its issuer, not verified; ``None`` for a macaroon."""
    body = credential.body
    if not isinstance(body, BiscuitBody):
        return None
    return Issued(body.issuer, body.key_id, body.is_sealed)
