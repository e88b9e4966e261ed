"""Removes credentials from a text that came from elsewhere, such as the answer of a service that
repeats its request, before a model or a log sees it.
"""

from __future__ import annotations

import re
from typing import Final

# Matches the end of a credential: a pattern for the whole would take quadratic time on long runs
# of letters.
_PREIMAGE: Final = re.compile(
    r"(?:=|%3d|\\u003d){0,2}(?::|%3a)[0-9a-f]{64}(?![0-9a-f])", re.ASCII | re.IGNORECASE
)
_MACAROON: Final = re.compile(r"[A-Za-z0-9+/_%\\-]")
_SHORTEST_MACAROON: Final = 80


def without_credentials(text: str) -> str:
    """The text with a placeholder instead of each credential."""
    shown: list[str] = []
    begin = 0
    for found in _PREIMAGE.finditer(text):
        start = found.start()
        while start > begin and _MACAROON.match(text, start - 1):
            start -= 1
        if found.start() - start < _SHORTEST_MACAROON:
            continue
        shown += (text[begin:start], "(a credential, not shown)")
        begin = found.end()
    return "".join((*shown, text[begin:]))
