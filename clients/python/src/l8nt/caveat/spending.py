"""The rule that a spend needs a budget of its own unit. Units are never converted.
spec/2-caveats.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..amount import Amount, format_amount, unit_name
from ..errors import Refusal
from .chain import CaveatChain, refusal_of
from .conditions.budget import budget_of
from .conditions.max_price import max_price_of

__all__ = ["uncounted_spend", "with_uncounted"]


def uncounted_spend(
    chain: CaveatChain, amount: Amount, kind: Literal["access", "spending"]
) -> Refusal | None:
    """The refusal of a spend that no limit of the chain counts; ``None`` if one counts it, and for
    a credential that is not there to spend.

    ``kind`` is ``"spending"`` for a credential of a treasury, which spends nothing without a
    budget. An ``"access"`` credential without any budget, such as a pass for a time, has no price
    to pay.
    """
    budgets = {limit.unit for limit in chain.limits if limit.kind == "spend"}
    if amount.value == 0 or amount.unit in budgets or (kind == "access" and not budgets):
        return None
    return refusal_of(
        chain.node,
        "ERR_BUDGET",
        budget_of(amount.unit),
        f"no budget in {unit_name(amount.unit)}",
        format_amount(amount),
    )


def with_uncounted(
    refusals: Sequence[Refusal], uncounted: Refusal | None, amount: Amount
) -> list[Refusal]:
    """The reasons against a spend, with that no limit counts it. A minter writes a price of 0 into
    what has no budget in a unit, which then says the same.
    """
    if uncounted is None:
        return list(refusals)
    said = max_price_of(amount.unit)
    return [*(one for one in refusals if one.condition != said), uncounted]
