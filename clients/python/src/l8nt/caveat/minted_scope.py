"""What every minter asks of a scope, and adds to it: nobody gets what nobody gave.
spec/2-caveats.md §1, §5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ..amount import UNITS
from .compile import bounds_of, check_caveats, compile_scope
from .conditions.budget import BUDGET_KEYS
from .conditions.max_price import max_price_of
from .field import read_amounts
from .scope import Scope
from .vocabulary import Vocabulary

__all__ = ["caps_of_other_units", "minted_caveats"]


def caps_of_other_units(scope: Scope) -> tuple[str, ...]:
    """A price of 0 at most in each unit that a scope with budgets has none in. A holder may append
    a budget in another unit, and would spend from it what nobody gave.
    """
    budgets = cast("Mapping[str, object]", scope)
    given = {
        amount.unit
        for key in BUDGET_KEYS
        if budgets.get(key) is not None
        for amount in read_amounts(budgets[key], key)
    }
    return tuple(f"{max_price_of(unit)}=0" for unit in UNITS if given and unit not in given)


def minted_caveats(
    scope: Scope,
    vocabulary: Vocabulary,
    *,
    now: float,
    terms: Sequence[str] = (),
    is_spending: bool = False,
) -> tuple[str, ...]:
    """The caveats of a credential that is minted: there is none for everything, none without an
    end, and none that can pay without a budget.

    ``terms`` are more caveats, behind those of the scope. ``now`` is in Unix seconds.

    Raises ``TypeError`` or ``ValueError`` that says what is wrong with the scope.
    """
    # First, so that a misspelt key is named, not missed.
    caveats = (*compile_scope(scope, now=now), *terms)
    check_caveats(caveats, vocabulary)
    bounds = bounds_of(scope)
    if "place" not in bounds:
        raise ValueError(
            "a credential needs endpoints (or services): there is no credential for everything"
        )
    if "time" not in bounds:
        raise ValueError('a credential needs an end: expires_in="1h", or expires_at')
    if is_spending and "spend" not in bounds:
        raise ValueError(
            'a credential that can spend needs a budget: budget="500 sat", or budget_per_day'
        )
    return caveats
