"""``holder``: whose key must sign the requests. spec/9-public-key.md §9."""

from __future__ import annotations

import re
from typing import Final

from ..access import MISSING, Access
from ..condition import AnyCondition, Condition, Denial, Place
from ..datalog import Check, check, fact, query, text
from ..field import Entry, write_one

_NAME: Final = "holder"
# 32 bytes in base64url: the last digit has two bits that are zero.
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


def _parse(text: str) -> str | None:
    return text if _THUMBPRINT.fullmatch(text) else None


_ENTRY: Final = Entry(_parse, "one thumbprint of a key")
_UNSIGNED: Final = (
    "a signature of this very request by that key, which was not used before and has not ended"
)


def _prohibits(have: str, access: Access, _: Place) -> Denial | None:
    if access.holder is MISSING or access.holder == have:
        return None
    return Denial(have, _UNSIGNED if access.holder is None else access.holder)


holder: Final = Condition[str](
    name=_NAME,
    judged_by="both",
    hand_over=lambda values, _terms: values,
    fields=(write_one("holder", _NAME, _ENTRY),),
    code="ERR_HOLDER",
    parse=_parse,
    prohibits=_prohibits,
    covers=lambda outer, inner: inner == outer,
    words=lambda thumbprint, _now: [f"only with requests signed by the key {thumbprint}"],
)


def holder_check(thumbprint: str, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    return check(query([fact(_NAME, text(thumbprint))]))
