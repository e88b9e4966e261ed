"""Cuts what a credential may spend into parts for several holders. spec/9-public-key.md §7."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple, cast

from ..amount import Amount, format_amount, unit_name
from ..caveat import (
    CaveatChain,
    ChainLimit,
    Scope,
    caps_of_other_units,
    check_mapping,
    compile_scope,
    ledger,
    nearest,
    treasury_vocabulary,
)
from ..caveat.window import window_words
from ..credential import Credential
from ..errors import Refusal, denied
from .body import BiscuitBody
from .uncounted import uncounted_limits

_VOCABULARY = treasury_vocabulary()
_LIMITS = (
    "budget",
    "budget_per_hour",
    "budget_per_day",
    "budget_per_month",
    "max_uses",
    "max_uses_per_minute",
    "max_uses_per_hour",
    "max_uses_per_day",
)
"""The keys of a scope that limit what is spent and used."""


class _Slice(NamedTuple):
    name: str
    """In messages."""
    credential: Credential
    limits: tuple[ChainLimit, ...]
    """Its own, without those of what it is cut from."""


def slice_credential(
    credential: Credential,
    scopes: Sequence[Scope],
    *,
    total: Scope | None = None,
    now: float | None = None,
) -> tuple[Credential, ...]:
    """One weaker credential for each of ``scopes``, whose limits together are at most those of
    ``credential``, so no slice can spend what another was given. Works offline, for both forms.

    Every slice has a part of each limit that is held. A slice spends in the units of its part
    alone. Slices that were cut from the same credential before, here or elsewhere, are not known.

    ``total`` is the most that all slices together may spend and use, beside what the credential
    itself limits: a scope of budgets and uses. ``now``: Unix seconds that ``expires_in`` counts
    from; the system's clock by default.

    Raises TypeError and ValueError for a scope that cannot be read, and for slices that would share
    one counter; DeniedError ``ERR_SCOPE_WIDER`` for slices that are larger than what is held, or
    have no part of a limit; ``ERR_LEDGER``, ``ERR_BUDGET``, ``ERR_USES`` for one that every service
    would refuse; TokenError ``ERR_TOKEN_SEALED``, ``ERR_TOKEN_TOO_LARGE``.

    >>> weather, maps = slice_credential(credential, [
    ...     {"ledger": "https://weather.example", "budget": "300 sat"},
    ...     {"ledger": "https://maps.example", "budget": "200 sat"},
    ... ], total={"budget": "500 sat"})
    """
    whole: Scope = {} if total is None else total
    _check_total(whole)
    check_mapping(whole, "total")
    if isinstance(scopes, str | Mapping) or len(scopes) == 0:
        raise TypeError("slice_credential needs a list of scopes, one for each slice")
    at = time.time() if now is None else now
    _demand_none(_refused_everywhere(credential, "the credential"))
    slices = [_cut(credential, scope, f"slice {n}", at) for n, scope in enumerate(scopes, 1)]
    _demand_none(
        refusal for one in slices for refusal in _refused_everywhere(one.credential, one.name)
    )
    of_total = _limits_of(compile_scope(whole, now=at))
    held = _smallest((*credential.chain.limits, *of_total))
    _demand_none(
        [
            *(refusal for one in slices for refusal in _other_units(one, held)),
            *(refusal for limit in held for refusal in _too_much(limit, slices)),
        ]
    )
    _demand_own_counters(slices, len(credential.body.caveats))
    return tuple(one.credential for one in slices)


def _check_total(total: Scope) -> None:
    for key in cast("Mapping[str, object]", total):
        if key not in _LIMITS:
            meant = nearest(key, _LIMITS)
            hint = "" if meant is None else f'; did you mean "{meant}"?'
            raise TypeError(f'the total of slices has no "{key}"{hint} It has {", ".join(_LIMITS)}')


def _cut(credential: Credential, scope: Scope, name: str, now: float) -> _Slice:
    check_mapping(scope, name)
    try:
        caveats = compile_scope(scope, now=now)
        caps = caps_of_other_units(scope)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    held = set(map(str, credential.chain.texts))
    more = [cap for cap in caps if cap not in held]
    return _Slice(name, credential.append([*caveats, *more]), _limits_of(caveats))


def _limits_of(caveats: Iterable[str]) -> tuple[ChainLimit, ...]:
    return CaveatChain([one.encode() for one in caveats], _VOCABULARY, "").limits


def _smallest(limits: Sequence[ChainLimit]) -> list[ChainLimit]:
    """The smallest limit of each kind, unit and window."""
    smallest: dict[str, ChainLimit] = {}
    for limit in limits:
        other = smallest.get(limit.condition)
        if other is None or limit.max < other.max:
            smallest[limit.condition] = limit
    return [limit for limit in limits if smallest[limit.condition] is limit]


def _refused_everywhere(credential: Credential, name: str) -> list[Refusal]:
    """Why no service takes it, whatever it is asked for."""
    body, chain = credential.body, credential.chain
    first, *others = [*dict.fromkeys(chain.values(ledger))] or [""]
    if others:
        need = f"{', '.join(others)} in {name}; no limit moves to another service"
        return [Refusal("ERR_LEDGER", ledger.name, first, need)]
    if not isinstance(body, BiscuitBody):
        return []
    need = f"a `ledger` with or above the limit in {name}, or every service refuses it"
    return [
        Refusal(one.code, one.condition, one.have, need, one.node)
        for one in uncounted_limits(body, chain, _VOCABULARY)
    ]


def _other_units(one: _Slice, held: Sequence[ChainLimit]) -> list[Refusal]:
    """Its budgets in units that nothing is held in, where something is held in another one."""
    units = {limit.unit for limit in held if limit.unit is not None}
    return [
        Refusal(
            "ERR_SCOPE_WIDER",
            limit.condition,
            f"no budget in {unit_name(limit.unit)}",
            f"{_count(limit, limit.max)} in {one.name}",
        )
        for limit in one.limits
        if limit.unit is not None and units and limit.unit not in units
    ]


def _part_of(limit: ChainLimit, one: _Slice) -> int | None:
    """What it may at most spend or use within the limit's window; ``None`` for any number."""
    parts = [
        own.max
        for own in one.limits
        if own.kind == limit.kind and own.unit == limit.unit
        # Within an hour nobody spends more than within the day that it is in.
        if _length(own.window_seconds) >= _length(limit.window_seconds)
    ]
    return min(parts, default=None)


