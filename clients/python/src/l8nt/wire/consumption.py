"""The one rule for what consumes a use: an answer, and not a refusal. spec/5-ledger.md §5."""

from __future__ import annotations

from typing import Literal

Declared = Literal["consumed", "released"]
"""What a handler said about the use, against the rule of the status."""

USE_FIELD = "sigil-use"
"""Field of a response whose handler declared what became of the use."""

_SWITCHING_PROTOCOLS = 101


def is_consumed(method: str, status: int | None, declared: Declared | None = None) -> bool:
    """Whether a use is consumed. What the handler declared decides. Otherwise the head of a 2xx
    answer consumes, except to HEAD, which transfers nothing, and so does 101, behind which a
    connection is used. ``status`` is ``None`` if the exchange ended before any head was sent.
    """
    if declared is not None:
        return declared == "consumed"
    if status is None or method == "HEAD":
        return False
    return status == _SWITCHING_PROTOCOLS or 200 <= status <= 299


def declared_in(value: str | None) -> Declared | None:
    """What the value of ``Sigil-Use`` declares; ``None`` for any other text."""
    if value == "consumed" or value == "released":
        return value
    return None
