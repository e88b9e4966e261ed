"""``<service>_capabilities``: what may be done at one service. Says nothing about other
services.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol, cast

from ..access import Access
from ..condition import AnyCondition, Condition, Denial, Family, Place
from ..datalog import OWN_AFFAIRS, Check, Query, apply, check, fact, query, set_of, variable
from ..elsewhere import elsewhere
from ..field import Field, WriteTerms, canonical_list, entry_like, read_list
from ..service_name import is_service_name

Names = tuple[str, ...]

_SUFFIX: Final = "_capabilities"
# Visible ASCII without the comma: a capability is repeated in denials, where a line break or an
# escape would forge a log.
_CAPABILITY: Final = re.compile(r"[!-+\x2d-~]+")
_ENTRY: Final = entry_like(_CAPABILITY, 'capabilities, such as "loop_out"')


def _write(by_service: object, _: WriteTerms) -> list[str]:
    if not isinstance(by_service, Mapping):
        raise TypeError('capabilities must be a dict, such as {"lightning_loop": ["loop_out"]}')
    caveats: list[str] = []
    entries = cast("Mapping[object, object]", by_service).items()
    # Languages list the keys of an object in different orders.
    for service, names in sorted(entries, key=lambda entry: str(entry[0])):
        if not isinstance(service, str) or not is_service_name(service):
            shown = json.dumps(service, ensure_ascii=False, default=repr)
            raise ValueError(f"capabilities: {shown} is not the name of a service")
        written = canonical_list(names, f"capabilities.{service}", _ENTRY)
        caveats.append(f"{service}{_SUFFIX}={','.join(written)}")
    return caveats


_FIELDS: Final = (Field("capabilities", _write),)


@lru_cache(maxsize=256)
def _of(service: str, name: str) -> AnyCondition:
    def prohibits(capabilities: Names, access: Access, _: Place) -> Denial | None:
        if access.target == "self" or access.service != service:
            return None
        if access.capability is not None and access.capability in capabilities:
            return None
        return Denial(
            ", ".join(capabilities) or "no capability at all",
            "a credential that names no capabilities"
            if access.capability is None
            else access.capability,
        )

    def words(capabilities: Names, _now: float) -> Sequence[str]:
        shown = capabilities or ("no capability at all",)
        return [f"at {service}: {capability}" for capability in shown]

    return Condition[Names](
        name=name,
        judged_by="service",
        hand_over="relay",
        fields=_FIELDS,
        code="ERR_CAPABILITY",
        parse=lambda text: read_list(text, _CAPABILITY),
        prohibits=prohibits,
        covers=lambda outer, inner: set(outer).issuperset(inner),
        words=words,
    )


class _HasNames(Protocol):
    def has_name(self, name: str) -> bool: ...


def names_capabilities(chain: _HasNames, service: str) -> bool:
    """Whether a credential limits the capabilities of this service. If it does not, it allows all
    of them.
    """
    return chain.has_name(f"{service}{_SUFFIX}")


capabilities: Final = Family(suffix=_SUFFIX, fields=_FIELDS, of=_of)


def capabilities_check(names: Names, condition: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    queries: list[Query] = []
    if names:
        steps = apply(set_of(names), "contains", variable("c"))
        queries.append(query([fact("capability", variable("c"))], *steps))
    service = condition.name.removesuffix(_SUFFIX)
    return check(elsewhere(service), *queries, query([OWN_AFFAIRS]))
