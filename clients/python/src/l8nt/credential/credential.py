"""The credential that an agent holds, in whichever form. spec/1-credential.md §3."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hmac import compare_digest
from typing import Any

from typing_extensions import Self, Unpack

from .._secrecy import HoldsSecret
from ..caveat import (
    Access,
    CaveatChain,
    CaveatText,
    Scope,
    check_caveats,
    check_keys,
    compile_scope,
    treasury_vocabulary,
)
from ..errors import Refusal, TokenError
from .body import Body, Descent
from .forms import form_reader
from .macaroon_body import MacaroonBody
from .text import read_text

_VOCABULARY = treasury_vocabulary()


class Credential(HoldsSecret):
    """A credential as its holder has it, not verified: only its issuer can say whether it is
    genuine. Any holder can make weaker ones from it, offline. Immutable.

    ``text`` is the secret, for the environment of a child process. ``str``, ``repr`` and
    ``to_dict`` describe the credential without it, so that it may be logged.
    """

    __slots__ = ("__weakref__", "_body", "_chain")

    _body: Body
    _chain: CaveatChain | None

    def __init__(self, body: Body) -> None:
        self._body = body
        self._chain = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text of a credential: base64 in either alphabet, padded or not, and hex of
        either case; or its key form, ``sk-sigil-…``. spec/1-credential.md §3.

        Raises TokenError ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``,
        ``ERR_TOKEN_THIRD_PARTY``.

            credential = Credential.parse(os.environ["SIGIL_CREDENTIAL"])
        """
        try:
            parts = read_text(text)
            read = form_reader(parts.token) or MacaroonBody.read
            return cls(read(parts))
        except TokenError as error:
            # Some loggers show the local variables of a traceback, and here these are the secret.
            raise error.with_traceback(None) from None
        finally:
            text, parts = "", None

    @property
    def body(self) -> Body:
        """What its form has: the caveats as bytes, the seal, the proof of payment."""
        return self._body

    @property
    def location(self) -> str:
        """The URL where it is spent: a hint that no signature covers."""
        return self._body.location

    @property
    def payment_hash(self) -> str:
        """Hex. The hash of the payment that it commits to."""
        return self._body.payment_hash

    @property
    def is_paid(self) -> bool:
        """Whether it carries the preimage of the payment that it commits to."""
        return self._body.is_paid

    @property
    def caveats(self) -> Sequence[CaveatText]:
        """Its caveats as text, not verified: for early checks and for display. A preimage in one
        is not shown.
        """
        return self.chain.texts

    @property
    def chain(self) -> CaveatChain:
        """Its caveats, parsed and not verified; the nodes have no ids."""
        if self._chain is None:
            self._chain = CaveatChain(self._body.caveats, _VOCABULARY, self.payment_hash)
        return self._chain

    def certain_refusals(self, access: Access) -> Sequence[Refusal]:
        """The reasons against ``access`` that are certain without the issuer. Leaves out conditions
        that this library does not know and those that depend on the service's name: the service
        judges them.
        """
        return self.chain.certain_refusals(access)

    def attenuate(self, *, now: float | None = None, **scope: Unpack[Scope]) -> Self:
        """A weaker credential: this one, limited by ``scope`` too. Works offline.

        ``now``: Unix seconds that ``expires_in`` counts from; the system's clock by default.

        Raises TypeError or ValueError for a scope that cannot be read, such as a misspelt key;
        TokenError ``ERR_TOKEN_TOO_LARGE``.
        """
        return self._narrowed(scope, now)

    def delegate(self, *, now: float | None = None, **scope: Unpack[Scope]) -> Self:
        """A weaker credential for another agent. It opens a node of its own, which this
        credential's holder can revoke. Works offline.

            child = credential.delegate(agent="flight-booker", budget="50 sat", expires_in="15m")

        Raises TypeError or ValueError for a scope that cannot be read, or that names no agent;
        TokenError ``ERR_TOKEN_TOO_LARGE``.
        """
        if not isinstance(scope.get("agent"), str):
            check_keys(scope)
            raise TypeError('a delegation names its agent: delegate(agent="flight-booker", …)')
        return self._narrowed(scope, now)

    def _narrowed(self, scope: Scope, now: float | None) -> Self:
        caveats = compile_scope(scope, now=time.time() if now is None else now)
        check_caveats(caveats, _VOCABULARY)
        return self.append(caveats)

    def append(self, caveats: Sequence[str]) -> Self:
        """A weaker credential: this one with ``caveats``, written as they stand on the wire.

        Raises TokenError ``ERR_TOKEN_TOO_LARGE``.
        """
        return type(self)(self._body.append(caveats))

    def caveats_below(self, ancestor: Credential) -> tuple[str, ...] | None:
        """The caveats that lead from ``ancestor`` to this credential; ``None`` if this credential
        was not narrowed from it. Compares what both credentials say and verifies neither.
        """
        inherited, own = ancestor.body.caveats, self._body.caveats
        count = len(inherited)
        descends = (
            len(own) > count
            and self._body.root_id == ancestor.body.root_id
            and own[:count] == inherited
        )
        try:
            return tuple(one.decode() for one in own[count:]) if descends else None
        except UnicodeDecodeError:  # No text leads to it.
            return None

    def descent_from(self, ancestor: Credential) -> Descent | None:
        """What a holder of ``ancestor`` sends to revoke this credential: the caveats that lead to
        it, or the blocks in the public-key form. ``None`` if it does not descend from it.
        """
        if self._body.has_blocks:
            return self._body.blocks_below(ancestor.body)
        return self.caveats_below(ancestor)

    @property
    def text(self) -> str:
        """The secret text, as it is sent and stored."""
        return self._body.to_text()

    @property
    def key(self) -> str:
        """The same secret text as an API key, ``sk-sigil-…``, of letters, digits, ``-`` and ``_``:
        for SDKs that take nothing else. It is read wherever a credential is.
        """
        return self._body.to_key()

    def to_dict(self) -> dict[str, Any]:
        """Describes it without any secret, for logs."""
        return {
            "credential": "(not shown)",
            "paymentHash": self.payment_hash,
            "location": self.location,
            "caveats": [f"{one.condition}={one.value}" for one in self.caveats],
        }

    def __eq__(self, other: object) -> bool:
        """Whether both are one credential, in whatever spelling they were read."""
        if not isinstance(other, Credential):
            return NotImplemented
        return self is other or compare_digest(self.text, other.text)

    def __hash__(self) -> int:
        return hash((self._body.root_id, len(self._body.caveats)))

    def __repr__(self) -> str:
        return f"<Credential for {self.location!r} with {self.to_dict()['caveats']!r}>"

    @property
    def _instead(self) -> str:
        return "pass its .text, a secret, and read it with Credential.parse there"


def delegate(
    credential: Credential | str, *, now: float | None = None, **scope: Unpack[Scope]
) -> Credential:
    """A weaker credential for another agent, as ``Credential.delegate`` makes it; also from the
    text of a credential.

        child = delegate(os.environ["SIGIL_CREDENTIAL"], agent="booker", budget="50 sat")

    Raises as ``Credential.parse`` and ``Credential.delegate``.
    """
    parent = Credential.parse(credential) if isinstance(credential, str) else credential
    return parent.delegate(now=now, **scope)
