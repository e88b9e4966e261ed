"""The preference ``no-invoice`` (RFC 7240): a client that will not pay the challenge of this answer
asks for none, so that a purchase costs a service one invoice. spec/3-challenge.md §5.
"""

from __future__ import annotations

import re

PREFER_FIELD = "prefer"
NO_INVOICE = "no-invoice"

_MAX_CHARACTERS = 1024
# A comma inside of a quoted text ends no element.
_ELEMENT = re.compile(r'[^,"]+(?:"(?:[^"\\]|\\.)*"[^,"]*)*')
_IS_NO_INVOICE = re.compile(r'no-invoice[ \t]*(?:=[ \t]*(?:"")?[ \t]*)?(?:;|\Z)', re.IGNORECASE)


def prefers_no_invoice(prefer: str | None) -> bool:
    """Whether a ``Prefer`` or ``Preference-Applied`` has the preference. A field that is longer
    than any that is meant to be read has none.
    """
    if not prefer or len(prefer) > _MAX_CHARACTERS:
        return False
    return any(_IS_NO_INVOICE.match(one.strip()) for one in _ELEMENT.findall(prefer))
