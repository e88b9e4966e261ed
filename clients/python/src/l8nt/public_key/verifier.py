"""Verifies credentials with the public keys of trusted issuers. spec/9-public-key.md §5-7."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import NamedTuple, Protocol

from .._ed25519 import Verify, verify_with
from .._lru import Lru
from ..biscuit.signatures import claims_of, has_its_key
from ..biscuit.token import Token, encode_token
from ..caveat import Access, CaveatChain, Vocabulary, service_vocabulary
from ..credential import Credential
from ..credential.forms import is_public_key_form
from ..credential.revocations import RevocationList
from ..credential.text import read_text
from ..credential.verified import Verified, VerifierFacts
from ..errors import Refusal, SigilError, TokenError
from .asking import awaited
from .body import BiscuitBody
from .datalog import Datalog, facts_of
from .uncounted import uncounted_limits

_ISSUERS_KEPT = 64
"""Most verifiers trust a few."""
_SEEN_PER_ENTRY = 4
_PREPARED_KEPT = 64

Load = Callable[[], None]
"""What has to be called, and waited for."""


class IssuerKeys(Protocol):
    """The public keys of the issuers that a verifier trusts."""

    def find(self, issuer: str, key_id: int) -> bytes:
        """The 32 bytes of the issuer's key.

        Raises TokenError ``ERR_TOKEN_ISSUER`` for an issuer that is not trusted, ``ERR_TOKEN_KEY``
        for a key that it does not have, or that ended; AdapterError ``ERR_KEYS_UNREACHABLE`` while
        none of the issuer's keys can be had.
        """
        ...

    def load(self, issuer: str, key_id: int) -> Load | None:
        """What to call, which may block, before ``find`` knows what can be known; ``None`` if it
        knows it now.
        """
        ...


class _BiscuitVerified(Verified):
    __slots__ = ()

    @property
    def credential(self) -> Credential:
        """Read from its text at each use; blocks of other makers were judged before."""
        return Credential(BiscuitBody.read(read_text(self._text), is_judged=True))


class _Proven(NamedTuple):
    """What was proven of a text, and the key that proved it."""

    verified: Verified
    issuer: str
    key_id: int
    root: bytes


class BiscuitVerifier:
    """Verifies credentials of the public-key form. Threads may share it.

    ``keys`` are those of the issuers that are trusted, such as an ``IssuerDirectory``.
    ``revocations`` is what proven credentials are judged by. ``ledger`` is the location of the
    ledger that counts their limits; without one every limit is refused. ``tolerate`` lists unknown
    conditions that pass; every other unknown condition denies. ``datalog`` judges blocks of other
    makers; without it they are refused. ``cache_size``: how many proven credentials are kept.
    """

    def __init__(
        self,
        *,
        keys: IssuerKeys,
        revocations: RevocationList | None = None,
        ledger: str | None = None,
        tolerate: Sequence[str] = (),
        datalog: Datalog | None = None,
        cache_size: int = 4096,
    ) -> None:
        self._keys = keys
        self._datalog = datalog
        revocations = RevocationList() if revocations is None else revocations
        self._facts = VerifierFacts(service_vocabulary(tolerate), revocations, ledger)
        self._texts: Lru[str, _Proven] = Lru(cache_size)
        # What is met once is not kept, so that credentials that are never presented again do not
        # push out those that are.
        self._seen: Lru[bytes, bool] = Lru(cache_size * _SEEN_PER_ENTRY)
        # Between `prepare` and `authenticate`.
        self._bodies: Lru[str, BiscuitBody] = Lru(_PREPARED_KEPT)
        # Beginnings of chains that were proven, each with the key of its root, by a digest.
        self._chains: Lru[bytes, bool] = Lru(cache_size)
        self._issuers: Lru[bytes, Verify] = Lru(_ISSUERS_KEPT)

    @property
    def vocabulary(self) -> Vocabulary:
        """The conditions that it enforces."""
        return self._facts.vocabulary

    def authenticate(self, credential: Credential | str) -> Verified:
        """Proves the signatures and the payment. Says nothing about an access: ``Verified`` judges
        it. Call ``prepare`` before, so that the issuer's keys are there.

        Raises TokenError if the credential is malformed, forged, unpaid or from another issuer;
        AdapterError ``ERR_KEYS_UNREACHABLE`` if the issuer's keys cannot be had.
        """
        text = credential if isinstance(credential, str) else credential.text
        return self.known(text) or self._prove(text)

    def known(self, text: str) -> Verified | None:
        """What was proven before about exactly this text, by a key that is still trusted."""
        proven = self._texts.get(text)
        if proven is None:
            return None
        try:
            is_trusted = self._keys.find(proven.issuer, proven.key_id) == proven.root
        except SigilError:
            return None
        return proven.verified if is_trusted else None

    def proved(self, verified: Verified) -> bool:
        """Whether this verifier proved it, and no other one."""
        return verified.is_by(self._facts)

    def prepare(self, text: str) -> Load | None:
        """What to call before ``authenticate`` knows the issuer's keys: it fetches them, for at
        most 10 seconds. ``None`` if nothing has to be waited for. Raises nothing: what is wrong,
        ``authenticate`` says.
        """
        proven = self._texts.get(text)
        if proven is not None:
            return self._keys.load(proven.issuer, proven.key_id)
        try:
            body = self._read(text)
        except SigilError:
            return None
        self._bodies.set(text, body)
        return self._keys.load(body.issuer, body.key_id)

    async def aprepare(self, text: str) -> None:
        """Waits for what ``prepare`` returns, in an event loop."""
        load = self.prepare(text)
        if load is not None:
            await awaited(load)

    def _read(self, text: str) -> BiscuitBody:
        parts = read_text(text)
        if not is_public_key_form(parts.token):
            raise TokenError(
                "ERR_TOKEN_MALFORMED", "The credential is a macaroon, which no public key verifies."
            )
        return BiscuitBody.read(parts, is_judged=self._datalog is not None)

    def _prove(self, text: str) -> Verified:
        body = self._bodies.get(text) or self._read(text)
        self._bodies.delete(text)
        token = body.token
        root = self._keys.find(body.issuer, body.key_id)
        self._demand_signed(token, root)
        if not body.is_paid:
            raise TokenError(
                "ERR_TOKEN_PREIMAGE", "The credential's preimage does not prove its payment."
            )
        vocabulary = self._facts.vocabulary
        places = body.places_of(text)
        chain = CaveatChain(body.caveats, vocabulary, body.payment_hash, places)
        beyond = partial(self._judge_foreign, body, root) if body.is_foreign else None
        verified = _BiscuitVerified(
            text,
            chain,
            body.payment_hash,
            places,
            self._facts,
            always=uncounted_limits(body, chain, vocabulary),
            beyond=beyond,
        )
        # A credential for one request is not presented again.
        if not chain.is_single_use and self._was_seen(token):
            self._texts.set(text, _Proven(verified, body.issuer, body.key_id, root))
        return verified

    def _was_seen(self, token: Token) -> bool:
        signature = token.blocks[-1].signature
        was = self._seen.get(signature)
        self._seen.set(signature, True)
        return was is not None

    def _demand_signed(self, token: Token, root: bytes) -> None:
        beginnings = _beginnings(token, root)
        proven = len(beginnings)
        while proven > 0 and not self._chains.get(beginnings[proven - 1]):
            proven -= 1
        for at, (key, message, signature) in enumerate(claims_of(token, root, proven), proven):
            verify = self._verify_of(root) if at == 0 else verify_with(key)
            if not verify(message, signature):
                raise _forged()
        if not has_its_key(token):
            raise _forged()
        for beginning in beginnings[proven:]:
            self._chains.set(beginning, True)

    def _verify_of(self, root: bytes) -> Verify:
        known = self._issuers.get(root)
        if known is None:
            known = verify_with(root)
            self._issuers.set(root, known)
        return known

    def _judge_foreign(self, body: BiscuitBody, root: bytes, access: Access) -> Sequence[Refusal]:
        """Judges what blocks of other makers say of an access."""
        caveats = [caveat.decode() for caveat in body.caveats]
        try:
            facts = facts_of(access, body.payment_hash, caveats)
            datalog = self._datalog
            is_allowed = datalog is not None and datalog.allows(
                encode_token(body.token), root, facts
            )
        except Exception:
            is_allowed = False
        return () if is_allowed is True else _UNMET


_UNMET = (
    Refusal(
        "ERR_CHECK",
        "datalog",
        "checks of another maker, of which one does not hold or cannot be judged",
        "checks that hold for this request",
    ),
)


def _forged() -> TokenError:
    return TokenError(
        "ERR_TOKEN_FORGED",
        "The credential's signatures are wrong: it was altered, or minted elsewhere.",
    )


def _beginnings(token: Token, root: bytes) -> list[bytes]:
    """A digest of every beginning of a chain of blocks: all that its proof rests on. The seal is in
    none.
    """
    so_far = sha256(root)
    digests: list[bytes] = []
    for block in token.blocks:
        so_far.update(b"%d %d:" % (block.version, len(block.data)))
        so_far.update(block.data + block.next_key + block.signature)
        digests.append(so_far.digest())
    return digests
