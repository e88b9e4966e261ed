"""What a page of an issuer must be, and how long it is kept. spec/9-public-key.md §6."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .key_page import MAX_AGE, MAX_PAGE_BYTES, IssuerKey, page_error, read_key_page

FETCH_SECONDS = 10
_DEFAULT_AGE = 300
"""How long a page is kept that does not say it."""
_MIN_AGE = 60


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What came for the URL of a page."""

    status: int
    body: bytes
    """65,537 bytes are enough of a longer one."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By their names in any case; lines of one name are joined by a comma."""


PageFetch = Callable[[str], PageAnswer]
"""Gets a URL, in a thread of its own: follows no redirect, asks for no content coding, and ends
after 10 seconds. Raises any exception for an answer that does not come.
"""


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A good page."""

    keys: Mapping[int, IssuerKey]
    fresh_seconds: int


def read_answer(issuer: str, answer: PageAnswer) -> FetchedPage:
    """Raises AdapterError ``ERR_KEYS_…``: a code for each thing that can be wrong."""
    if 300 <= answer.status < 400 and answer.status != 304:
        raise page_error("ERR_KEYS_REDIRECT", issuer, "is a redirect, and none is followed")
    if answer.status != 200:
        raise page_error("ERR_KEYS_STATUS", issuer, f"was answered with {answer.status}")
    if len(answer.body) > MAX_PAGE_BYTES:
        raise page_error("ERR_KEYS_TOO_LARGE", issuer, f"has more than {MAX_PAGE_BYTES} bytes")
    try:
        text = answer.body.decode()
    except UnicodeDecodeError as cause:
        raise page_error("ERR_KEYS_MALFORMED", issuer, "is not UTF-8") from cause
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return FetchedPage(read_key_page(issuer, text), _freshness_of(headers))


_NOT_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:[\s,]|$)", re.IGNORECASE)
_MAX_AGE_SAID = re.compile(r'(?:^|[\s,])max-age="?([0-9]{1,9})', re.IGNORECASE)
_AGE = re.compile(r"\s*([0-9]{1,9})\s*(?:,|$)")


def _freshness_of(headers: Mapping[str, str]) -> int:
    """Seconds for which a page is fresh. A cache on the way may have kept it for a while."""
    control = headers.get("cache-control", "")
    if _NOT_KEPT.search(control):
        return _MIN_AGE
    said = _MAX_AGE_SAID.search(control)
    age = _AGE.match(headers.get("age", ""))
    left = (int(said[1]) if said else _DEFAULT_AGE) - (int(age[1]) if age else 0)
    return min(MAX_AGE, max(_MIN_AGE, left))
