"""The conditions that one verifier knows. Any other condition denies. spec/2-caveats.md §2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from .condition import AnyCondition, Condition
from .conditions.table import CONDITIONS, family_condition

__all__ = ["ReadCaveat", "Vocabulary", "service_vocabulary", "treasury_vocabulary"]


class ReadCaveat(NamedTuple):
    """A caveat, taken apart. Unknown conditions and unreadable values both deny; the message tells
    them apart.
    """

    name: str
    text: str
    condition: AnyCondition | None
    """``None`` for a name that is not in the vocabulary."""
    value: Any
    """``None`` for a text that the condition cannot read."""

    def __repr__(self) -> str:
        # The text of a `preimage` is half of a credential.
        return f"ReadCaveat({self.name!r})"


_TEXTS_KEPT: Final = 4096
"""Many credentials hold the same caveats, and the meaning of a text never changes."""


class Vocabulary:
    """The conditions that a service or a treasury enforces."""

    __slots__ = ("_by_name", "names", "read")

    names: tuple[str, ...]
    """The names it knows, in the order in which a challenge lists them. Families
    (``<service>_capabilities``) are not listed.
    """
    read: Callable[[bytes], ReadCaveat | None]
    """Reads the bytes of one caveat; ``None`` if they are not a ``condition=value`` text."""

    def __init__(self, conditions: Sequence[AnyCondition], tolerated: Sequence[str] = ()) -> None:
        self.names = tuple(condition.name for condition in conditions)
        self._by_name = {name: _tolerate(name) for name in tolerated}
        self._by_name.update({condition.name: condition for condition in conditions})
        self.read = lru_cache(maxsize=_TEXTS_KEPT)(self._read)

    def find(self, name: str) -> AnyCondition | None:
        """The condition of this name; ``None`` for one that is not enforced here."""
        return self._by_name.get(name) or family_condition(name)

    def _read(self, caveat: bytes) -> ReadCaveat | None:
        try:
            whole = caveat.decode()
        except UnicodeDecodeError:
            return None
        name, equals, text = whole.partition("=")
        if not equals or not name:
            return None
        condition = self.find(name)
        value = None if condition is None else condition.parse(text)
        return ReadCaveat(name, text, condition, value)


def _tolerate(name: str) -> AnyCondition:
    """A foreign condition that a service lets pass."""
    return Condition[str](
        name=name,
        judged_by="service",
        hand_over="relay",
        parse=lambda text: text,
        words=lambda text, _now: [f"{name}: {text}"],
    )


@lru_cache(maxsize=64)
def _service_vocabulary(tolerated: tuple[str, ...]) -> Vocabulary:
    return Vocabulary([row for row in CONDITIONS if row.judged_by != "treasury"], tolerated)


def service_vocabulary(tolerate: Sequence[str] = ()) -> Vocabulary:
    """The conditions that a service enforces.

    ``tolerate`` lists foreign conditions that it lets pass, and thereby answers for.
    """
    if isinstance(tolerate, str):
        raise TypeError('tolerate must be a list of conditions, such as ["loop_out_volume"]')
    return _service_vocabulary(tuple(tolerate))


@lru_cache(maxsize=1)
def treasury_vocabulary() -> Vocabulary:
    """The conditions that a treasury enforces: every one of the table."""
    return Vocabulary(CONDITIONS)
