"""``endpoints``: which requests. spec/2-caveats.md §3."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from ..access import Access
from ..condition import AnyCondition, Condition, Denial, HandOverTerms, Place
from ..datalog import OWN_AFFAIRS, Check, Query, apply, check, fact, query, text, variable
from ..endpoint import (
    EndpointPattern,
    covers_endpoint,
    endpoint_at,
    endpoints_meet,
    is_one_endpoint,
    matches_endpoint,
    read_endpoint,
    read_endpoints,
)
from ..endpoint_regex import endpoints_regex
from ..field import Entry, write_list
from ..origin import Origin, format_origin

Patterns = tuple[EndpointPattern, ...]

_NAME: Final = "endpoints"
_HOST: Final = re.compile(r"(?<=://)[^/]+")
_BLANKS: Final = " \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)


@lru_cache(maxsize=1024)
def _canonical(text: str) -> str | None:
    """People write a host in any case and a default port; the caveat holds the canonical form."""
    written = _HOST.sub(lambda host: host[0].lower(), text.strip(_BLANKS), count=1)
    pattern = read_endpoint(written)
    return None if pattern is None else pattern.text


_ENTRY: Final = Entry(
    _canonical, 'methods, origin and path, such as "GET https://api.example/search/*"'
)


def endpoints_at(values: Sequence[Patterns], origin: Origin) -> list[str]:
    """The values as they are at one origin, which is written out in each entry."""
    written = ([endpoint_at(pattern, origin) for pattern in patterns] for patterns in values)
    return [";".join(filter(None, entries)) for entries in written]


def _hand_over(values: Sequence[Patterns], terms: HandOverTerms) -> list[str]:
    # Patterns of other origins are not shown to the service.
    return endpoints_at(values, terms.origin)


def _prohibits(patterns: Patterns, access: Access, _: Place) -> Denial | None:
    target = access.target
    if target == "self":
        return None
    for pattern in patterns:
        if matches_endpoint(pattern, target):
            return None
    return Denial(
        "; ".join(pattern.text for pattern in patterns) or "no endpoint at all",
        f"{target.method} {format_origin(target.origin)}{target.path}",
    )


def _covers(outer: Patterns, inner: Patterns) -> bool:
    same = set(outer)
    return all(
        pattern in same or any(covers_endpoint(other, pattern) for other in outer)
        for pattern in inner
    )


endpoints: Final = Condition[Patterns](
    name=_NAME,
    judged_by="both",
    hand_over=_hand_over,
    bound="place",
    fields=(write_list("endpoints", _NAME, _ENTRY, ";"),),
    code="ERR_ENDPOINT",
    parse=read_endpoints,
    prohibits=_prohibits,
    covers=_covers,
    meets=lambda one, other: any(
        endpoints_meet(pattern, theirs) for pattern in one for theirs in other
    ),
    is_one_endpoint=lambda patterns: len(patterns) == 1 and is_one_endpoint(patterns[0]),
    words=lambda patterns, _now: [one.text for one in patterns] or ["no endpoint at all"],
)


def endpoints_check(patterns: Patterns, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    queries: list[Query] = []
    if patterns:
        steps = apply(variable("a"), "matches", text(endpoints_regex(patterns)))
        queries.append(query([fact("access", variable("a"))], *steps))
    return check(*queries, query([OWN_AFFAIRS]))
