"""Finds out whose signature a request has, once for each signature. spec/9-public-key.md §9."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from .._ed25519 import KEY_BYTES, verify_with
from .fields import (
    KEY_FIELD,
    ReadSignature,
    SignatureParams,
    SignedRequest,
    components_of,
    digest_of,
    read_signature,
    required_in,
    signature_base,
    thumbprint_of,
)
from .nonces import Nonces, SeenNonce

_MAX_AHEAD_SECONDS = 60
_MAX_AGE_SECONDS = 300
_MAX_NONCE_CHARACTERS = 128
_KEY = re.compile(rf"[0-9a-f]{{{2 * KEY_BYTES}}}")


@dataclass(frozen=True, slots=True)
class ProofRequest:
    """A request whose signature is judged."""

    signed: SignedRequest
    other_path: str | None = None
    """The path in another spelling, if a proxy removed a part of it that has two."""
    credential_fields: Sequence[str] = ()
    """Fields that the credential was read from beside those of L402."""
    is_only_asked: bool = False
    """Whether nobody is let through by the answer, so that its nonce counts for nothing."""


def signed_paths(location: str, base_path: str, path: str) -> tuple[str, str | None]:
    """The path that a client signed, and in another spelling, if it has two: a proxy may remove the
    path of the verifier's location. A client signs what it sends, which may have the octets of that
    path in the spelling of the location, or in the canonical one.

    ``base_path``: that of the location in its canonical form, without a slash at the end.
    ``path``: what arrived.
    """
    written = urlsplit(location).path.removesuffix("/")
    return written + path, None if base_path == written else base_path + path


class HasId(Protocol):
    """A node of a credential."""

    @property
    def id(self) -> str | None: ...


class BoundCredential(Protocol):
    """The credential that a request presents, which was verified."""

    @property
    def holders(self) -> Sequence[str]: ...
    @property
    def nodes(self) -> Sequence[HasId]: ...


class PendingProof:
    """A signature that is right, for a request whose content was not looked at."""

    __slots__ = ("_digest", "_keyid")

    def __init__(self, keyid: str, digest: str | None) -> None:
        self._keyid = keyid
        self._digest = digest

    def finish(self, content: bytes) -> str | None:
        """The thumbprint of the key that signed the request; ``None`` if it did not sign this
        content. Any time may have passed since ``begin``.

        ``content``: as it was sent, before anything decoded it.
        """
        digest = self._digest
        is_right = content == b"" if digest is None else digest == digest_of(content)
        return self._keyid if is_right else None


class HolderProofs:
    """Judges the signatures of requests. Threads may share it.

    ``clock`` gives Unix seconds.
    """

    def __init__(self, clock: Callable[[], float], nonces: Nonces | None = None) -> None:
        self._clock = clock
        self._nonces = Nonces(clock) if nonces is None else nonces

    def begin(self, request: ProofRequest, credential: BoundCredential) -> PendingProof | None:
        """Judges all but the content, so that no content is read for a wrong signature; ``None`` if
        the signature proves nothing (``ERR_HOLDER``). Its nonce is taken: ask once for a request.

        ``credential``: what the request presents; no key but its holder's is looked at.

        Raises AdapterError ``ERR_RATE_LIMITED`` for more signatures than there is room for.
        """
        headers = request.signed.headers
        read = read_signature(headers)
        if read is None:
            return None
        params = read.params
        if any(one != params.keyid for one in credential.holders):
            return None
        digits = headers.get(KEY_FIELD, "")
        key = bytes.fromhex(digits) if _KEY.fullmatch(digits) else b""
        if thumbprint_of(key) != params.keyid or not self._is_fresh(params):
            return None
        required = required_in(headers, request.credential_fields)
        if not set(required).issubset(read.components):
            return None
        if not _is_signed(request, read, key):
            return None
        # Only what a key has signed takes room.
        if not request.is_only_asked and not self._is_new(params, credential):
            return None
        return PendingProof(params.keyid, headers.get("content-digest"))

    def prove(
        self, request: ProofRequest, credential: BoundCredential, content: bytes = b""
    ) -> str | None:
        """``begin`` and ``finish`` in one, for content that was read already."""
        pending = self.begin(request, credential)
        return None if pending is None else pending.finish(content)

    def _is_fresh(self, params: SignatureParams) -> bool:
        if not 0 < len(params.nonce) <= _MAX_NONCE_CHARACTERS:
            return False
        now = self._clock()
        is_young = now - _MAX_AGE_SECONDS <= params.created <= now + _MAX_AHEAD_SECONDS
        return is_young and params.expires > now

    def _is_new(self, params: SignatureParams, credential: BoundCredential) -> bool:
        # A clock may go back by a minute.
        until = min(params.expires, params.created + _MAX_AGE_SECONDS) + _MAX_AHEAD_SECONDS
        nodes = [node.id for node in credential.nodes if node.id is not None]
        return self._nonces.is_new(SeenNonce(params.keyid, params.nonce, until), nodes)


def _is_signed(request: ProofRequest, read: ReadSignature, key: bytes) -> bool:
    verify = verify_with(key)
    for path in (request.signed.path, request.other_path):
        if path is None:
            continue
        values = components_of(replace(request.signed, path=path))
        base = signature_base(values, read.components, read.text)
        if base is not None and verify(base, read.signature):
            return True
    return False
