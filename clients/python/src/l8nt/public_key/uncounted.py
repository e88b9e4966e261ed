"""Limits of the public-key form that no verifier counts. spec/9-public-key.md §7."""

from __future__ import annotations

from ..caveat import CaveatChain, Vocabulary, refusal_of
from ..errors import Refusal
from .body import BiscuitBody


def uncounted_limits(
    body: BiscuitBody, chain: CaveatChain, vocabulary: Vocabulary
) -> list[Refusal]:
    """The refusals of limits that are counted nowhere. A limit is counted only in the ledger that
    its own block, or one before it, names: another holder of it could name another ledger below.

    ``chain``: that of the credential.
    """
    if not chain.limits:
        return []
    before = CaveatChain(body.before_ledger, vocabulary, body.payment_hash)
    return [
        refusal_of(
            limit.node,
            "ERR_USES" if limit.kind == "uses" else "ERR_BUDGET",
            limit.condition,
            "a limit that no ledger is named for",
            "one that is counted here",
        )
        for limit in chain.limits[: len(before.limits)]
    ]
