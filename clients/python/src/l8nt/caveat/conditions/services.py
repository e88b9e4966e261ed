"""``services``: which L402 services, by the names that they give themselves."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..access import Access
from ..condition import AnyCondition, Condition, Denial, Place
from ..datalog import OWN_AFFAIRS, Check, Query, apply, check, fact, query, set_of, variable
from ..field import Entry, write_list
from ..integer import read_integer
from ..service_name import is_any_service_name, is_service_name


class Service(NamedTuple):
    """One entry of the condition."""

    name: str
    tier: str
    """An integer; not judged."""


Services = tuple[Service, ...]

_NAME: Final = "services"


def _parse(text: str) -> Services | None:
    """``name:tier,name:tier``; ``None`` for anything else."""
    entries: list[Service] = []
    for entry in text.split(",") if text else ():
        name, colon, tier = entry.partition(":")
        if not colon or not is_any_service_name(name) or read_integer(tier) is None:
            return None
        entries.append(Service(name, tier))
    return tuple(entries)


def _canonical(text: str) -> str | None:
    entry = text if ":" in text else f"{text}:0"
    read = _parse(entry)
    is_one = read is not None and len(read) == 1 and is_service_name(read[0].name)
    return entry if is_one else None


_ENTRY: Final = Entry(_canonical, 'services, such as "lightning_loop:0"')


def _prohibits(entries: Services, access: Access, _: Place) -> Denial | None:
    service = access.service
    if access.target == "self":
        return None
    if service is not None and any(entry.name == service for entry in entries):
        return None
    return Denial(
        ", ".join(entry.name for entry in entries) or "no service at all",
        "a credential that names no service" if service is None else service,
    )


services: Final = Condition[Services](
    name=_NAME,
    judged_by="service",
    hand_over="relay",
    bound="place",
    fields=(write_list("services", _NAME, _ENTRY),),
    code="ERR_SERVICE",
    parse=_parse,
    prohibits=_prohibits,
    services_of=lambda entries: [entry.name for entry in entries],
    covers=lambda outer, inner: set(outer).issuperset(inner),
    words=lambda entries, _now: (
        [f"service {name}:{tier}" for name, tier in entries] or ["no service at all"]
    ),
)


def services_check(entries: Services, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    queries: list[Query] = []
    if entries:
        steps = apply(set_of(entry.name for entry in entries), "contains", variable("s"))
        queries.append(query([fact("service", variable("s"))], *steps))
    return check(*queries, query([OWN_AFFAIRS]))
