"""What one call has presented, to be taken out of texts that repeat it: error messages of an HTTP
library, the target of a redirect, a body for a model.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

_Error = TypeVar("_Error", bound=BaseException)

_PLACEHOLDER: Final = "(a credential, not shown)"
_PART: Final = re.compile(r"[A-Za-z0-9+/_-]{32,}", re.ASCII)
"""The macaroon and the preimage, each by itself: a service may repeat them apart."""
_BEGIN: Final = 8


class Presented:
    """The parts of each credential that a call has presented. Its ``repr`` shows none."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: set[str] = set()

    def note(self, text: str | None) -> None:
        """Notes a credential, or the field that has it."""
        self._parts.update(_PART.findall(text or ""))

    def is_in(self, text: str) -> bool:
        """Whether a text repeats a part, however it is escaped or broken into lines."""
        return self.without(text) != text

    def without(self, text: str) -> str:
        """The text with a placeholder instead of each part."""
        folded = "".join(text.lower().split())
        for part in self._parts:
            if part[:_BEGIN].lower().rstrip("+/_-") in folded:
                text = _pattern(part).sub(_PLACEHOLDER, text)
        return text

    def hide_in(self, error: _Error) -> _Error:
        """The same error, without a part in its own text or in the text of its causes."""
        seen: set[int] = set()
        at: BaseException | None = error
        while at is not None and id(at) not in seen:
            seen.add(id(at))
            shown = tuple(self.without(one) if isinstance(one, str) else one for one in at.args)
            if shown != at.args:
                at.args = shown
            at = at.__cause__ or at.__context__
        return error


def _pattern(part: str) -> re.Pattern[str]:
    """A part with its signs in any spelling (``&#45;``, ``%2D``, ``\\u002d``), in any case, and
    broken into lines.
    """
    letters = (one if one.isalnum() else r"\S{1,8}?" for one in part)
    return re.compile(r"\s*".join(letters), re.IGNORECASE)


_now: ContextVar[Presented | None] = ContextVar("l8nt.presented", default=None)


@contextmanager
def presenting() -> Generator[Presented]:
    """A block that is told what the calls in it present."""
    presented = Presented()
    token = _now.set(presented)
    try:
        yield presented
    finally:
        _now.reset(token)


def presented_now() -> Presented:
    """For a call that begins."""
    return _now.get() or Presented()
