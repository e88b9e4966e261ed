"""Ed25519 (RFC 8032), from ``cryptography``. spec/9-public-key.md §1."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from ._secrecy import HoldsSecret

KEY_BYTES = 32
SIGNATURE_BYTES = 64

Verify = Callable[[bytes, bytes], bool]
"""Whether a signature (second) of a message (first) is right. False for one that is none."""

_SMALL_ORDER = frozenset(
    bytes.fromhex(key)
    for key in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
    )
)
"""Points of order 8 and less, without the sign in the last bit."""

_PRIME = 2**255 - 19


def is_weak_key(key: bytes) -> bool:
    """Whether a key would verify what nobody signed, or is written in another way than RFC 8032
    §5.1.5 has it. OpenSSL 4.0 takes both.
    """
    plain = key[:31] + bytes([key[31] & 127])
    return plain in _SMALL_ORDER or int.from_bytes(plain, "little") >= _PRIME


def _never(_message: bytes, _signature: bytes) -> bool:
    return False


def verify_with(public_key: bytes) -> Verify:
    """Reads a public key once, for all its signatures. One that is none verifies nothing.

    As RFC 8032 §5.1.7 says without the factor of 8, which is what OpenSSL does: all
    implementations must agree.
    """
    if len(public_key) != KEY_BYTES or is_weak_key(public_key):
        return _never
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError:
        return _never

    def verify(message: bytes, signature: bytes) -> bool:
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """As ``verify_with``, for a key with one signature."""
    return verify_with(public_key)(message, signature)


class Signer(HoldsSecret):
    """A private key, read once."""

    __slots__ = ("_key", "_private", "_public")

    def __init__(self, private_key: bytes | None = None) -> None:
        """``private_key``: 32 bytes, the seed of RFC 8032; a new key by default.

        :raises ValueError: for another length
        """
        self._key = (
            Ed25519PrivateKey.generate()
            if private_key is None
            else Ed25519PrivateKey.from_private_bytes(private_key)
        )
        self._private = private_key
        self._public: bytes | None = None

    @property
    def private_key(self) -> bytes:
        """32 bytes: a secret."""
        if self._private is None:
            self._private = self._key.private_bytes_raw()
        return self._private

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        if self._public is None:
            self._public = self._key.public_key().public_bytes_raw()
        return self._public

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)
