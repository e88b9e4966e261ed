"""The port that every verifier of credentials implements, whatever their form."""

from __future__ import annotations

from typing import Protocol

from .credential import Credential
from .verified import Verified


class Verifier(Protocol):
    def authenticate(self, credential: Credential | str) -> Verified:
        """Proves the signature and the payment. Says nothing about an access: ``Verified`` judges
        it.

        Raises TokenError if the credential is malformed, forged, unpaid or from another issuer;
        AdapterError ``ERR_KEYS_UNREACHABLE`` if the issuer's keys cannot be had.
        """
        ...

    def known(self, text: str) -> Verified | None:
        """What was proven before about exactly this text; ``None`` if it has to be read."""
        ...

    def proved(self, verified: Verified) -> bool:
        """Whether this verifier proved it, and no other one."""
        ...
