"""The issuers that a service trusts, as its challenges list them. spec/9-public-key.md §6."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from .auth_items import read_challenges

_MAX_ISSUERS = 16
_MAX_CHARACTERS = 1024
"""The lines of a challenge have 3,072 characters in all."""
_MAX_READ = 32_768
"""As many characters of challenges are read as of those that are paid."""
_ISSUER = re.compile(r"https?://[!#-+\--.0-\[\]-~]+")
"""What needs no escape in a quoted value, and is no part of the list."""


def write_issuers(issuers: Sequence[str]) -> str:
    """The value of the parameter ``issuers``.

    Raises TypeError for too many, and for an origin that could break out of its quotes [case 9].
    """
    if len(issuers) > _MAX_ISSUERS:
        raise TypeError(
            f"`trust` names {len(issuers)} issuers; a challenge lists them, so at most "
            f"{_MAX_ISSUERS} can be trusted"
        )
    for issuer in issuers:
        if not _ISSUER.fullmatch(issuer):
            raise TypeError(
                f"the issuer {json.dumps(issuer)} has a character that a challenge cannot list"
            )
    text = " ".join(issuers)
    if len(text) > _MAX_CHARACTERS:
        raise TypeError(
            f"the issuers that `trust` names have {len(text)} characters; a challenge lists them, "
            f"so at most {_MAX_CHARACTERS} are possible in all"
        )
    return text


def issuers_in(lines: Sequence[str]) -> list[str]:
    """The issuers that the L402 items of a response say are trusted, with or without something to
    pay in them; none for a service that does not say. Other items, and lists that cannot be read
    or are too long, are skipped. ``lines``: each field line of ``WWW-Authenticate``.
    """
    if sum(map(len, lines)) > _MAX_READ:
        return []
    found: dict[str, None] = {}
    for item in (one for line in lines for one in read_challenges(line)):
        if item.scheme != "l402" or item.is_broken:
            continue
        values = item.values("issuers")
        if len(values) != 1 or len(values[0]) > _MAX_CHARACTERS:
            continue
        listed = [one for one in values[0].split(" ") if one]
        if len(listed) <= _MAX_ISSUERS:
            found.update((one, None) for one in listed if _ISSUER.fullmatch(one))
    return list(found)
