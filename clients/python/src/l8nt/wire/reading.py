"""Reads a value of JSON by the type that the OpenAPI document gives it. spec/4-purchase.md §7."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin

from typing_extensions import NotRequired, get_type_hints, is_typeddict

T = TypeVar("T")
Query = TypeVar("Query")
Body = TypeVar("Body")
Answer = TypeVar("Answer")


class UnreadableAnswer(ValueError):
    """A message that is not as it is declared. The text names the field, and not its value."""


class Rule:
    """What a type says of a value beside its kind."""

    __slots__ = ("fits", "must")

    def __init__(self, must: str, fits: Callable[[Any], bool]) -> None:
        self.must = must
        self.fits = fits


def matches(pattern: str) -> Rule:
    """All of a text matches."""
    return Rule(
        f"match {pattern}",
        lambda text: re.fullmatch(pattern, text, re.ASCII) is not None,
    )


def within(least: float, most: float) -> Rule:
    """A number from ``least`` to ``most``."""
    return Rule(f"be from {least} to {most}", lambda number: least <= number <= most)


class Message(Generic[Query, Body, Answer]):
    """A message of an HTTP API: where it is sent, and what goes in and comes out."""

    __slots__ = ("answer", "method", "path")

    def __init__(self, method: str, path: str, answer: type[Answer]) -> None:
        self.method = method
        self.path = path
        self.answer = answer

    def read(self, value: object) -> Answer:
        """What an answer says. Raises UnreadableAnswer."""
        return read(self.answer, value)


def read(kind: type[T], value: object) -> T:
    """The value as its type declares it. What a newer end adds is left out.

    Raises UnreadableAnswer.
    """
    return cast("T", _reader(kind)(value, "", False))


def known(kind: type[T], value: object) -> T:
    """Whatever is as declared of an object whose writer may be of another version, or another
    program. Any field may lack, required or not: test for it with ``in``.
    """
    is_object = isinstance(value, dict)
    return cast("T", _reader(kind)(cast("object", value) if is_object else {}, "", True))


_Reader = Callable[[object, str, bool], object]
"""Takes a value, its place, and whether an optional field that is not as declared is left out."""


def _fault(place: str, must: str) -> UnreadableAnswer:
    return UnreadableAnswer(f'field "{place}" must {must}' if place else f"it must {must}")


@cache
def _reader(kind: Any) -> _Reader:
    """What reads values of a type."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _ruled(_reader(parts[0]), parts[1:])
    if origin is NotRequired:
        return _reader(parts[0])
    if origin is Literal:
        return _literal(parts)
    if origin in (Union, types.UnionType):
        return _union([_reader(one) for one in parts])
    if origin is tuple:
        return _tuple([_reader(one) for one in parts])
    if origin in _LISTS:
        return _list(_reader(parts[0]))
    if origin in _MAPPINGS:
        return _simple("be an object", lambda value: isinstance(value, dict))
    if is_typeddict(kind):
        return _object(kind)
    return _whole if kind is int else _simple(*_SIMPLE[kind])


_LISTS = (Sequence, list)
_MAPPINGS = (Mapping, dict)
_SIMPLE: dict[Any, tuple[str, Callable[[object], bool]]] = {
    str: ("be a string", lambda value: isinstance(value, str)),
    bool: ("be true or false", lambda value: isinstance(value, bool)),
    float: ("be a number", lambda value: type(value) in (int, float)),
    type(None): ("be null", lambda value: value is None),
}


def _simple(must: str, fits: Callable[[object], bool]) -> _Reader:
    def of(value: object, place: str, _: bool) -> object:
        if not fits(value):
            raise _fault(place, must)
        return value

    return of


def _whole(value: object, place: str, _: bool) -> object:
    # Another language may write 1 as 1.0, which is the same number in JSON.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if type(value) is not int:
        raise _fault(place, "be a whole number")
    return value


def _ruled(plain: _Reader, rules: Sequence[Rule]) -> _Reader:
    def of(value: object, place: str, lenient: bool) -> object:
        found = plain(value, place, lenient)
        for rule in rules:
            if not rule.fits(found):
                raise _fault(place, rule.must)
        return found

    return of


def _literal(values: Sequence[object]) -> _Reader:
    return _simple(
        f"be one of {', '.join(map(str, values))}",
        lambda value: any(type(value) is type(one) and value == one for one in values),
    )


def _union(readers: Sequence[_Reader]) -> _Reader:
    *others, last = readers

    def of(value: object, place: str, lenient: bool) -> object:
        for reader in others:
            with suppress(UnreadableAnswer):
                return reader(value, place, lenient)
        return last(value, place, lenient)

    return of


def _tuple(readers: Sequence[_Reader]) -> _Reader:
    def of(value: object, place: str, lenient: bool) -> object:
        if not isinstance(value, list) or len(items := cast("list[object]", value)) != len(readers):
            raise _fault(place, f"be a list of {len(readers)}")
        return tuple(
            reader(item, f"{place}[{at}]", lenient)
            for at, (reader, item) in enumerate(zip(readers, items, strict=True))
        )

    return of


def _list(reader: _Reader) -> _Reader:
    def of(value: object, place: str, lenient: bool) -> object:
        if not isinstance(value, list):
            raise _fault(place, "be a list")
        items = cast("list[object]", value)
        return [reader(item, f"{place}[{at}]", lenient) for at, item in enumerate(items)]

    return of


def _object(kind: Any) -> _Reader:
    hints = get_type_hints(kind, vars(sys.modules[kind.__module__]), include_extras=True)
    fields = [
        (name, _reader(hint), get_origin(hint) is not NotRequired) for name, hint in hints.items()
    ]

    def of(value: object, place: str, lenient: bool) -> object:
        if not isinstance(value, dict):
            raise _fault(place, "be an object")
        given = cast("dict[str, object]", value)
        # At its own place, and not in one of its fields, a lenient reader needs nothing.
        needs_all = not (lenient and not place)
        found: dict[str, object] = {}
        for name, reader, is_required in fields:
            at = f"{place}.{name}" if place else name
            if name not in given:
                if is_required and needs_all:
                    raise UnreadableAnswer(f'field "{at}" is missing')
                continue
            try:
                found[name] = reader(given[name], at, lenient)
            except UnreadableAnswer:
                if not lenient or (is_required and needs_all):
                    raise
        return found

    return of
