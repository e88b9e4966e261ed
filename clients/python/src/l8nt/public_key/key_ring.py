"""The private keys of one issuer, as ``sigil keys`` writes them. spec/9-public-key.md §6."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from .._ed25519 import KEY_BYTES, Signer
from .._encoding import hex_bytes
from .._secrecy import HoldsSecret
from .issuer import read_issuer
from .key_page import (
    MAX_AGE,
    MAX_KEY_ID,
    MAX_KEYS,
    MAX_PAGE_BYTES,
    IssuerKey,
    read_date,
    write_key_page,
)
from .minter import Minter

_MIN_DIFFERENT_BYTES = 12
"""Zeros and other placeholders fail here, not in production."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """What may be said of a key to anyone."""

    id: int
    public_key: str
    """64 hex digits."""
    created_at: float
    """Unix seconds."""
    expires_at: float | None = None
    """Unix seconds; ``None`` for a key without an end."""


class KeyRing(HoldsSecret):
    """The private keys of an issuer. ``sigil keys new``, ``rotate`` and ``retire`` make and change
    the file; this reads it, and mints.

    >>> ring = KeyRing.parse(Path("keys.json").read_text())
    >>> ring.minter().mint(endpoints=["GET https://api.example/**"], expires_in="1h")
    """

    __slots__ = ("_private_keys", "issuer", "keys")

    issuer: str
    """The origin, in canonical form."""
    keys: tuple[RingKey, ...]
    """From the lowest id to the highest."""

    def __init__(self, issuer: str, keys: tuple[RingKey, ...], private_keys: Mapping[int, bytes]):
        """For ``parse``."""
        self.issuer = issuer
        self.keys = keys
        self._private_keys = dict(private_keys)

    def __repr__(self) -> str:
        return f"<KeyRing of {self.issuer}, keys {', '.join(str(key.id) for key in self.keys)}>"

    @property
    def _instead(self) -> str:
        return "read its file with KeyRing.parse where it is needed"

    @staticmethod
    def parse(text: str) -> KeyRing:
        """Reads the JSON of ``sigil keys``.

        Raises TypeError that says what is wrong, and repeats no key.
        """
        ring = _members(_json(text), ("issuer", "keys"), "the key ring")
        issuer, entries = ring.get("issuer"), ring.get("keys")
        if not isinstance(issuer, str):
            raise TypeError("the key ring has no issuer")
        if not isinstance(entries, list) or not entries:
            raise TypeError("the key ring has no list of keys")
        given = cast("list[object]", entries)
        if len(given) > MAX_KEYS:
            raise TypeError(f"the key ring has more than {MAX_KEYS} keys")
        read = sorted((_entry(one, at) for at, one in enumerate(given, 1)), key=lambda one: one[0])
        private_keys: dict[int, bytes] = {}
        for key_id, private_key, _, _ in read:
            if key_id in private_keys:
                raise TypeError(f"the key ring has two keys with the id {key_id}")
            # To retire one of them would end nothing.
            same = next((id_ for id_, key in private_keys.items() if key == private_key), None)
            if same is not None:
                raise TypeError(f"the keys {same} and {key_id} of the key ring are the same")
            private_keys[key_id] = private_key
        keys = tuple(
            RingKey(key_id, Signer(private_key).public_key.hex(), created_at, expires_at)
            for key_id, private_key, created_at, expires_at in read
        )
        return KeyRing(read_issuer(issuer), keys, private_keys)

    def page(self) -> str:
        """The text of the page that the issuer publishes at ``/.well-known/biscuit-web-keys``."""
        return write_key_page(
            self.issuer,
            [IssuerKey(key.id, bytes.fromhex(key.public_key), key.expires_at) for key in self.keys],
        )

    def minting_key(self, now: float) -> RingKey | None:
        """The key that mints at ``now`` (Unix seconds): the newest one that was made a day ago,
        when the last page without it has ended everywhere; or the oldest one, if there is none
        such. ``None`` if all have ended.
        """
        usable = sorted(
            (key for key in self.keys if key.expires_at is None or now < key.expires_at),
            key=lambda key: (key.created_at, key.id),
        )
        known = [key for key in usable if key.created_at + MAX_AGE <= now]
        return known[-1] if known else (usable[0] if usable else None)

    def minter(
        self,
        *,
        location: str | None = None,
        key_id: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Minter:
        """A minter under the key that mints now. Ask for another one for each credential, or at
        least each day, so that rotation takes effect.

        ``location``: the URL where the credentials are spent, by default the issuer. ``key_id``:
        the key to mint under, by default the newest one that every verifier knows by now.
        ``clock`` gives Unix seconds.

        Raises TypeError if there is no such key, or all keys have ended.
        """
        if key_id is None:
            key = self.minting_key(clock())
            if key is None:
                raise TypeError(
                    f"every key of {self.issuer} has ended: rotate, and publish the new key"
                )
            key_id = key.id
        elif key_id not in self._private_keys:
            ids = ", ".join(str(key.id) for key in self.keys)
            raise TypeError(f"the key ring has no key with this id; it has: {ids}")
        return Minter(
            private_key=self._private_keys[key_id],
            issuer=self.issuer,
            key_id=key_id,
            location=location,
            clock=clock,
        )


class _Repeated(ValueError):
    """A member that is there twice."""


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _Repeated
        members[name] = value
    return members


def _json(text: str) -> object:
    """Raises TypeError without the message of ``json``, whose error has the text."""
    if len(text) > MAX_PAGE_BYTES:
        raise TypeError(f"the key ring has more than {MAX_PAGE_BYTES} characters")
    what = "the key ring is not JSON, such as `sigil keys new` writes"
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except _Repeated:
        what = "an object of the key ring has one member twice"
    except (ValueError, RecursionError):
        pass
    # Not in the handler: the error that it handles has the text, with the keys in it.
    raise TypeError(what)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _members(value: object, known: tuple[str, ...], what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{what} is not a JSON object")
    members = cast("dict[str, object]", value)
    for name in members:
        if name not in known:
            # A key may stand where a name belongs.
            shown = f' "{name}"' if re.fullmatch(r"\w{1,20}", name, re.ASCII) else ""
            raise TypeError(f"{what} has an unknown member{shown}; allowed: {', '.join(known)}")
    return members


def _entry(value: object, number: int) -> tuple[int, bytes, float, float | None]:
    at = f"key {number} of the key ring"
    members = _members(value, ("id", "privateKey", "created", "expires"), at)
    key_id = members.get("id")
    # JSON has one type of numbers: 1.0 is 1.
    if (
        isinstance(key_id, bool)
        or not isinstance(key_id, int | float)
        or not 0 <= key_id <= MAX_KEY_ID
        or key_id != int(key_id)
    ):
        raise TypeError(f"{at}: id must be a whole number from 0 to {MAX_KEY_ID}")
    what = f"the key {int(key_id)} of the key ring"
    text = members.get("privateKey")
    private_key = hex_bytes(text) if isinstance(text, str) else None
    if private_key is None or len(private_key) != KEY_BYTES:
        raise TypeError(f"{what}: privateKey must be an Ed25519 private key in 64 hex digits")
    if len(set(private_key)) < _MIN_DIFFERENT_BYTES:
        raise TypeError(f"{what}: privateKey is not random")
    created_at = _date(members.get("created"), f"{what}: created")
    if "expires" not in members:
        return int(key_id), private_key, created_at, None
    return int(key_id), private_key, created_at, _date(members["expires"], f"{what}: expires")


def _date(value: object, what: str) -> float:
    seconds = read_date(value) if isinstance(value, str) else None
    if seconds is None:
        raise TypeError(f'{what} must be a date such as "2026-11-30T09:00:00Z"')
    return seconds
