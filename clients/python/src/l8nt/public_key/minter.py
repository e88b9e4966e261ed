"""Mints credentials that anyone can verify with the issuer's public key.
spec/9-public-key.md §2.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import sha256

from typing_extensions import Unpack

from .._ed25519 import KEY_BYTES, Signer
from .._encoding import hex_bytes
from .._secrecy import HoldsSecret
from ..biscuit.signatures import begin_token
from ..biscuit.symbols import Symbols
from ..caveat import (
    Scope,
    caps_of_other_units,
    minted_caveats,
    read_origin,
    service_vocabulary,
)
from ..credential import Credential
from .body import BiscuitBody, check_length
from .issuer import read_issuer
from .key_page import MAX_KEY_ID
from .profile import Authority, Contents, authority_block, check_sizes


class Minter(HoldsSecret):
    """Mints as one issuer. Immutable.

    ``private_key`` is an Ed25519 private key, 32 bytes or 64 hex digits: it mints credentials for
    everything. ``issuer`` is the origin that publishes the public key, such as
    ``https://treasury.example``. ``key_id`` is the number of the key in what the issuer publishes,
    0 to 4294967295. ``location`` is the http(s) URL where the credentials are spent, by default the
    issuer. ``clock`` gives Unix seconds.

    Raises TypeError for a key that is none, without repeating it, or an issuer that is no origin.
    """

    __slots__ = ("_clock", "_signer", "issuer", "key_id", "location")

    issuer: str
    """The origin, in canonical form."""
    location: str
    key_id: int

    def __init__(
        self,
        *,
        private_key: bytes | str,
        issuer: str,
        key_id: int = 0,
        location: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = read_issuer(issuer)
        self.location = issuer if location is None else location
        if read_origin(self.location) is None:
            raise TypeError("location must be the http(s) URL where the credentials are spent")
        if type(key_id) is not int or not 0 <= key_id <= MAX_KEY_ID:
            raise TypeError("key_id must be a whole number from 0 to 4294967295")
        self.key_id = key_id
        self._signer = Signer(_read_private_key(private_key))
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Minter of {self.issuer}, key {self.key_id}>"

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._signer.public_key

    def mint(self, *, seed: bytes | None = None, **scope: Unpack[Scope]) -> Credential:
        """A credential that needs no payment: its preimage is made here.

        ``seed``: 32 secret bytes, for one credential alone. With them, and ``expires_at`` in the
        scope, the same credential is made again, byte for byte; so is what is appended to it, until
        it is written out. Without, no credential is made twice.

        Raises TypeError and ValueError for a scope without endpoints (or services), or without an
        end; TokenError ``ERR_TOKEN_TOO_LARGE``.

        >>> minter.mint(endpoints=["GET https://api.example/**"], expires_in="1h")
        """
        if seed is not None and len(seed) != KEY_BYTES:
            raise TypeError("a seed must have 32 bytes")
        caps = caps_of_other_units(scope)
        caveats = minted_caveats(scope, service_vocabulary(), now=self._clock(), terms=caps)
        check_sizes(caveats)
        preimage = _of_seed(seed, b"sigil preimage") or secrets.token_bytes(KEY_BYTES)
        authority = Authority(self.issuer, self.location, sha256(preimage).digest())
        symbols = Symbols()
        block = authority_block(authority, caveats, symbols)
        token = begin_token(self._signer, self.key_id, block, _of_seed(seed, b"sigil next"))
        contents = Contents(authority, (caveats,), symbols)
        body = BiscuitBody(token, contents, preimage, is_repeatable=seed is not None)
        check_length(body)
        return Credential(body)


def _of_seed(seed: bytes | None, what: bytes) -> bytes | None:
    return None if seed is None else hmac.digest(seed, what, "sha256")


def _read_private_key(key: bytes | str) -> bytes:
    """Raises TypeError that does not repeat the key."""
    read = hex_bytes(key) if isinstance(key, str) else key
    # Any value may come from an environment or a file.
    if not isinstance(read, bytes) or len(read) != KEY_BYTES:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError("private_key must be an Ed25519 private key: 32 bytes, or 64 hex digits")
    return read
