"""Secrets, and the one root key that is derived from each. spec/1-credential.md §4."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .._encoding import hex_bytes
from .._secrecy import HoldsSecret
from ..credential.identifier import ROOT_ID_BYTES, is_under_root
from ..errors import AdapterError
from ..macaroon.chain import chain_key

Secret = bytes | str
"""32 bytes or more, or their hex."""
SecretSource = Secret | Callable[[], Secret | None]
"""A secret, or a function that is called when the secret is first needed."""

_MIN_SECRET_BYTES = 32
_MIN_DIFFERENT_BYTES = 12


class Root(NamedTuple):
    id: bytes
    """4 bytes that every token id under this secret begins with."""
    key: bytes
    """What the chain of every credential under this secret begins with."""

    def __repr__(self) -> str:
        return "<Root, not shown>"


def _read_secret(secret: Secret) -> bytes:
    data = hex_bytes(secret) if isinstance(secret, str) else bytes(secret)
    if data is None or len(data) < _MIN_SECRET_BYTES:
        raise TypeError(
            "secret must be 32 random bytes or more, or their hex: openssl rand -hex 32"
        )
    # Zeros, "a" * 64 and other placeholders fail at the start, not in production. [case 112]
    if len(set(data)) < _MIN_DIFFERENT_BYTES:
        raise TypeError(
            "secret must be random, and this one is not: make one with `openssl rand -hex 32`"
        )
    return data


def derive_key(secret: Secret, info: bytes) -> bytes:
    """One block of HKDF-SHA256 (RFC 5869) with an empty salt.

    Raises TypeError for a secret that is short or not random.
    """
    extracted = hmac.digest(bytes(32), _read_secret(secret), "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def root_of(secret: Secret) -> Root:
    """The root of a secret. Raises TypeError for one that is short or not random."""
    root_id = derive_key(secret, b"sigil root id")[:ROOT_ID_BYTES]
    return Root(root_id, chain_key(derive_key(secret, b"sigil root key")))


_NO_SECRET = "This service is not set up: it has no secret. Nothing was charged."  # noqa: S105
"""For a client, which learns nothing else."""
_UNDEFINED = (
    "the secret is None: set the environment variable that it is read from, such as SIGIL_SECRET, "
    "to the output of `openssl rand -hex 32`"
)
"""For the operator."""


class Roots(HoldsSecret):
    """The roots of one authority, the newest first.

    Raises TypeError for a secret that is short or not random; of a function, when it is read.
    """

    __slots__ = ("_roots", "_source")

    def __init__(self, current: SecretSource, previous: Sequence[Secret] = ()) -> None:
        self._source: Callable[[], Secret | None] | None = None
        roots = [root_of(one) for one in previous]
        if callable(current):
            self._source = current
        else:
            roots.insert(0, root_of(current))
        self._roots = tuple(roots)

    def read(self) -> None:
        """Reads the secret, if that was not done before.

        Raises AdapterError ``ERR_SECRET``: there is none, or it cannot be used.
        """
        source = self._source
        if source is None:
            return
        try:
            secret = source()
            if secret is None:
                raise TypeError(_UNDEFINED)
            root = root_of(secret)
        except Exception as cause:
            raise AdapterError("ERR_SECRET", _NO_SECRET) from cause
        if self._source is source:
            self._roots = (root, *self._roots)
            self._source = None

    @property
    def current(self) -> Root:
        """The root that new credentials are minted under. Raises AdapterError as ``read``."""
        self.read()
        return self._roots[0]

    def find(self, identifier: bytes) -> Root | None:
        """The root that an identifier names; ``None`` if its secret is unknown or was dropped.

        Raises AdapterError as ``read``.
        """
        self.read()
        return next((one for one in self._roots if is_under_root(identifier, one.id)), None)

    def rotate(self, secret: Secret) -> None:
        """Puts ``secret`` first; the roots before it are still found."""
        self.read()
        self._roots = (root_of(secret), *self._roots)
