"""The issuers that a service trusts, and what verifies their credentials.
spec/9-public-key.md §6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..credential import RevocationList, Verifier
from ..credential.forms import is_public_key_form
from ..credential.text import read_text
from .waiting import Steps, Wait

if TYPE_CHECKING:
    from ..public_key import BiscuitVerifier, IssuerDirectory

__all__ = ["Trusting"]


class Trusting:
    """Proves credentials of the public-key form. Without issuers it loads nothing, and the
    verifier of macaroons refuses that form.
    """

    def __init__(
        self,
        trust: Sequence[str] | IssuerDirectory,
        *,
        clock: Callable[[], float],
        alarm: Callable[[str, BaseException | None], None],
        revocations: RevocationList,
        ledger: str,
        tolerate: Sequence[str],
    ) -> None:
        """Raises TypeError for issuers that cannot be trusted, or not be listed."""
        self.issuers: tuple[str, ...] = ()
        self._verifier: BiscuitVerifier | None = None
        if isinstance(trust, Sequence) and not trust:
            return
        # Loaded only where it is needed: it is slow.
        from ..public_key import BiscuitVerifier, IssuerDirectory

        keys = (
            trust
            if isinstance(trust, IssuerDirectory)
            else IssuerDirectory(trust, clock=clock, alarm=alarm)
        )
        self.issuers = tuple(keys.issuers)
        self._verifier = BiscuitVerifier(
            keys=keys, revocations=revocations, ledger=ledger, tolerate=tolerate
        )

    def verifier_of(self, text: str) -> Steps[Verifier | None]:
        """The verifier of a text of the public-key form, once the keys are there that it needs;
        ``None`` for other forms, and without issuers. Raises TokenError for a text that cannot be
        read.
        """
        verifier = self._verifier
        if verifier is None or not is_public_key_form(read_text(text).token):
            return None
        from ..public_key.asking import awaited

        load = verifier.prepare(text)
        if load is not None:
            yield Wait(load, lambda: awaited(load))
        return verifier
