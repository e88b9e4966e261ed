"""The Ed25519 key of receipts and of the revocation feed (RFC 8032). spec/6-receipts.md §3."""

from __future__ import annotations

import re
from hashlib import sha256

from .._ed25519 import is_weak_key, verify_with

_PUBLIC_KEY = re.compile(r"[0-9a-fA-F]{64}")


def key_id_of(public_key: bytes) -> str:
    """The first 8 bytes of SHA-256 of the public key, in hex: names a key, and proves nothing."""
    return sha256(public_key).hexdigest()[:16]


class ReceiptKey:
    """The public key, which verifies signatures.

    Raises TypeError for anything but the 64 hex digits of an Ed25519 public key, such as one of
    small order, under which a signature may be valid for any text.
    """

    __slots__ = ("_verify", "key_id", "public_key")

    def __init__(self, public_key: str) -> None:
        is_hex = isinstance(public_key, str) and _PUBLIC_KEY.fullmatch(public_key)  # pyright: ignore[reportUnnecessaryIsInstance] # configured by people
        data = bytes.fromhex(public_key) if is_hex else b""
        if not data or is_weak_key(data):
            raise TypeError("a signing key must be 64 hex digits: an Ed25519 public key")
        self.public_key = public_key.lower()
        self.key_id = key_id_of(data)
        self._verify = verify_with(data)

    def verifies(self, message: bytes, signature: str) -> bool:
        """``signature`` is 128 hex digits."""
        return self._verify(message, bytes.fromhex(signature))
