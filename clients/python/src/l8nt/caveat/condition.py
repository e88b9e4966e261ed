"""The interface of a condition: one object that holds every fact about it. spec/2-caveats.md §2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from ..amount import Unit
from ..errors import BudgetCode, DenialCode
from .access import Access
from .field import Field
from .origin import Origin

__all__ = [
    "AnyCondition",
    "Bound",
    "Condition",
    "Denial",
    "Family",
    "HandOver",
    "HandOverTerms",
    "JudgedBy",
    "LimitKind",
    "LimitTerms",
    "Place",
    "ServiceEnd",
    "caveat_of",
    "value_in",
]

Value = TypeVar("Value")

JudgedBy = Literal["service", "treasury", "both"]
"""Who knows enough to judge a condition. A service denies a condition of the treasury as unknown. A
condition of the service is denied by every authority that is no service, and a holder cannot
foretell the verdict.
"""

Bound = Literal["place", "time", "spend"]
"""The bounds that every minted credential needs; ``"spend"`` only if it can pay."""

LimitKind = Literal["spend", "uses"]


class Denial(NamedTuple):
    """The reason against an access: what the caveat allows, and what was needed."""

    have: str
    need: str


class Place(NamedTuple):
    """Facts of the chain around one caveat, which some conditions need."""

    payment_hash: str
    """Hex; from the identifier, never from a caveat."""
    agents_after: int
    """How many caveats that open a node follow this one."""


class LimitTerms(NamedTuple):
    """What a counted limit counts: amounts of one unit, or requests."""

    kind: LimitKind
    max: int
    unit: Unit | None = None
    """Of a limit on spending."""
    window_seconds: int | None = None
    """``None`` counts over the whole life of the credential."""


class HandOverTerms(NamedTuple):
    """The origin and the end of a hand-over."""

    origin: Origin
    until: float
    """Unix seconds; the treasury's own end for a hand-over."""


class ServiceEnd(NamedTuple):
    """Unix seconds after which the credential allows nothing at one service."""

    service: str
    until: int


HandOver: TypeAlias = (
    Literal["dropped", "relay"] | Callable[[Sequence[Value], HandOverTerms], Sequence[str]]
)
"""What becomes of an agent's caveats if a treasury hands the agent a credential of the service.
spec/4-purchase.md §5.

``"dropped"``: the treasury judged them before it paid. ``"relay"``: neither can judge them for the
other, so nothing is handed over. A function: returns the values that the service must enforce, from
the values of all caveats of this condition.
"""


# Without slots: `Condition[int](…)` notes its type on the object.
@dataclass(frozen=True, kw_only=True, eq=False)
class Condition(Generic[Value]):
    """Every fact about one condition, whose values are read as ``Value``."""

    name: str
    judged_by: JudgedBy
    hand_over: HandOver[Value]
    parse: Callable[[str], Value | None]
    """Returns ``None`` for a text that is not of this condition's form, which denies."""
    words: Callable[[Value, float], Sequence[str]]
    """What a value allows, in lines for people. The second argument is now, in Unix seconds."""
    fields: tuple[Field, ...] = ()
    """The keys of a scope that it is written from."""
    unit: Unit | None = None
    """The unit of the amounts that it limits."""
    bound: Bound | None = None
    code: DenialCode | BudgetCode | None = None
    """The code of its denials, and of those of its limit; ``None`` if it never denies."""
    is_secret: bool = False
    """Its value is never shown, logged or stored in words."""
    prohibits: Callable[[Value, Access, Place], Denial | None] | None = None
    """The reason against this access, if there is one. Judged on every request; knows no state."""
    limit: Callable[[Value], LimitTerms] | None = None
    """The limit that a ledger counts, under the id of this place in the chain."""
    opens: Callable[[Value], str] | None = None
    """The name of the agent whose node it opens."""
    ends: Callable[[Value], int] | None = None
    """Unix seconds after which the credential allows nothing."""
    services_of: Callable[[Value], Sequence[str]] | None = None
    """The services that it is for."""
    ends_at: Callable[[Value], ServiceEnd] | None = None
    covers: Callable[[Value, Value], bool] | None = None
    """Whether the first allows everything that the second allows. Without it, no scope is refused
    as wider for this condition.
    """
    meets: Callable[[Value, Value], bool] | None = None
    """Whether one request can satisfy both. Without it, any two may."""
    is_one_endpoint: Callable[[Value], bool] | None = None
    """Whether it allows one method at one path only; with GET also HEAD."""


AnyCondition: TypeAlias = Condition[Any]
"""A condition with any type of value, as the table lists it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """Conditions that share a suffix; each is named after a service."""

    suffix: str
    of: Callable[[str, str], AnyCondition]
    """The condition of a service, from the service's name and its own."""
    fields: tuple[Field, ...] = ()


def caveat_of(condition: AnyCondition, value: object) -> str:
    """The text of a caveat."""
    return f"{condition.name}={value}"


def value_in(condition: AnyCondition, caveat: str) -> str | None:
    """The value of a caveat of this condition; ``None`` for a caveat of another one."""
    start = f"{condition.name}="
    return caveat[len(start) :] if caveat.startswith(start) else None
