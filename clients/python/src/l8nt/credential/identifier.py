"""The identifier inside an L402 macaroon: version, payment hash, token id. 66 bytes.
spec/1-credential.md §2.
"""

from __future__ import annotations

from ..errors import TokenError

HASH_BYTES = 32
TOKEN_ID_BYTES = 32
ROOT_ID_BYTES = 4
IDENTIFIER_BYTES = 66
_VERSION = b"\0\0"
_HASH_AT = 2
_TOKEN_ID_AT = _HASH_AT + HASH_BYTES
_NO_PAYMENT = bytes(HASH_BYTES)


def is_identifier(identifier: bytes) -> bool:
    """Whether bytes have the form of an identifier of the version that is read here."""
    return len(identifier) == IDENTIFIER_BYTES and identifier.startswith(_VERSION)


def payment_hash_in(identifier: bytes) -> bytes:
    """The payment hash in an identifier, 32 bytes. Raises TokenError ``ERR_TOKEN_MALFORMED``."""
    if not is_identifier(identifier):
        raise TokenError(
            "ERR_TOKEN_MALFORMED",
            "The macaroon's identifier is not an L402 identifier of version 0.",
        )
    payment_hash = identifier[_HASH_AT:_TOKEN_ID_AT]
    # Some implementations use a hash of zeros for "not paid for". [case 6]
    if payment_hash == _NO_PAYMENT:
        raise TokenError("ERR_TOKEN_MALFORMED", "The macaroon's identifier commits to no payment.")
    return payment_hash


def token_id_in(identifier: bytes) -> bytes:
    """The token id of a well-formed identifier, 32 bytes."""
    return identifier[_TOKEN_ID_AT:]


def is_under_root(identifier: bytes, root_id: bytes) -> bool:
    """Whether a well-formed identifier's token id begins with these bytes."""
    return identifier.startswith(root_id, _TOKEN_ID_AT)


def write_identifier(payment_hash: bytes, token_id: bytes) -> bytes:
    if len(payment_hash) != HASH_BYTES or len(token_id) != TOKEN_ID_BYTES:
        raise TypeError("an identifier has two parts of 32 bytes")
    return _VERSION + payment_hash + token_id
