"""What a person pasted in place of a credential, for messages. It repeats nothing of the text."""

from __future__ import annotations

import re

_HINTS = (
    (
        r"(?:l402|lsat|bearer|basic)(?:\s.*)?",
        "It begins with a scheme: give what follows the scheme.",
    ),
    (r"[\"'`].*|.*[\"'`]", "It stands in quotation marks: give what is between them."),
    (
        r"export|(?:export\s+)?[a-z_][a-z0-9_]*=.*:.*",
        "A variable's name stands before it: leave it out.",
    ),
    (r"sk-(?!sigil-).*", "It looks like another vendor's API key; ours begin with sk-sigil-."),
    (
        r"~.*|\.{0,2}/[^:]*|[^:]*\.(?:credential|key|txt|json|env)",
        "It looks like the name of a file: give what the file holds.",
    ),
    (r"[^:]+", "Its end is missing, a colon and 64 hex digits: it may have been cut off."),
)
_COMPILED = tuple((re.compile(form, re.IGNORECASE | re.DOTALL), hint) for form, hint in _HINTS)


def hint_of(text: str) -> str | None:
    """What may be wrong with a text that is no credential, and what to do."""
    return next((hint for form, hint in _COMPILED if form.fullmatch(text)), None)
