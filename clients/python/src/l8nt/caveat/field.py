"""A key of a scope: how its value becomes caveats. spec/2-caveats.md §1."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NamedTuple, cast

from ..amount import Amount, Unit, read_amount, unit_name
from .integer import MAX_SAFE

__all__ = ["Field", "WriteTerms", "duration_seconds"]


class WriteTerms(NamedTuple):
    """What a scope is compiled with."""

    now: float
    """Unix seconds; what durations count from."""
    nonce: str | None
    """16 hex digits; keeps two agents of one name apart. Random if it is ``None``."""


class Field(NamedTuple):
    """One key, and the writer of its caveats."""

    key: str
    write: Callable[[object, WriteTerms], list[str]]
    """Returns the caveats of a value. Raises ``TypeError`` or ``ValueError`` that names the key."""


def plain(value: object) -> object:
    """The value of a scope without types of the caller's own, such as a member of ``class
    Role(str, Enum)``: what such an object says of itself may be another text than it is.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__int__(value)
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in cast("Sequence[object]", value)]
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value).items()
        return {plain(key): plain(one) for key, one in entries}
    return value


def read_amounts(amounts: object, what: str) -> tuple[Amount, ...]:
    """Read an amount, or a list of amounts of different units."""
    if not isinstance(amounts, (list, tuple)):
        return (read_amount(amounts, what),)
    read = tuple(read_amount(text, what) for text in cast("list[object]", amounts))
    if not read:
        raise ValueError(f"{what} is an empty list; give an amount")
    seen: set[Unit] = set()
    for unit, _ in read:
        if unit in seen:
            raise ValueError(
                f"{what} has two amounts in {unit_name(unit)}; give at most one for each unit"
            )
        seen.add(unit)
    return read


def write_amounts(key: str, unit: Unit, name: str) -> Field:
    """The field that writes the amount of ``unit`` to the condition ``name``."""

    def write(amounts: object, _: WriteTerms) -> list[str]:
        if isinstance(amounts, str):
            unit_of_it, value = read_amount(amounts, key)
            return [f"{name}={value}"] if unit_of_it == unit else []
        return [f"{name}={value}" for one, value in read_amounts(amounts, key) if one == unit]

    return Field(key, write)


def write_count(key: str, name: str) -> Field:
    """The field of a whole number."""

    def write(count: object, _: WriteTerms) -> list[str]:
        if not isinstance(count, int) or isinstance(count, bool):
            raise TypeError(f"{key} must be a whole number, 0 or more")
        if not 0 <= count <= MAX_SAFE:
            raise ValueError(f"{key} must be a whole number, 0 or more")
        return [f"{name}={count}"]

    return Field(key, write)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


def write_date(key: str, name: str) -> Field:
    """The field of a date, which becomes Unix seconds."""

    def write(date: object, _: WriteTerms) -> list[str]:
        what = (
            f"{key} must be a datetime with a time zone, such as "
            "datetime(2030, 1, 1, tzinfo=timezone.utc)"
        )
        if not isinstance(date, datetime):
            raise TypeError(what)
        # A date without a zone would be another instant on another machine.
        if date.utcoffset() is None:
            raise ValueError(what)
        seconds = (date - _EPOCH) // timedelta(seconds=1)
        if seconds < 0:
            raise ValueError(f"{key} must be a datetime after 1970")
        return [f"{name}={seconds}"]

    return Field(key, write)


class Entry(NamedTuple):
    """What a list of a scope holds."""

    read: Callable[[str], str | None]
    """Returns the canonical text; ``None`` for a text that is no entry."""
    form: str
    """What messages call the entries, with an example."""


def entry_like(pattern: re.Pattern[str], form: str) -> Entry:
    """Entries that a pattern matches, which have one spelling."""

    def read(text: str) -> str | None:
        return text if pattern.fullmatch(text) else None

    return Entry(read, form)


def canonical_list(entries: object, what: str, entry: Entry) -> list[str]:
    """The canonical entries of a list. Each entry is read by itself, because a separator inside one
    would otherwise add a second entry.
    """
    if not isinstance(entries, (list, tuple)):
        raise TypeError(f"{what} must be a list of {entry.form}")
    return [canonical(text, what, entry) for text in cast("list[object]", entries)]


def canonical(text: object, what: str, entry: Entry) -> str:
    """The canonical text of one entry."""
    if not isinstance(text, str):
        raise TypeError(f"{what} has a {type(text).__name__}; it lists {entry.form}")
    read = entry.read(text)
    if read is None:
        shown = json.dumps(text, ensure_ascii=False)
        raise ValueError(f"{what} has {shown}; it lists {entry.form}")
    return read


def write_list(key: str, name: str, entry: Entry, separator: str = ",") -> Field:
    """The field of a list."""

    def write(entries: object, _: WriteTerms) -> list[str]:
        return [f"{name}={separator.join(canonical_list(entries, key, entry))}"]

    return Field(key, write)


def write_one(key: str, name: str, entry: Entry) -> Field:
    """The field of a single entry."""

    def write(text: object, _: WriteTerms) -> list[str]:
        return [f"{name}={canonical(text, key, entry)}"]

    return Field(key, write)


def read_list(text: str, entry: re.Pattern[str]) -> tuple[str, ...] | None:
    """Entries joined by commas; ``None`` if one of them is not of its form."""
    entries = tuple(text.split(",")) if text else ()
    return entries if all(map(entry.fullmatch, entries)) else None


_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@lru_cache(maxsize=256)
def _duration(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    return None if match is None else int(match[1]) * _SECONDS[match[2]]


def duration_seconds(duration: object, what: str) -> int:
    """The seconds of a duration such as ``"30s"``, ``"15m"``, ``"1h"`` or ``"7d"``.

    Raises ``TypeError`` for anything but a text, and ``ValueError`` for a text that is no
    duration; both name the argument ``what``.
    """
    if not isinstance(duration, str):
        raise TypeError(f'{what} must be a duration such as "30s", "15m", "1h" or "7d"')
    seconds = _duration(duration)
    if seconds is None:
        raise ValueError(f'{what} must be a duration such as "30s", "15m", "1h" or "7d"')
    return seconds
