"""Compiles a scope to caveats: a loop over the fields of the conditions. spec/2-caveats.md §1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from .condition import Bound
from .conditions.table import CONDITIONS, FIELDS
from .field import WriteTerms, plain
from .nearest import nearest
from .scope import Scope
from .vocabulary import Vocabulary

__all__ = ["SCOPE_KEYS", "bounds_of", "check_caveats", "compile_scope"]

SCOPE_KEYS: Final[tuple[str, ...]] = tuple(dict.fromkeys(field.key for field in FIELDS))
"""The keys of a scope, in the order in which they compile."""

_KEYS: Final = frozenset(SCOPE_KEYS)


def check_keys(scope: Scope) -> None:
    """Raises ``TypeError`` for a key that no scope has, which it names."""
    if not scope.keys() <= _KEYS:
        # A misspelt limit would otherwise be no limit.
        raise TypeError(_unknown(next(key for key in scope if key not in _KEYS)))


def check_mapping(scope: Mapping[str, object], what: str) -> None:
    """Raises ``TypeError`` for a key without a value, in a scope that comes as a mapping. It may
    have been read from a file, where null is a limit that somebody forgot. ``what`` names it.
    """
    for key, value in scope.items():
        if value is None:
            raise TypeError(f"{what}: {key} is None, which limits nothing. Leave it out, or set it")


def compile_scope(scope: Scope, *, now: float, nonce: str | None = None) -> tuple[str, ...]:
    """Compile a scope to caveats, in the order in which they are appended.

    ``now``, in Unix seconds, is what durations count from. ``nonce``, 16 hex digits, keeps two
    agents of one name apart; it is random if it is ``None``.

    Raises ``TypeError`` for a key that no scope has and a value of another type, and
    ``ValueError`` for a text that cannot mean what it says: an amount without a unit, an endpoint
    that is no pattern. Both name the key.
    """
    given = cast("Mapping[str, object]", scope)
    check_keys(scope)
    if given.get("expires_in") is not None and given.get("expires_at") is not None:
        raise TypeError("a scope has expires_in or expires_at, not both")
    terms = WriteTerms(now, nonce)
    caveats: list[str] = []
    for key, write in FIELDS:
        value = plain(given.get(key))
        if value is not None:
            caveats += write(value, terms)
    for caveat in caveats:
        if not caveat.isascii():
            _check_text(caveat)
    return tuple(caveats)


def _check_text(caveat: str) -> None:
    try:
        caveat.encode()
    except UnicodeEncodeError:
        name = caveat.partition("=")[0]
        raise ValueError(f"{name} has half of a surrogate pair, which is no text") from None


def _unknown(key: object) -> str:
    text = key if isinstance(key, str) else repr(key)
    snake = re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", text)
    if snake in _KEYS:
        return f'a scope has no "{text}"; in Python it is {snake}'
    meant = nearest(text, SCOPE_KEYS)
    hint = "" if meant is None else f'; did you mean "{meant}"?'
    return f'a scope has no "{text}"{hint} It has {", ".join(SCOPE_KEYS)}'


def bounds_of(scope: Scope) -> frozenset[Bound]:
    """The bounds that a scope sets: place, time and spending."""
    given = {key for key, value in scope.items() if value is not None}
    return frozenset(
        condition.bound
        for condition in CONDITIONS
        if condition.bound is not None and any(field.key in given for field in condition.fields)
    )


def check_caveats(caveats: Sequence[str], vocabulary: Vocabulary) -> None:
    """Refuse a caveat that a verifier of this vocabulary could not read, before it is signed.

    Raises ``ValueError`` that names the condition. It shows neither the value, which may be a
    preimage, nor a name that is as long as one.
    """
    for caveat in caveats:
        name, equals, text = caveat.partition("=")
        condition = vocabulary.find(name) if equals else None
        if condition is None or condition.parse(text) is None:
            shown = name if equals and len(name) <= 40 else ""
            raise ValueError(f'cannot read caveat "{shown}"')
