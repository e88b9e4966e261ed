"""Whose key signed a request, for credentials that are bound to one. spec/9-public-key.md §9."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from ..caveat import Base
from ..credential import Verified
from ..errors import AdapterError
from .facts import RequestFacts
from .waiting import Steps

__all__ = ["Holding"]


class Holding:
    """Verifies signatures of requests. It loads nothing until a bound credential comes."""

    def __init__(self, clock: Callable[[], float], location: str, base: Base) -> None:
        self._clock = clock
        self._location = location
        self._authority = urlsplit(location).netloc.lower()
        self._base = base
        self._proofs: Any = None

    def signed(self, facts: RequestFacts, verified: Verified, target: str) -> Steps[Verified]:
        """The credential for this request, with whose key signed it; as it is without a right
        signature, which denies.

        ``target``: path and query as the request has them below the location.
        Raises AdapterError for a body that is too large, or cannot be had; ``ERR_RATE_LIMITED``.
        """
        if not verified.holders or verified.is_signed:
            return verified
        # Loaded only where it is needed.
        fields: Any = import_module("l8nt.holder.fields")
        proofs: Any = import_module("l8nt.holder.proofs")
        if self._proofs is None:
            self._proofs = proofs.HolderProofs(self._clock)
        arrived, found, query = target.partition("?")
        path, other = proofs.signed_paths(self._location, self._base.path, arrived)
        joined = {name: facts.value(name) or "" for name, _ in facts.headers}
        signed = fields.SignedRequest(
            facts.method, self._authority, path, found + query or "?", joined
        )
        pending = self._proofs.begin(proofs.ProofRequest(signed, other_path=other), verified)
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
        thumbprint: str | None = pending.finish(content)
        return verified if thumbprint is None else verified.signed_by(thumbprint)
