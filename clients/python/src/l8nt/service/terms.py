"""What a route asks of the requests that it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypedDict

from typing_extensions import NotRequired, Unpack

from ..amount import Amount, read_amount

__all__ = ["GivenTerms", "Terms", "terms_of"]

FREE: Final = Amount("msat", 0)


class GivenTerms(TypedDict):
    """The keyword arguments of a guard; each may be left out."""

    capability: NotRequired[str]
    """What the request does, for credentials with ``capabilities``. Not known by default, which
    denies credentials that name capabilities."""
    price: NotRequired[str]
    """``"0.01 usd"`` or ``"5 sat"``: taken from the credential's budget in that unit. A credential
    that has budgets, and none in that unit, is denied. Nothing by default."""
    model: NotRequired[str | None]
    """The model that the route serves, or ``None`` for a route that uses none. Not known by
    default, which denies credentials that name models."""
    metered: NotRequired[bool]
    """Whether ``price`` is the most that a request can come to: the handler settles what it came
    to, until the answer has ended."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one route, read and checked."""

    capability: str | None = None
    price: Amount = FREE
    model: str | None = None
    knows_model: bool = field(default=False)
    metered: bool = False


def terms_of(**given: Unpack[GivenTerms]) -> Terms:
    """Raises TypeError or ValueError for terms that cannot be read."""
    unknown = sorted(set(given) - set(GivenTerms.__annotations__))
    if unknown:
        known = ", ".join(GivenTerms.__annotations__)
        raise TypeError(f"{unknown[0]!r} is none of the terms of a route: {known}")
    price = given.get("price")
    if price is None and "price" in given:
        raise TypeError('price must be an amount, such as "5 sat"; leave it out for none')
    capability = given.get("capability")
    if capability is not None and not isinstance(capability, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError('capability must be a text, such as "forecast"')
    metered = given.get("metered", False)
    if metered and price is None:
        raise TypeError("a metered route needs a price: the most that a request can come to")
    return Terms(
        capability=capability,
        price=FREE if price is None else read_amount(price, "price"),
        model=given.get("model"),
        knows_model="model" in given,
        metered=metered,
    )
