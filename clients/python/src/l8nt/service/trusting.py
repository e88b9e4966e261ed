"""The issuers that a service trusts, and what verifies their credentials.
spec/9-public-key.md §6.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

from ..credential import RevocationList, Verifier
from ..credential.forms import is_public_key_form
from ..credential.text import read_text
from .waiting import Steps, Wait

__all__ = ["IssuerKeys", "Trusting"]


class IssuerKeys(Protocol):
    """The keys of the issuers that are trusted: an ``IssuerDirectory`` of ``l8nt.public_key``."""

    @property
    def issuers(self) -> Sequence[str]: ...


class PublicKeyVerifier(Verifier, Protocol):
    """A verifier that may have to fetch keys before it knows all that it may."""

    def prepare(self, text: str) -> Callable[[], None] | None: ...


class Trusting:
    """Proves credentials of the public-key form. Without issuers it loads nothing, and the
    verifier of macaroons refuses that form.
    """

    def __init__(
        self,
        trust: Sequence[str] | IssuerKeys,
        *,
        clock: Callable[[], float],
        alarm: Callable[[str, BaseException | None], None],
        revocations: RevocationList,
        ledger: str,
        tolerate: Sequence[str],
    ) -> None:
        """Raises TypeError or ValueError for issuers that cannot be trusted, or not be listed."""
        self.issuers: tuple[str, ...] = ()
        self._verifier: PublicKeyVerifier | None = None
        if isinstance(trust, str):
            raise TypeError('trust is a list of origins: ["https://treasury.example"]')
        if isinstance(trust, Sequence) and not trust:
            return
        # Loaded only where it is needed: it is slow.
        forms: Any = import_module("l8nt.public_key")
        keys: IssuerKeys = (
            forms.IssuerDirectory(issuers=trust, clock=clock, alarm=alarm)
            if isinstance(trust, Sequence)
            else trust
        )
        self.issuers = tuple(keys.issuers)
        self._verifier = forms.BiscuitVerifier(
            keys=keys, revocations=revocations, ledger=ledger, tolerate=tolerate
        )

    def verifier_of(self, text: str) -> Verifier | None:
        """The verifier of a text of the public-key form; ``None`` for other forms, and without
        issuers. Raises TokenError for a text that cannot be read.
        """
        if self._verifier is None or not is_public_key_form(read_text(text).token):
            return None
        return self._verifier

    def prepare(self, text: str) -> Steps[None]:
        """Waits for the keys that a proof of this text needs."""
        fetch = None if self._verifier is None else self._verifier.prepare(text)
        if fetch is not None:
            yield Wait(fetch, lambda: asyncio.to_thread(fetch))
