"""The grammar of challenges (RFC 9110 §11): a linear reader, item by item."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TOKEN68 = re.compile(r" *([A-Za-z0-9+/._~:-]+=*)(?=,|\Z)")
_BLANK = re.compile(r"[ \t,]*")
# A bare value may hold base64, which has more characters than a token; servers send it unquoted.
_SPACES = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_BARE = re.compile(rf'[^{_SPACES}",;]+')
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_QUOTED = re.compile(r'"([^"\\]*(?:\\[^\n\r\u2028\u2029][^"\\]*)*)"')
_ESCAPE = re.compile(r"\\([^\n\r\u2028\u2029])")
_NO_BOUNDARY = re.compile(r'[^",]+')
_COMMAS = re.compile(r",[ \t,]*")
"""A run of commas: taken whole, so that a long one is read once."""
_ITEM = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+ +[A-Za-z0-9!#$%&'*+.^_`|~-]+[ \t]*=")
"""A scheme with a parameter. After a comma it ends an unreadable item."""


@dataclass(slots=True)
class AuthItem:
    """One challenge. Its ``repr`` shows no value."""

    scheme: str
    """Lower case: schemes are case-insensitive."""
    token68: str | None = field(default=None, repr=False)
    """What follows the scheme, if it is not parameters."""
    parameters: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]], repr=False)
    """In order, duplicates and all. Names in lower case."""
    is_broken: bool = False
    """Something in it cannot be read. ``parameters`` has what comes before that."""

    def values(self, name: str) -> list[str]:
        """The different values of a parameter, in order."""
        return list(dict.fromkeys(value for key, value in self.parameters if key == name))


def read_challenges(text: str) -> list[AuthItem]:
    """Reads a ``WWW-Authenticate`` value, or several joined by commas, as servers really write
    them: commas may be missing between parameters, schemes may share a line. Values may have any
    characters. Where an item cannot be read without guessing, it is broken, and reading goes on at
    the next scheme that is outside of quotes.
    """
    items: list[AuthItem] = []
    at = _end(_BLANK, text, 0)
    while at < len(text):
        after = _read_part(text, at, items)
        if after is None:
            if not items:
                items.append(AuthItem(""))
            items[-1].is_broken = True
            after = _next_item(text, at)
        at = _end(_BLANK, text, after)
    return items


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where the match at this place ends; the place itself if there is none."""
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _read_part(text: str, at: int, items: list[AuthItem]) -> int | None:
    """Reads one scheme or one parameter; ``None`` if it cannot be read."""
    name = _TOKEN.match(text, at)
    if name is None:
        return None
    equals = _EQUALS.match(text, name.end())
    if equals is None:
        token68 = _TOKEN68.match(text, name.end())
        item = AuthItem(name[0].lower(), None if token68 is None else token68[1])
        items.append(item)
        return name.end() if token68 is None else token68.end()
    if not items:
        return None
    start = equals.end()
    if text.startswith('"', start):
        quoted = _QUOTED.match(text, start)
        if quoted is None:
            return None
        value, end = _ESCAPE.sub(r"\1", quoted[1]), quoted.end()
    else:
        bare = _BARE.match(text, start)
        if bare is None:
            return None
        value, end = bare[0], bare.end()
    items[-1].parameters.append((name[0].lower(), value))
    return end


def _next_item(text: str, at: int) -> int:
    """Where the next item begins, or the end. A quoted text is skipped whole."""
    while at < len(text):
        commas = _COMMAS.match(text, at)
        if commas is not None:
            at = commas.end()
            if _ITEM.match(text, at):
                return at
            continue
        after = _end(_NO_BOUNDARY, text, at)
        if after == at:
            after = _end(_QUOTED, text, at)
        # A quote that stays open hides all that follows.
        at = len(text) if after == at else after
    return at
