"""``purpose``: a text for people and for the audit."""

from __future__ import annotations

from typing import Final

from ..condition import Condition
from ..field import Field, WriteTerms

_NAME: Final = "purpose"


def _write(text: object, _: WriteTerms) -> list[str]:
    if not isinstance(text, str):
        raise TypeError(f"{_NAME} must be a text")
    return [f"{_NAME}={text}"]


purpose: Final = Condition[str](
    name=_NAME,
    judged_by="both",
    hand_over="dropped",
    fields=(Field("purpose", _write),),
    parse=lambda text: text,
    words=lambda text, _now: (f"for: {text}",),
)
