"""The table of the checks that conditions have in the public-key form. A program that uses
macaroons does not load it. spec/9-public-key.md §3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from ..condition import AnyCondition, Family
from ..datalog import Check, check, fact, query, text
from .agent import agent
from .capabilities import capabilities, capabilities_check
from .endpoints import endpoints, endpoints_check
from .holder import holder, holder_check
from .ledger import ledger, ledger_check
from .max_price import max_price_check, max_prices
from .models import models, models_check
from .purpose import purpose
from .services import services, services_check
from .sold_price import sold_price, sold_price_check
from .table import TABLE, condition_named
from .valid_from import valid_from, valid_from_check
from .valid_until import (
    service_valid_until,
    service_valid_until_check,
    valid_until,
    valid_until_check,
)

Write = Callable[[Any, AnyCondition], Check | None]
"""The check of a value; ``None`` if it denies nothing."""


def _none(_value: Any, _condition: AnyCondition) -> None:
    """A condition that never denies has no check."""


_CHECKS: Final[dict[AnyCondition | Family, Write]] = {
    agent: _none,
    purpose: _none,
    endpoints: endpoints_check,
    services: services_check,
    capabilities: capabilities_check,
    models: models_check,
    valid_from: valid_from_check,
    valid_until: valid_until_check,
    service_valid_until: service_valid_until_check,
    holder: holder_check,
    ledger: ledger_check,
    **dict.fromkeys(max_prices, max_price_check),
    sold_price: sold_price_check,
}
_FAMILIES: Final = tuple(row for row in TABLE if isinstance(row, Family))
_INTEGERS_END: Final = 1 << 63
_CHECKS_KEPT: Final = 512
"""Many credentials have the same caveats, and the check of a text never changes."""


def is_counted(caveat: str) -> bool:
    """Whether a caveat has no check of its own, because it is unknown, unreadable or counted: the
    verifier says by the fact ``counted`` that it holds.
    """
    return not _own(caveat)[0]


@lru_cache(maxsize=_CHECKS_KEPT)
def check_of(caveat: str) -> Check | None:
    """The check of a caveat; ``None`` if the caveat denies nothing."""
    has_own, written = _own(caveat)
    # Asks the verifier itself: of limits that are counted, and of what others may not know.
    return written if has_own else check(query([fact("counted", text(caveat))]))


def _own(caveat: str) -> tuple[bool, Check | None]:
    """Whether it has a check of its own, or none because it never denies; and that check."""
    name, equals, value_text = caveat.partition("=")
    condition = condition_named(name) if equals and name else None
    value = None if condition is None else condition.parse(value_text)
    if condition is None or value is None:
        return False, None
    write = _CHECKS.get(_row_of(condition))
    if write is None:
        return False, None
    written = write(value, condition)
    # Biscuit's integers have a sign, so the greatest numbers of spec page 2 are not among them.
    if written is not None and any(one >= _INTEGERS_END for one in _integers_in(written)):
        return False, None
    return True, written


def _row_of(condition: AnyCondition) -> AnyCondition | Family:
    if condition in _CHECKS:
        return condition
    # A service may have any name, so a condition of the table comes first.
    of_family = (row for row in _FAMILIES if condition.name.endswith(row.suffix))
    return next(of_family, condition)


def _integers_in(written: Check) -> list[int]:
    return [
        step.value
        for one in written.queries
        for steps in one.expressions
        for step in steps
        if step.kind == "integer" and isinstance(step.value, int)
    ]
