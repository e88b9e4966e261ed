"""The elements of a list in a header field (RFC 9110 §5.6.1), whole."""

from __future__ import annotations

import re

_FIELD_TEXT = re.compile(r"[\t\x20-\x7e]*")
_STEP = re.compile(r'[,"=]')


def is_field_text(text: str) -> bool:
    """Visible ASCII, blank and tab. Anything else in a field is an injection or a mistake.
    [case 9]
    """
    return _FIELD_TEXT.fullmatch(text) is not None


def elements_of(field: str) -> list[str]:
    """Splits at the commas that are outside of quoted values. A quote opens a value behind ``=``
    alone (RFC 9110 §11.2), and one that never closes opens none: nothing is hidden by it. Linear.
    """
    if '"' not in field:
        return field.split(",")
    elements: list[str] = []
    start = at = 0
    while (step := _STEP.search(field, at)) is not None:
        at = step.end()
        if step[0] == ",":
            elements.append(field[start : step.start()])
            start = at
        elif step[0] == '"' and _opens(field, start, step.start()):
            end = _closing_quote(field, step.start())
            if end is None:
                return [*elements, *field[start:].split(",")]
            at = end + 1
    return [*elements, field[start:]]


def _opens(field: str, start: int, quote: int) -> bool:
    """Whether ``=`` stands before the quote, with blanks between them or none."""
    at = quote - 1
    while at >= start and field[at] in " \t":
        at -= 1
    return at >= start and field[at] == "="


def _closing_quote(field: str, opened: int) -> int | None:
    """RFC 9110 §5.6.4: a backslash takes the next character as it is."""
    at = opened + 1
    while at < len(field):
        if field[at] == '"':
            return at
        at += 2 if field[at] == "\\" else 1
    return None
