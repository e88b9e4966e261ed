"""Canonical JSON: JCS (RFC 8785), for the values that receipts and pages of the feed have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn, cast

_MAX_SAFE = 2**53 - 1


def parse_json(text: str) -> Any:
    """What a JSON text says. Numbers that are whole are ``int``, in whatever form they stand there.

    Raises ValueError for anything else than JSON, and never shows the text.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_number)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _number(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number


def canonical(value: object) -> str:
    """The canonical text: members in the order of their names' UTF-16 code units, no white space,
    the shortest escapes. Numbers must be whole and such as a double holds exactly, because receipts
    have no fractions.

    Raises TypeError for any other value: a fraction, a lone surrogate, lists nested too deep.
    """
    try:
        return _text(value)
    except RecursionError:
        raise TypeError("no canonical text: it is nested too deep") from None


def _text(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) <= _MAX_SAFE:
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_text, cast('Sequence[object]', value)))}]"
    if isinstance(value, dict):
        return f"{{{','.join(_members(cast('dict[str, object]', value)))}}}"
    raise TypeError("no canonical text: only strings, safe integers, booleans, None, lists, dicts")


def _members(value: dict[str, object]) -> list[str]:
    return [f"{_string(name)}:{_text(value[name])}" for name in sorted(value, key=_utf16)]


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _string(text: str) -> str:
    if any("\ud800" <= one <= "\udfff" for one in text):
        raise TypeError("no canonical text: a string has a lone surrogate")
    # Python's escapes are those of RFC 8785 §3.2.2.2.
    return json.dumps(text, ensure_ascii=False)
