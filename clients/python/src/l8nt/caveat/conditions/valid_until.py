"""``valid_until`` and ``<service>_valid_until``: the end of a credential, and its end at one
service.
"""

from __future__ import annotations

from functools import lru_cache
from math import floor
from typing import Final

from ..access import Access
from ..condition import AnyCondition, Condition, Denial, Family, Place, ServiceEnd
from ..datalog import Check, Query, apply, check, date, fact, query, variable
from ..elsewhere import elsewhere
from ..field import Field, WriteTerms, duration_seconds, write_date
from ..instant import format_distance, format_instant
from ..integer import format_unix_seconds, read_unix_seconds

_NAME: Final = "valid_until"


def _prohibits(until: int, access: Access, _: Place) -> Denial | None:
    if access.now < until:
        return None
    return Denial(
        f"a credential that ended at {format_unix_seconds(until)}",
        f"one that is valid at {format_unix_seconds(access.now)}",
    )


def _write_duration(duration: object, terms: WriteTerms) -> list[str]:
    return [f"{_NAME}={floor(terms.now) + duration_seconds(duration, 'expires_in')}"]


def _words(until: int, now: float) -> str:
    return f"until {format_instant(until)} ({format_distance(until - now)})"


valid_until: Final = Condition[int](
    name=_NAME,
    judged_by="both",
    # One caveat for all: the agent's own end or that of the hand-over, the earlier one.
    hand_over=lambda values, terms: [str(floor(min([terms.until, *values])))],
    bound="time",
    fields=(write_date("expires_at", _NAME), Field("expires_in", _write_duration)),
    code="ERR_EXPIRED",
    parse=read_unix_seconds,
    prohibits=_prohibits,
    ends=lambda until: until,
    words=lambda until, now: [_words(until, now)],
)


@lru_cache(maxsize=256)
def _of(service: str, name: str) -> AnyCondition:
    return Condition[int](
        name=name,
        judged_by="service",
        hand_over="relay",
        code="ERR_EXPIRED",
        parse=read_unix_seconds,
        prohibits=lambda until, access, place: (
            _prohibits(until, access, place) if access.service == service else None
        ),
        ends_at=lambda until: ServiceEnd(service, until),
        words=lambda until, now: [f"at {service} {_words(until, now)}"],
    )


service_valid_until: Final = Family(suffix=f"_{_NAME}", of=_of)
"""Says nothing about other services."""


def _until_query(until: int) -> Query:
    return query([fact("time", variable("t"))], *apply(variable("t"), "<", date(until)))


def valid_until_check(until: int, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    return check(_until_query(until))


def service_valid_until_check(until: int, condition: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    service = condition.name.removesuffix(service_valid_until.suffix)
    return check(elsewhere(service), _until_query(until))
