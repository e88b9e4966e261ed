"""The page on which an issuer publishes its keys. spec/9-public-key.md §6."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Literal

from .._ed25519 import KEY_BYTES
from .._encoding import hex_bytes
from ..errors import AdapterError

KEYS_PATH: Final = "/.well-known/biscuit-web-keys"
MAX_PAGE_BYTES = 65_536
MAX_KEYS = 64
MAX_KEY_ID = 0xFFFF_FFFF
MAX_AGE = 86_400
"""The longest that a page is kept while it can be had, in seconds."""
_ALGORITHM = "ed25519"


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key of an issuer."""

    key_id: int
    public_key: bytes
    """32 bytes."""
    expires_at: float | None = None
    """Unix seconds; ``None`` for a key without an end."""


KeysCode = Literal[
    "ERR_KEYS_ADDRESS",
    "ERR_KEYS_ISSUER",
    "ERR_KEYS_MALFORMED",
    "ERR_KEYS_REDIRECT",
    "ERR_KEYS_SLOW",
    "ERR_KEYS_STATUS",
    "ERR_KEYS_TOO_LARGE",
    "ERR_KEYS_UNREACHABLE",
]


def page_error(code: KeysCode, issuer: str, what: str) -> AdapterError:
    """What is wrong with the page of an issuer, for its operator."""
    return AdapterError(code, f"The key page of {issuer} {what}.")


def write_key_page(issuer: str, keys: Iterable[IssuerKey]) -> str:
    """The text of an issuer's page."""
    entries: list[dict[str, Any]] = []
    for key in keys:
        entry: dict[str, Any] = {
            "algorithm": _ALGORITHM,
            "key_bytes": key.public_key.hex(),
            "key_id": key.key_id,
            "issuer": issuer,
        }
        if key.expires_at is not None:
            entry["expires_at"] = date_text(key.expires_at)
        entries.append(entry)
    return json.dumps(entries, separators=(",", ":"))


def read_key_page(issuer: str, text: str) -> dict[int, IssuerKey]:
    """The keys on an issuer's page, by their numbers. Entries of other issuers and algorithms, and
    those that cannot be read, are left out.

    Raises AdapterError ``ERR_KEYS_MALFORMED`` for a page that is no list, or has two keys with one
    number; ``ERR_KEYS_TOO_LARGE``; ``ERR_KEYS_ISSUER`` for one of other issuers.
    """
    page = _parsed(text)
    if not isinstance(page, list):
        raise page_error("ERR_KEYS_MALFORMED", issuer, "is not a list in JSON")
    entries: list[Any] = page  # pyright: ignore[reportUnknownVariableType] - JSON has any values.
    if len(entries) > MAX_KEYS:
        raise page_error("ERR_KEYS_TOO_LARGE", issuer, f"has more than {MAX_KEYS} keys")
    if entries and all(_is_foreign(issuer, entry) for entry in entries):
        raise page_error("ERR_KEYS_ISSUER", issuer, "has keys of other issuers alone")
    keys: dict[int, IssuerKey] = {}
    for entry in entries:
        key = _read_entry(issuer, entry)
        if key is None:
            continue
        if key.key_id in keys:
            raise page_error("ERR_KEYS_MALFORMED", issuer, f"has two keys with the id {key.key_id}")
        keys[key.key_id] = key
    return keys


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _parsed(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _is_foreign(issuer: str, entry: object) -> bool:
    if not isinstance(entry, Mapping):
        return False
    members: Mapping[str, Any] = entry  # pyright: ignore[reportUnknownVariableType]
    said = members.get("issuer")
    return said is not None and said != issuer


def _read_entry(issuer: str, entry: object) -> IssuerKey | None:
    if not isinstance(entry, Mapping):
        return None
    members: Mapping[str, Any] = entry  # pyright: ignore[reportUnknownVariableType]
    if members.get("algorithm") != _ALGORITHM or members.get("issuer", issuer) != issuer:
        return None
    text = members.get("key_bytes")
    public_key = hex_bytes(text) if isinstance(text, str) else None
    key_id = _whole(members.get("key_id"))
    if public_key is None or len(public_key) != KEY_BYTES or key_id is None:
        return None
    said = members.get("expires_at")
    if said is None:
        return IssuerKey(key_id, public_key)
    expires_at = read_date(said) if isinstance(said, str) else None
    # A key whose end cannot be read has one.
    return None if expires_at is None else IssuerKey(key_id, public_key, expires_at)


def _whole(value: object) -> int | None:
    """JSON has one type of numbers: 1.0 is 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MAX_KEY_ID and value == int(value) else None


_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def read_date(text: str) -> float | None:
    """Unix seconds of a date of RFC 3339; ``None`` for another text."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        return None
    *numbers, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        return None
    try:
        # The year 0 is one that `datetime` does not have; 400 years repeat the calendar.
        shift = 400 if year == 0 else 0
        local = datetime(year + shift, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
    # Milliseconds, as dates of other languages have them.
    milliseconds = int(f"{fraction or '.'}000"[1:4])
    seconds = (local - _EPOCH) // timedelta(seconds=1) - (146_097 * 86_400 if shift else 0)
    offset = 60 * (60 * int(hours or 0) + int(minutes or 0)) * (-1 if sign == "-" else 1)
    return seconds - offset + (milliseconds / 1000 if milliseconds else 0)


_LAST_DATE = 253_402_300_799
"""The last second that RFC 3339 can write."""


def date_text(seconds: float, what: str = "a key's end") -> str:
    """What ``read_date`` reads. ``what``: the subject of the error's message.

    Raises TypeError for a time that RFC 3339 cannot write.
    """
    if not 0 <= seconds <= _LAST_DATE:
        raise TypeError(f"{what} must be before the year 10000")
    text = (_EPOCH + timedelta(milliseconds=int(seconds * 1000))).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z").replace(".000Z", "Z")
