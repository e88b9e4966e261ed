"""``max_price_<unit>``: the most that one purchase or request may cost."""

from __future__ import annotations

from typing import Final

from ...amount import UNITS, Amount, Unit, format_amount, unit_name
from ..access import Access
from ..condition import AnyCondition, Condition, Denial, Place
from ..datalog import Check, apply, check, fact, integer, negated, query, set_of, text, variable
from ..field import write_amounts
from ..integer import read_integer


def max_price_of(unit: Unit) -> str:
    """The name of the condition for a unit."""
    return f"max_price_{unit}"


def _max_price(unit: Unit) -> Condition[int]:
    name = max_price_of(unit)

    def at_most(most: int) -> str:
        return f"at most {format_amount(Amount(unit, most))} at once"

    def prohibits(most: int, access: Access, _: Place) -> Denial | None:
        price = access.price
        if price is None or price.unit != unit or price.value <= most:
            return None
        return Denial(at_most(most), format_amount(price))

    return Condition[int](
        name=name,
        judged_by="both",
        hand_over="dropped",
        unit=unit,
        fields=(write_amounts("max_price", unit, name),),
        code="ERR_PRICE",
        parse=read_integer,
        prohibits=prohibits,
        covers=lambda outer, inner: inner <= outer,
        words=lambda most, _now: [at_most(most) if most else f"nothing in {unit_name(unit)}"],
    )


max_prices: Final = tuple(map(_max_price, UNITS))


def max_price_check(most: int, condition: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    unit = str(condition.unit)
    others = negated(apply(set_of([unit]), "contains", variable("u")))
    at_most = apply(variable("p"), "<=", integer(most))
    return check(
        query([fact("price", variable("u"), variable("p"))], *others),
        query([fact("price", text(unit), variable("p"))], *at_most),
    )
