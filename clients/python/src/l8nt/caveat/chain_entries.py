"""What a chain of caveats consists of, as others see it. spec/2-caveats.md §2, §5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..amount import Unit
from .condition import AnyCondition, LimitKind, Place
from .node import Node


@dataclass(frozen=True, slots=True)
class ChainLimit:
    """A counted limit on the chain, with the node and the condition that it comes from."""

    kind: LimitKind
    id: str
    """Names the counter: hex, of this place in the chain, so that a bearer cannot give itself a
    fresh one. Empty in a chain that was read without its secret.
    """
    max: int
    """In ``unit``, or a number of requests."""
    unit: Unit | None
    """Of a limit on spending."""
    window_seconds: int | None
    """``None`` counts over the whole life of the credential."""
    expires_at: int | None
    """Unix seconds after which nothing can count against it, so that a store may forget it."""
    condition: str
    node: Node


@dataclass(frozen=True, slots=True)
class CaveatText:
    """A caveat as text."""

    condition: str
    value: str
    """``(not shown)`` in place of a secret."""
    node: Node
    is_secret: bool = False

    def __str__(self) -> str:
        return f"{self.condition}={self.value}"


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """A caveat that can be read, with what it means."""

    condition: AnyCondition
    value: Any
    place: Place
    node: Node
