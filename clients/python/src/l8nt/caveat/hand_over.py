"""The caveats of a hand-over: an agent's own, as a service can enforce them.
spec/4-purchase.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from .chain import CaveatChain
from .condition import HandOverTerms, caveat_of, value_in
from .conditions.agent import agent, agent_caveat
from .conditions.table import CONDITIONS

__all__ = ["Enforced", "hand_over_caveats", "hand_over_node", "nodes_at", "opens_nodes"]

Enforced: TypeAlias = Sequence[str] | None
"""The conditions that one service says that it enforces; ``None`` if it says nothing."""


def hand_over_caveats(
    chain: CaveatChain, terms: HandOverTerms, *, enforced: Enforced, nonces: Sequence[str]
) -> tuple[str, ...] | None:
    """The caveats that narrow a service's credential to an agent's scope; ``None`` if the request
    must be relayed, because neither the treasury nor the service can judge one of them.

    ``nonces`` are hex; of the nodes that the hand-over opens at the service, one below the other:
    one for the node that paid and for each node below it, down to the one that gets the credential.
    """
    entries = chain.entries
    if len(entries) < len(chain.texts):
        return None
    if any(entry.condition.hand_over == "relay" for entry in entries):
        return None
    caveats = [hand_over_node(nonce) for nonce in nonces] if opens_nodes(enforced) else []
    for condition in CONDITIONS:
        hand_over = condition.hand_over
        if isinstance(hand_over, str):
            continue
        written = hand_over(chain.values(condition), terms)
        if written and (enforced is None or condition.name not in enforced):
            return None
        caveats += [caveat_of(condition, value) for value in written]
    return tuple(caveats)


def opens_nodes(enforced: Enforced) -> bool:
    """Whether a service opens nodes, so that a hand-over can be revoked there by itself."""
    return enforced is not None and agent.name in enforced


def hand_over_node(nonce: str) -> str:
    """A caveat that opens a node of a hand-over, so that it can be revoked at the service."""
    return agent_caveat("handed-over", nonce)


def nodes_at(caveats: Sequence[str]) -> tuple[int, ...]:
    """The indices of the caveats that open nodes."""
    return tuple(at for at, caveat in enumerate(caveats) if value_in(agent, caveat) is not None)
