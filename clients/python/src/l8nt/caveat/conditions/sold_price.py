"""``sold_price``: what a service sold a request for. At most this price, or exactly the request
that was priced. spec/2-caveats.md §6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from ...amount import UNITS, Amount, format_amount
from ..access import Access
from ..condition import AnyCondition, Condition, Denial, Place
from ..datalog import (
    OWN_AFFAIRS,
    Check,
    Query,
    apply,
    check,
    fact,
    integer,
    query,
    text,
    variable,
)
from ..integer import read_integer


class Sold(NamedTuple):
    """A value of the condition."""

    price: Amount
    request: str | None
    """Hash of the request that was priced; ``None`` if it could not be told apart from others."""


_NAME: Final = "sold_price"
_VALUE: Final = re.compile(r"([0-9]+) ([a-z_]+)(?: ([0-9a-f]{64}))?")


def _parse(text: str) -> Sold | None:
    match = _VALUE.fullmatch(text)
    if match is None:
        return None
    value = read_integer(match[1])
    for unit in UNITS:
        if unit == match[2] and value is not None:
            return Sold(Amount(unit, value), match[3])
    return None


def _is_of(sold: Sold, request: Callable[[], str | None] | None) -> bool:
    """Whether it was sold for this very request."""
    return sold.request is not None and request is not None and sold.request == request()


def _prohibits(sold: Sold, access: Access, _: Place) -> Denial | None:
    price = access.price
    if access.target == "self" or price is None:
        return None
    if price.unit == sold.price.unit and price.value <= sold.price.value:
        return None
    if _is_of(sold, access.priced_request):
        return None
    return Denial(
        f"a request of at most {format_amount(sold.price)}, or the one that was sold",
        format_amount(price),
    )


def _words(sold: Sold, _now: float) -> Sequence[str]:
    request = "" if sold.request is None else ", or the request that was sold at this price"
    return [f"at most {format_amount(sold.price)} at once{request}"]


sold_price: Final = Condition[Sold](
    name=_NAME,
    judged_by="service",
    hand_over="relay",
    # A service writes it when it sells. A person caps prices by `max_price`.
    code="ERR_PRICE",
    parse=_parse,
    prohibits=_prohibits,
    words=_words,
)


class _HasValues(Protocol):
    def values(self, condition: Condition[Any]) -> Sequence[Any]: ...


def counted_price(
    chain: _HasValues, price: Amount, request: Callable[[], str | None] | None = None
) -> Amount:
    """What a request is counted at: its price, or what it was sold for if it is the very request
    that was priced and is dearer now.

    ``request`` returns the hash of the request; it is called only if it matters.
    """
    counted = price
    sold: Sold
    for sold in chain.values(sold_price):
        is_dearer = counted.unit != sold.price.unit or counted.value > sold.price.value
        if is_dearer and _is_of(sold, request):
            counted = sold.price
    return counted


def sold_price_caveat(price: Amount, request: str | None) -> str:
    """The caveat of a sold credential. ``request`` is the hash of the request that was priced;
    ``None`` if only the price decides.
    """
    suffix = "" if request is None else f" {request}"
    return f"{_NAME}={price.value} {price.unit}{suffix}"


def sold_price_check(sold: Sold, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    price, request = sold
    at_most = apply(variable("p"), "<=", integer(price.value))
    very: list[Query] = []
    if request is not None:
        very.append(query([fact("priced_request", text(request))]))
    return check(
        query([fact("price", text(price.unit), variable("p"))], *at_most),
        *very,
        query([fact("price", text("none"), integer(0))]),
        query([OWN_AFFAIRS]),
    )
