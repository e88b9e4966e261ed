"""A verifier of every form of credential: each by the verifier of its form."""

from __future__ import annotations

from ..credential import Credential
from ..credential.forms import is_public_key_form
from ..credential.text import read_text
from ..credential.verified import Verified
from ..credential.verifier import Verifier
from .verifier import BiscuitVerifier, Load


class AnyFormVerifier:
    """A verifier of both forms: each by the verifier of its form."""

    def __init__(self, macaroons: Verifier, public_key: BiscuitVerifier) -> None:
        self._macaroons = macaroons
        self._public_key = public_key

    def authenticate(self, credential: Credential | str) -> Verified:
        """As the verifier of the credential's form does."""
        text = credential if isinstance(credential, str) else credential.text
        return self.known(text) or self._of(text).authenticate(text)

    def known(self, text: str) -> Verified | None:
        """What was proven before about exactly this text."""
        return self._macaroons.known(text) or self._public_key.known(text)

    def proved(self, verified: Verified) -> bool:
        """Whether one of both proved it."""
        return self._macaroons.proved(verified) or self._public_key.proved(verified)

    def prepare(self, text: str) -> Load | None:
        """As ``BiscuitVerifier.prepare``."""
        return self._public_key.prepare(text)

    async def aprepare(self, text: str) -> None:
        """As ``BiscuitVerifier.aprepare``."""
        await self._public_key.aprepare(text)

    def _of(self, text: str) -> Verifier | BiscuitVerifier:
        is_public_key = is_public_key_form(read_text(text).token)
        return self._public_key if is_public_key else self._macaroons
