"""The HMAC chain: each signature keys the next caveat, so a holder can append and never remove.
spec/1-credential.md §1, §4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hmac import digest


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return digest(key, message, "sha256")


def chain_key(root_key: bytes) -> bytes:
    """The key of a chain: what every macaroon implementation derives from a root key first."""
    return digest(b"macaroons-key-generator", root_key, "sha256")


def signatures(
    key: bytes, identifier: bytes, caveats: Sequence[bytes], start: Sequence[bytes] = ()
) -> tuple[bytes, ...]:
    """The signatures along a chain: after the identifier, then after each caveat. The last is the
    macaroon's own. ``start`` has those that are known already, from the first on.
    """
    known = list(start) or [digest(key, identifier, "sha256")]
    for caveat in caveats[len(known) - 1 :]:
        known.append(digest(known[-1], caveat, "sha256"))
    return tuple(known)


def sign_caveats(signature: bytes, caveats: Iterable[bytes]) -> bytes:
    """The signature after appending ``caveats`` to a chain that ends in ``signature``."""
    for caveat in caveats:
        signature = digest(signature, caveat, "sha256")
    return signature
