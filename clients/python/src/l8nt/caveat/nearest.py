"""Finds the name that a misspelt one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest"]

_MAX_CHARACTERS = 64
"""A longer name is no misspelling, and would take long to compare."""


def nearest(typed: str, names: Iterable[str]) -> str | None:
    """The name with the fewest edits to ``typed``; ``None`` if every name is too far from it."""
    if len(typed) > _MAX_CHARACTERS:
        return None
    best: str | None = None
    fewest = max(2, len(typed) // 3) + 1
    for name in names:
        edits = _edits_between(typed, name)
        if edits < fewest:
            best, fewest = name, edits
    return best


def _edits_between(one: str, other: str) -> int:
    """Levenshtein distance, in one row."""
    row = list(range(len(other) + 1))
    for letter in one:
        before, row[0] = row[0], row[0] + 1
        for at, theirs in enumerate(other, 1):
            replaced = before + (letter != theirs)
            before = row[at]
            row[at] = min(row[at - 1] + 1, before + 1, replaced)
    return row[-1]
