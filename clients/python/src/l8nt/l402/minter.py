"""Mints credentials and challenges from a secret alone. spec/1-credential.md §4-5."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from typing_extensions import Unpack

from .._secrecy import HoldsSecret
from ..caveat import Scope, caps_of_other_units, minted_caveats, read_origin
from ..credential import Credential, MacaroonBody
from ..credential.identifier import ROOT_ID_BYTES, TOKEN_ID_BYTES, write_identifier
from ..invoice import read_invoice
from ..macaroon import UnverifiedMacaroon
from .challenge import Challenge
from .hmac_verifier import Kind, vocabulary_of
from .roots import Roots, Secret, SecretSource

_MARK_BYTES = TOKEN_ID_BYTES - ROOT_ID_BYTES
_PREIMAGE_BYTES = 32


class Minter(HoldsSecret):
    """Mints credentials that the ``HmacVerifier`` of the same secret verifies.

    ``secret``: 32 random bytes or more, or their hex. Anyone who has it can mint any credential,
    so it stays in this process. A function is called when the secret is first needed.
    ``location``: the public http(s) URL where the credentials are spent. ``kind``: ``"access"`` to
    a service or ``"spending"`` by a treasury. ``tolerate``: unknown conditions that the verifier
    lets pass. ``clock``: Unix seconds.

    Raises TypeError for a secret that is short or not random, or a location that is not a URL.
    """

    __slots__ = ("_clock", "_roots", "kind", "location", "vocabulary")

    def __init__(
        self,
        *,
        secret: SecretSource,
        location: str,
        kind: Kind = "access",
        tolerate: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        if read_origin(location) is None:
            raise TypeError("location must be the public http(s) URL where credentials are spent")
        self.location = location
        self.kind: Kind = kind
        self.vocabulary = vocabulary_of(kind, tolerate)
        self._roots = Roots(secret)
        self._clock = clock

    def mint(self, **scope: Unpack[Scope]) -> Credential:
        """A credential that needs no payment: its preimage is made here.

            minter.mint(endpoints=["GET https://api.example/**"], expires_in="1h")

        Raises TypeError or ValueError for a scope without endpoints (or services), without an end,
        or, for a spending credential, without a budget; AdapterError ``ERR_SECRET``.
        """
        preimage = secrets.token_bytes(_PREIMAGE_BYTES)
        payment_hash = sha256(preimage).digest()
        macaroon = self._macaroon(payment_hash, scope, caps_of_other_units(scope))
        return Credential(MacaroonBody(macaroon, preimage))

    def challenge(
        self,
        scope: Scope,
        *,
        invoice: str,
        terms: Sequence[str] = (),
        issuers: Sequence[str] = (),
    ) -> Challenge:
        """A challenge whose credential costs ``invoice``. The invoice must come from this
        service's own wallet: its signature is not verified. Nothing is stored; the payment
        completes the credential.

        ``terms``: more caveats, as ``condition=value``, for what no key of a scope says.

        Raises as ``mint``; ChallengeError ``ERR_INVOICE_MALFORMED``.
        """
        read = read_invoice(invoice)
        macaroon = self._macaroon(bytes.fromhex(read.payment_hash), scope, terms)
        return Challenge(macaroon, read.text, self.vocabulary.names, tuple(issuers))

    def rotate(self, secret: Secret) -> None:
        """Mints under ``secret`` from now on."""
        self._roots.rotate(secret)

    def _macaroon(
        self, payment_hash: bytes, scope: Scope, terms: Sequence[str]
    ) -> UnverifiedMacaroon:
        caveats = minted_caveats(
            scope,
            self.vocabulary,
            now=self._clock(),
            terms=terms,
            is_spending=self.kind == "spending",
        )
        root = self._roots.current
        token_id = root.id + secrets.token_bytes(_MARK_BYTES)
        identifier = write_identifier(payment_hash, token_id)
        return UnverifiedMacaroon.mint_under(root.key, identifier, self.location).append(*caveats)