def _length(window_seconds: int | None) -> float:
    return inf if window_seconds is None else window_seconds


def _too_much(limit: ChainLimit, slices: Sequence[_Slice]) -> list[Refusal]:
    have = f"{_count(limit, limit.max)} {window_words(limit.window_seconds)}"
    parts = [(one.name, _part_of(limit, one)) for one in slices]
    without = [name for name, part in parts if part is None]
    if without:
        return [
            Refusal(
                "ERR_SCOPE_WIDER",
                limit.condition,
                have,
                f"a part of it in {name}, for the same or a longer time",
            )
            for name in without
        ]
    given = [(name, part) for name, part in parts if part is not None]
    whole = sum(part for _, part in given)
    if whole <= limit.max:
        return []
    each = ", ".join(f"{_count(limit, part)} in {name}" for name, part in given)
    return [Refusal("ERR_SCOPE_WIDER", limit.condition, have, f"{_count(limit, whole)}: {each}")]


def _count(limit: ChainLimit, value: int) -> str:
    return str(value) if limit.unit is None else format_amount(Amount(limit.unit, value))


def _demand_own_counters(slices: Sequence[_Slice], above: int) -> None:
    """The counter of a limit is named by the caveats up to it, so slices that begin with the same
    ones would spend one part. Raises TypeError.
    """
    begins: dict[tuple[str, ...], str] = {}
    for one in slices:
        if not one.limits:
            continue
        own = one.credential.chain.texts[above:]
        first = next(at for at, text in enumerate(own) if text.condition == one.limits[0].condition)
        other = begins.setdefault(tuple(map(str, own[: first + 1])), one.name)
        if other != one.name:
            raise TypeError(f"{other} and {one.name} would share one counter: give each an `agent`")


def _demand_none(refusals: Iterable[Refusal]) -> None:
    error = denied(list(refusals))
    if error is not None:
        raise error
