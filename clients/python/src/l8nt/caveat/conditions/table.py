"""The table of conditions. A scope compiles, and a challenge lists them, in this order.
spec/2-caveats.md §1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..condition import AnyCondition, Family
from ..field import Field
from ..service_name import is_service_name
from .agent import agent
from .budget import budgets
from .capabilities import capabilities
from .endpoints import endpoints
from .holder import holder
from .ledger import ledger
from .max_depth import max_depth
from .max_price import max_prices
from .max_uses import uses
from .models import models
from .payees import payees
from .preimage import preimage
from .purpose import purpose
from .services import services
from .sold_price import sold_price
from .valid_from import valid_from
from .valid_until import service_valid_until, valid_until

# The node comes first, because the caveats that follow belong to it. An end comes before the
# limits, because a ledger may forget a limit after the end that precedes it.
TABLE: Final[Sequence[AnyCondition | Family]] = (
    agent,
    purpose,
    endpoints,
    services,
    capabilities,
    models,
    valid_from,
    valid_until,
    service_valid_until,
    holder,
    ledger,
    *budgets,
    *max_prices,
    sold_price,
    *uses,
    payees,
    max_depth,
    preimage,
)

CONDITIONS: Final[Sequence[AnyCondition]] = [row for row in TABLE if not isinstance(row, Family)]

FIELDS: Final[Sequence[Field]] = [field for row in TABLE for field in row.fields]
"""Every field of a scope, in the order in which it compiles."""

_FAMILIES: Final = [row for row in TABLE if isinstance(row, Family)]
_BY_NAME: Final = {row.name: row for row in CONDITIONS}


def family_condition(name: str) -> AnyCondition | None:
    """The condition of a family that this name belongs to."""
    for family in _FAMILIES:
        service = name.removesuffix(family.suffix)
        if service != name and is_service_name(service):
            return family.of(service, name)
    return None


def condition_named(name: str) -> AnyCondition | None:
    """The condition of this name; ``None`` for a name that is not in the table."""
    return _BY_NAME.get(name) or family_condition(name)
