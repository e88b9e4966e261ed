"""Verifies macaroons with the secret they were minted under. spec/1-credential.md §4-6."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from typing import Literal

from .._lru import Lru
from .._secrecy import HoldsSecret
from ..caveat import CaveatChain, Vocabulary, service_vocabulary, treasury_vocabulary
from ..credential import Credential, MacaroonBody, RevocationList, Verified, VerifierFacts
from ..credential.forms import is_public_key_form
from ..credential.text import read_text
from ..errors import TokenError
from ..macaroon.chain import signatures
from .places import SignedPlaces
from .roots import Roots, Secret, SecretSource

Kind = Literal["access", "spending"]
"""What credentials are for: access to a service, or spending by a treasury, which needs a
budget.
"""

_SEEN_PER_ENTRY = 4


def vocabulary_of(kind: Kind, tolerate: Sequence[str] = ()) -> Vocabulary:
    """The conditions that credentials of a kind may have, and that their verifier enforces."""
    return treasury_vocabulary() if kind == "spending" else service_vocabulary(tolerate)


class HmacVerifier(HoldsSecret):
    """Proves credentials without a database, a look-up or a request to the issuer. Threads may
    share it.

    ``secret``: what new credentials are minted under: 32 random bytes or more, or their hex. A
    function is called when the secret is first needed. ``previous_secrets``: those used before,
    whose credentials are still verified. ``kind``: ``"access"`` to a service or ``"spending"`` by
    a treasury. ``tolerate``: unknown conditions that pass; every other unknown condition denies.
    ``revocations``: what proven credentials are judged by; a new list by default, whose entries
    this process alone knows. ``ledger``: the location of the ledger that counts their limits.
    ``cache_size``: how many proven credentials are kept.

    Raises TypeError for a secret that is short or not random.
    """

    __slots__ = ("_facts", "_roots", "_seen", "_texts", "revocations", "vocabulary")

    def __init__(
        self,
        *,
        secret: SecretSource,
        previous_secrets: Sequence[Secret] = (),
        kind: Kind = "access",
        tolerate: Sequence[str] = (),
        revocations: RevocationList | None = None,
        ledger: str | None = None,
        cache_size: int = 4096,
    ) -> None:
        self.vocabulary = vocabulary_of(kind, tolerate)
        self.revocations = RevocationList() if revocations is None else revocations
        self._facts = VerifierFacts(self.vocabulary, self.revocations, ledger)
        self._roots = Roots(secret, previous_secrets)
        self._texts: Lru[str, Verified] = Lru(cache_size)
        # What is met once is not kept, so that credentials that are never presented again do not
        # push out those that are.
        self._seen: Lru[bytes, bool] = Lru(cache_size * _SEEN_PER_ENTRY)

    def authenticate(self, credential: Credential | str) -> Verified:
        """Proves the signature and the payment. Says nothing about an access: ``Verified.judge``
        does.

        Raises TokenError ``ERR_TOKEN_ROOT``, ``ERR_TOKEN_FORGED``, ``ERR_TOKEN_PREIMAGE``,
        ``ERR_TOKEN_ISSUER`` for the public-key form, and as ``Credential.parse``; AdapterError
        ``ERR_SECRET``.
        """
        text = credential if isinstance(credential, str) else credential.text
        return self._texts.get(text) or self._prove(text)

    def known(self, text: str) -> Verified | None:
        """What was proven before about exactly this text; ``None`` if it has to be read."""
        return self._texts.get(text)

    def proved(self, verified: Verified) -> bool:
        """Whether this verifier proved it, and no other one."""
        return verified.is_by(self._facts)

    def read_secret(self) -> None:
        """Reads a secret that a function gives. Raises AdapterError ``ERR_SECRET``."""
        self._roots.read()

    def rotate(self, secret: Secret) -> None:
        """Verifies credentials of ``secret`` too; those of the secrets before it stay valid."""
        self._roots.rotate(secret)

    def _prove(self, text: str) -> Verified:
        body = _read(text)
        macaroon = body.macaroon
        identifier, caveats = macaroon.identifier, macaroon.caveats
        root = self._roots.find(identifier)
        if root is None:
            raise TokenError(
                "ERR_TOKEN_ROOT",
                "The credential was not minted here, or under a secret that is no longer used.",
            )
        proven = signatures(root.key, identifier, caveats)
        if not compare_digest(proven[-1], macaroon.signature):
            raise TokenError(
                "ERR_TOKEN_FORGED",
                "The credential's signature is wrong: it was altered, or minted elsewhere.",
            )
        # A preimage alone grants nothing, and neither does a signature alone. [cases 73, 90]
        if not body.is_paid:
            raise TokenError(
                "ERR_TOKEN_PREIMAGE",
                "The credential's preimage does not prove its payment.",
            )
        places = SignedPlaces(proven, caveats)
        payment_hash = body.payment_hash
        chain = CaveatChain(caveats, self.vocabulary, payment_hash, places)
        verified = Verified(text, chain, payment_hash, places, self._facts)
        # A credential for one request is not presented again.
        if not chain.is_single_use and self._was_seen(proven[-1]):
            self._texts.set(text, verified)
        return verified

    def _was_seen(self, signature: bytes) -> bool:
        was = self._seen.get(signature[:16])
        self._seen.set(signature[:16], True)
        return was is not None


def _read(text: str) -> MacaroonBody:
    """Raises TokenError as ``Credential.parse``; ``ERR_TOKEN_ISSUER`` for the public-key form."""
    parts = read_text(text)
    if is_public_key_form(parts.token):
        raise TokenError(
            "ERR_TOKEN_ISSUER",
            "The credential is of the public-key form, and no issuer is trusted here.",
        )
    return MacaroonBody.read(parts)
