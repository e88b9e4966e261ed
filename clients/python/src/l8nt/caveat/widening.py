"""The caveats of a scope that ask for more than the credential to narrow. They would gain nothing,
because every caveat holds, but the author of the scope believes otherwise.
spec/2-caveats.md §7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import Refusal
from .chain import CaveatText
from .conditions.table import condition_named

__all__ = ["widenings"]


def widenings(own: Sequence[CaveatText], wanted: Sequence[str]) -> list[Refusal]:
    """One refusal for each caveat of ``wanted`` that allows more than ``own`` do.

    ``own`` are the credential's caveats, as ``chain.texts`` has them; ``wanted`` are those to
    append, as ``condition=value``. Expiry is not compared: asking for an hour when half an hour is
    left is allowed, and ends with the parent.
    """
    held: dict[str, list[tuple[str, Any]]] = {}
    refusals: list[Refusal] = []
    for caveat in wanted:
        name, equals, need = caveat.partition("=")
        condition = condition_named(name) if equals else None
        if condition is None or condition.covers is None:
            continue
        if name not in held:
            texts = [one.value for one in own if one.condition == name]
            held[name] = [(text, condition.parse(text)) for text in texts]
        asked = condition.parse(need)
        for have, value in held[name]:
            # A value that cannot be read allows nothing, and is covered by nothing.
            if value is None or asked is None or not condition.covers(value, asked):
                refusals.append(Refusal("ERR_SCOPE_WIDER", name, have or "nothing", need))
                break
    return refusals
