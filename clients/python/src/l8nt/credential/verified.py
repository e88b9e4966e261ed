"""A credential whose signature and payment are proven. Only a verifier makes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from typing_extensions import Self

from .._secrecy import HoldsSecret
from ..caveat import (
    MISSING,
    Access,
    CaveatChain,
    CaveatText,
    ChainLimit,
    Node,
    Vocabulary,
    check_caveats,
    holder,
)
from ..errors import AdapterError, Refusal, denied
from .body import Blocks, Descent
from .credential import Credential
from .revocations import Revocation, RevocationList


class Places(Protocol):
    """The places along a verified chain of caveats. Only a verifier can derive them."""

    def at(self, count: int) -> str:
        """The id of the place after the first ``count`` caveats: hex, 16 bytes."""
        ...

    def below(self, descent: Descent, ledger: str | None) -> Sequence[str]:
        """The ids of the nodes that ``descent`` opens below the last place, one below the other.

        Raises TypeError or TokenError if it cannot be read or does not follow.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class VerifierFacts:
    """What every credential of one verifier shares. Two are equal only if they are one object."""

    vocabulary: Vocabulary
    revocations: RevocationList
    ledger: str | None = None
    """The location by which ``ledger`` caveats name the verifier; ``None`` counts no limits."""


class Verified(HoldsSecret):
    """A proven credential, and its verdict on an access. ``str`` and ``repr`` describe it without
    any secret.
    """

    __slots__ = ("_always", "_beyond", "_chain", "_facts", "_hash", "_places", "_signer", "_text")

    def __init__(
        self,
        text: str,
        chain: CaveatChain,
        payment_hash: str,
        places: Places,
        facts: VerifierFacts,
        *,
        always: Sequence[Refusal] = (),
        beyond: Callable[[Access], Sequence[Refusal]] | None = None,
        signer: str | None = None,
    ) -> None:
        """For verifiers, which have checked the signature and the payment before.

        ``always``: the reasons against every access that the verifier has beside the caveats.
        ``beyond`` is asked last, about an access that nothing else speaks against.
        """
        self._text = text
        self._chain = chain
        self._hash = payment_hash
        self._places = places
        self._facts = facts
        self._always = tuple(always)
        self._beyond = beyond
        self._signer = signer

    @property
    def chain(self) -> CaveatChain:
        """Its caveats, parsed, with the ids of their places."""
        return self._chain

    @property
    def payment_hash(self) -> str:
        """Hex."""
        return self._hash

    @property
    def credential(self) -> Credential:
        """Read from its text at each use."""
        return Credential.parse(self._text)

    @property
    def holders(self) -> Sequence[str]:
        """The thumbprints of the keys that must sign its requests; mostly none."""
        return self._chain.values(holder)

    def signed_by(self, thumbprint: str) -> Self:
        """The same for one request, whose signature by this key was verified: every later verdict
        on the request knows it.
        """
        return type(self)(
            self._text,
            self._chain,
            self._hash,
            self._places,
            self._facts,
            always=self._always,
            beyond=self._beyond,
            signer=thumbprint,
        )

    @property
    def is_signed(self) -> bool:
        """Whether it stands for one request, by ``signed_by``."""
        return self._signer is not None

    def is_of(self, text: str) -> bool:
        """Whether this was proven about exactly this text."""
        return self._text == text

    def is_by(self, facts: VerifierFacts) -> bool:
        """Whether the verifier proved this that gives these facts."""
        return self._facts is facts

    @property
    def node(self) -> Node:
        """The credential's own node."""
        return self._chain.nodes[-1]

    @property
    def nodes(self) -> Sequence[Node]:
        """Root first."""
        return self._chain.nodes

    @property
    def node_ids(self) -> tuple[str, ...]:
        """32 hex digits each, root first."""
        return tuple(one.id or "" for one in self._chain.nodes)

    @property
    def lineage(self) -> tuple[str, ...]:
        """The agent names from the root to the credential's own node."""
        return self._chain.lineage

    @property
    def limits(self) -> Sequence[ChainLimit]:
        """Every counted limit on the chain. A spend or a use counts against all of them, or
        none.
        """
        return self._chain.limits

    @property
    def caveats(self) -> Sequence[CaveatText]:
        return self._chain.texts

    @property
    def valid_until(self) -> float | None:
        """Unix seconds; ``None`` for a credential without an end, which this library never
        mints.
        """
        return self._chain.valid_until

    def judge(self, access: Access) -> Sequence[Refusal]:
        """Every reason against ``access``, with revocations. An empty list allows it, up to the
        counted limits, which a ledger judges.
        """
        chain = self._chain
        known = replace(access, ledger=self._facts.ledger)
        # Who verified no signature denies.
        if known.holder is MISSING or known.holder is None:
            known = replace(known, holder=self._signer)
        refusals = [*self._always, *chain.refusals(known)]
        revoked = self._facts.revocations.refusal_of(lambda: chain.nodes, access.now)
        if revoked is not None:
            return [revoked, *refusals]
        if self._beyond is None or refusals:
            return refusals
        return self._beyond(known)

    def demand(self, access: Access) -> None:
        """Raises DeniedError if anything speaks against ``access``."""
        error = denied(self.judge(access))
        if error is not None:
            raise error

    def watch(self, end: Callable[[], None]) -> Callable[[], None]:
        """Calls ``end`` once, in the thread that revokes, when the credential is revoked; at once,
        if it is already. What a feed tells counts too. Returns what stops watching.

        An end of validity is not watched: ``valid_until`` says when it comes.
        """
        revocations, ids = self._facts.revocations, self.node_ids
        stop = revocations.watch(ids, end)
        if revocations.stops(ids):
            stop()
            end()
        return stop

    def node_below(self, descent: Descent) -> str:
        """The id of the node that ``descent`` opens below this credential. Its child's credential
        is not needed.

        Raises TypeError or TokenError if it cannot be read, does not follow or names no agent.
        """
        return self._nodes_below(descent)[-1]

    def _nodes_below(self, descent: Descent) -> Sequence[str]:
        if not isinstance(descent, Blocks):
            check_caveats(descent, self._facts.vocabulary)
        opened = self._places.below(descent, self._facts.ledger)
        if not opened:
            raise TypeError("it opens no node: no caveat of it is an agent")
        return opened

    def revoke_below(self, descent: Descent) -> Revocation:
        """Revokes the node that ``descent`` opens below this credential, and everything below that
        node: the right of every holder. Returns what was revoked.

        Raises AdapterError ``ERR_REQUEST`` if it cannot be read, does not follow, names no agent
        or is more than a credential can have; ``ERR_RATE_LIMITED`` after a thousand nodes that
        this credential's node revoked.
        """
        try:
            opened = self._nodes_below(descent)
        except Exception as cause:
            raise AdapterError(
                "ERR_REQUEST",
                'A revocation is {"caveats": […]}: the caveats that lead from your credential to '
                'the child, an agent among them; or {"blocks": […]}, its blocks, for the '
                "public-key form.",
            ) from cause
        own = self.node_ids
        above = (*own, *opened[:-1])
        revocation = Revocation(opened[-1], above, own[-1], self.valid_until)
        self._facts.revocations.revoke_below(revocation)
        return revocation

    def to_dict(self) -> dict[str, Any]:
        """The credential's description, without secrets, and its nodes."""
        nodes = [
            {"id": one.id, **({} if one.agent is None else {"agent": one.agent})}
            for one in self.nodes
        ]
        return {**self.credential.to_dict(), "nodes": nodes}

    def __repr__(self) -> str:
        lineage = " / ".join(self.lineage) or "root"
        return f"<Verified {lineage}, node {self.node.id}>"
