"""Whose key signed a request, for credentials that are bound to one. spec/9-public-key.md §9."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from .._forked import follows_forks
from ..caveat import Base, format_origin
from ..credential import Verified
from ..errors import AdapterError
from .facts import RequestFacts
from .waiting import Steps

if TYPE_CHECKING:
    from ..holder import HolderProofs

__all__ = ["Holding"]


class Holding:
    """Verifies signatures of requests. It loads nothing until a bound credential comes."""

    def __init__(self, clock: Callable[[], float], location: str, base: Base) -> None:
        self._clock = clock
        self._location = location
        self._authority = format_origin(base.origin).partition("://")[2]
        self._base = base
        self._proofs: HolderProofs | None = None
        self._lock = Lock()
        follows_forks(self, Holding._after_fork)

    def _after_fork(self) -> None:
        self._lock = Lock()

    def signed(self, facts: RequestFacts, verified: Verified, target: str) -> Steps[Verified]:
        """The credential for this request, with whose key signed it; as it is without a right
        signature, which denies.

        ``target``: path and query as the request has them below the location.
        Raises AdapterError for a body that is too large, or cannot be had; ``ERR_RATE_LIMITED``.
        """
        if not verified.holders or verified.is_signed:
            return verified
        # Loaded only where it is needed: it is slow.
        from ..holder import HolderProofs, ProofRequest, SignedRequest, joined, signed_paths

        with self._lock:  # Two lists of nonces would let one signature in twice.
            if self._proofs is None:
                self._proofs = HolderProofs(self._clock)
            proofs = self._proofs
        arrived, found, query = target.partition("?")
        path, other = signed_paths(self._location, self._base.path, arrived)
        fields = joined(facts.headers)
        signed = SignedRequest(facts.method, self._authority, path, found + query or "?", fields)
        pending = proofs.begin(ProofRequest(signed, other_path=other), verified)
        if pending is None:
            return verified
        content = b""
        if facts.body is not None:
            read = yield facts.body
            if read is None:
                raise AdapterError(
                    "ERR_PRICE_FUNCTION",
                    "The body was read before Sigil, so nobody can tell whether it is what was "
                    "signed. Put Sigil before what reads the body.",
                )
            content = read
        elif facts.method not in ("GET", "HEAD"):
            return verified
        thumbprint = pending.finish(content)
        return verified if thumbprint is None else verified.signed_by(thumbprint)
