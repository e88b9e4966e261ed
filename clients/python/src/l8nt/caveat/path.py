"""Paths in the one form that is compared, and those that could be read in two ways.
spec/2-caveats.md §3.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["MAX_TARGET_CHARACTERS", "read_path"]

MAX_TARGET_CHARACTERS: Final = 8192
"""Of a target with its query. RFC 9112 §3 asks for request lines of 8,000 octets to be taken, and
servers take few longer ones.
"""

_MAX_LAYERS: Final = 3
"""How often a path may be encoded: one more would be decoded by no chain of proxies."""

_PLAIN_CHARS: Final = "[A-Za-z0-9_~!$&'()*+,=:@-]+"
_PLAIN_PATH: Final = re.compile(rf"(?:/{_PLAIN_CHARS}(?:\.{_PLAIN_CHARS})*)+")
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_TRIPLET: Final = re.compile(r"%[0-9A-Fa-f]{2}")


@lru_cache(maxsize=2048)
def read_path(path: str) -> str | None:
    """The path in the one form that two spellings of it share; ``None`` if it is ambiguous."""
    if len(path) > MAX_TARGET_CHARACTERS:
        return None
    if _PLAIN_PATH.fullmatch(path):
        return path
    if not _PATH.fullmatch(path) or _is_ambiguous(path):
        return None
    return _TRIPLET.sub(_canonical, path)


def _char(triplet: re.Match[str]) -> str:
    return chr(int(triplet[0][1:], 16))


_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")


def _canonical(triplet: re.Match[str]) -> str:
    char = _char(triplet)
    return char if _UNRESERVED.fullmatch(char) else triplet[0].upper()


# `..;x` is a dot segment to a servlet container.
_DOT_SEGMENT: Final = re.compile(r"(?:^|/)\.{1,2}(?:;[^/]*)?(?=/|\Z)")
_CONTROL: Final = re.compile(r"[\\\x00-\x1f\x7f]|%2[fF]")
# Overlong UTF-8 (`%c0%ae`, `%e0%80%af`) is a dot or a slash to a lenient decoder.
_OVERLONG: Final = re.compile("[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]")


def _is_ambiguous(path: str) -> bool:
    """Decodes until nothing changes, as a careless chain of proxies would, and looks for a second
    meaning at every step. Each step goes through the whole path, so their number is bounded.
    """
    text = path
    for _ in range(_MAX_LAYERS + 1):
        if _DOT_SEGMENT.search(text) or _CONTROL.search(text) or _OVERLONG.search(text):
            return True
        decoded = _TRIPLET.sub(_char, text)
        if decoded == text:
            return False
        text = decoded
    return True
