"""The macaroon form of a credential: a macaroon and a preimage. spec/1-credential.md §1-3."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from typing_extensions import Self

from .._secrecy import HoldsSecret
from ..macaroon import UnverifiedMacaroon
from ..macaroon.chain import hmac_sha256
from .body import Blocks, Body
from .identifier import payment_hash_in
from .text import TextParts, read_preimage, write_key, write_text

# No caveat that a verifier could read: a derived key continues no chain that is granted anything.
_DERIVE = b"sigil derive"


class MacaroonBody(HoldsSecret):
    """A macaroon with the preimage of its payment. Neither is verified."""

    __slots__ = ("_hash", "_macaroon", "_preimage")

    _macaroon: UnverifiedMacaroon
    _preimage: bytes
    _hash: bytes

    def __init__(self, macaroon: UnverifiedMacaroon, preimage: bytes) -> None:
        """``preimage`` has 32 bytes. Raises TokenError ``ERR_TOKEN_MALFORMED`` for an identifier
        of another form.
        """
        self._hash = payment_hash_in(macaroon.identifier)
        self._macaroon = macaroon
        self._preimage = preimage

    @classmethod
    def read(cls, parts: TextParts) -> Self:
        """Raises TokenError ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``,
        ``ERR_TOKEN_THIRD_PARTY``.
        """
        macaroon = UnverifiedMacaroon.decode(parts.token)
        return cls(macaroon, read_preimage(parts.preimage))

    @property
    def macaroon(self) -> UnverifiedMacaroon:
        return self._macaroon

    @property
    def location(self) -> str:
        return self._macaroon.location

    @property
    def issuer(self) -> str | None:
        return None

    @property
    def root_id(self) -> str:
        return self._macaroon.identifier.hex()

    @property
    def caveats(self) -> tuple[bytes, ...]:
        return self._macaroon.caveats

    @property
    def payment_hash(self) -> str:
        return self._hash.hex()

    @property
    def is_paid(self) -> bool:
        return sha256(self._preimage).digest() == self._hash

    @property
    def preimage(self) -> str:
        """Hex. Half of the credential: it never goes into a log or a message."""
        return self._preimage.hex()

    @property
    def has_blocks(self) -> bool:
        return False

    def append(self, caveats: Sequence[str]) -> Self:
        return self._with(self._macaroon.append(*caveats))

    def _with(self, macaroon: UnverifiedMacaroon) -> Self:
        body = object.__new__(type(self))
        body._macaroon, body._preimage, body._hash = macaroon, self._preimage, self._hash
        return body

    def sealed(self) -> Self:
        return self

    def derive(self, message: str) -> bytes:
        return hmac_sha256(hmac_sha256(self._macaroon.signature, _DERIVE), message.encode())

    def blocks_below(self, ancestor: Body) -> Blocks | None:
        return None

    def to_text(self) -> str:
        return write_text(self._macaroon.encode(), self._preimage)

    def to_key(self) -> str:
        return write_key(self._macaroon.encode(), self._preimage)
