"""A signed page of the feed: which nodes were revoked, up to which number, and when it was signed.
spec/7-revocation-feed.md §1, §3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from ..errors import AdapterError
from ..receipt.jcs import canonical, parse_json
from ..receipt.key import ReceiptKey

MAX_PAGE_BYTES = 262_144
"""A thousand entries are 110 kB."""
_MAX_ENTRIES = 1000
_MAX_ABOVE = 64
"""A credential has at most 64 caveats."""
_MAX_SKEW_SECONDS = 60
_MAX_SAFE = 2**53 - 1

_NODE = re.compile(r"[0-9a-f]{32}")
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    seq: int
    node: str
    """The node that was revoked, with everything below it."""
    ends_at: int | None
    """Unix seconds after which nothing below it can be valid; ``None`` if that is not known."""
    above: tuple[str, ...]
    """The nodes above it, root first; empty if they are not known."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    location: str
    after: int
    """The page holds what is newer than this number …"""
    seq: int
    """… up to this one."""
    at: int
    """Whole Unix seconds at which the page was signed."""
    entries: tuple[FeedEntry, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is new on a page that was taken."""

    entries: tuple[FeedEntry, ...]
    seq: int
    alive_at: int | None
    """Unix seconds at which everything up to it was known, by the publisher's clock; ``None`` if it
    says nothing about the present.
    """


class FeedReader:
    """Verifies the pages of one feed, one after the other. It knows everything up to ``seq``.

    Raises TypeError for a public key that is none.
    """

    def __init__(self, *, location: str, public_key: str, after: int = 0) -> None:
        self._key = ReceiptKey(public_key)
        self._location = location
        self.seq = after
        # Kept over connections: an old page must not pass for a new one because it comes first on
        # the next connection.
        self._last_at: int | None = None

    def read(self, page: bytes, now: float) -> Reading:
        """Reads the page after ``seq``, which is its end then. ``now``: Unix seconds.

        Raises AdapterError ``ERR_FEED``; nothing is changed then.
        """
        read = read_page(page, self._key)
        after = self.seq
        if read.location != self._location:
            raise not_a_page("it is the feed of another authority")
        if read.after != after:
            raise not_a_page(f"it begins after {read.after}, and {after} was expected")
        if read.seq < after:
            raise not_a_page(f"it ends at {read.seq}, and {after} was known already")
        last = after
        for entry in read.entries:
            if not last < entry.seq <= read.seq:
                raise not_a_page("its entries are not in order")
            last = entry.seq
        if abs(now - read.at) > _MAX_SKEW_SECONDS:
            raise not_a_page(
                f"it was signed more than {_MAX_SKEW_SECONDS} seconds away from this clock's time"
            )
        # A page that was seen before says nothing about the present, and a page that comes late
        # only about the time at which it was signed.
        is_newer = self._last_at is None or read.at > self._last_at
        if is_newer:
            self._last_at = read.at
        self.seq = read.seq
        return Reading(read.entries, read.seq, read.at if is_newer else None)


def read_page(page: bytes, key: ReceiptKey) -> FeedPage:
    """Reads a page and verifies its signature. It does not check whose feed the page belongs to,
    nor that it is the next one.

    Raises AdapterError ``ERR_FEED``.
    """
    if len(page) > MAX_PAGE_BYTES:
        raise not_a_page(f"it has more than {MAX_PAGE_BYTES} bytes")
    try:
        json = parse_json(page.decode())
    except UnicodeDecodeError:
        raise not_a_page("it is not UTF-8") from None
    except ValueError:
        raise not_a_page("it is not JSON") from None
    if not isinstance(json, dict):
        raise not_a_page("it is not a JSON object")
    members = cast("dict[str, Any]", json)
    read = _page_of(members)
    signature = members.pop("signature", None)
    if read is None or not _is_text(signature, _SIGNATURE):
        raise not_a_page("its members are not of their form")
    if members["keyId"] != key.key_id:
        raise not_a_page(f"key {members['keyId']} signed it, and key {key.key_id} was expected")
    try:
        signed = canonical(members).encode()
    except TypeError:
        # A member that is not known, with a fraction or a lone surrogate in it, or nested too deep.
        raise not_a_page("it has no canonical text") from None
    if not key.verifies(signed, signature):
        raise not_a_page("its signature does not hold")
    return read


def not_a_page(why: str) -> AdapterError:
    return AdapterError("ERR_FEED", f"What the revocation feed sent is of no use: {why}.")


def _is_text(member: object, form: re.Pattern[str]) -> bool:
    return isinstance(member, str) and form.fullmatch(member) is not None


def _is_count(member: object) -> bool:
    return type(member) is int and 0 <= member <= _MAX_SAFE


def _page_of(members: dict[str, Any]) -> FeedPage | None:
    entries = members.get("entries")
    numbers = [members.get(name) for name in ("after", "seq", "at")]
    if members.get("type") != "revocations" or not isinstance(members.get("location"), str):
        return None
    if not all(map(_is_count, numbers)) or not _is_text(members.get("keyId"), _KEY_ID):
        return None
    if not isinstance(entries, list) or len(cast("list[Any]", entries)) > _MAX_ENTRIES:
        return None
    read = [_entry_of(one) for one in cast("list[Any]", entries)]
    known = tuple(one for one in read if one is not None)
    if len(known) < len(read):
        return None
    return FeedPage(members["location"], members["after"], members["seq"], members["at"], known)


def _entry_of(json: Any) -> FeedEntry | None:
    if not isinstance(json, dict):
        return None
    members = cast("dict[str, Any]", json)
    above = members.get("above", [])
    if not _is_count(members.get("seq")) or not _is_text(members.get("node"), _NODE):
        return None
    if "endsAt" in members and not _is_count(members["endsAt"]):
        return None
    if not isinstance(above, list) or len(cast("list[Any]", above)) > _MAX_ABOVE:
        return None
    ids = cast("list[Any]", above)
    if not all(_is_text(one, _NODE) for one in ids):
        return None
    return FeedEntry(members["seq"], members["node"], members.get("endsAt"), tuple(ids))
