"""A place in the tree of delegations. spec/2-caveats.md §2."""

from __future__ import annotations

from typing import Protocol


class PlaceIds(Protocol):
    """The ids of the places along a chain, which take its secret to derive."""

    def at(self, count: int, /) -> str:
        """Of the place after the first ``count`` caveats: hex, 16 bytes."""
        ...


class Node:
    """A place in the tree of delegations: the root, or one caveat that opens a node."""

    __slots__ = ("_count", "_id", "_places", "agent")

    agent: str | None
    """``None`` for the root."""

    def __init__(self, places: PlaceIds | None, count: int, agent: str | None = None) -> None:
        self.agent = agent
        self._places = places
        self._count = count
        self._id: str | None = None

    @property
    def id(self) -> str | None:
        """Hex, 16 bytes; ``None`` in a chain that was read without its secret. Derived on first
        use.
        """
        if self._id is None and self._places is not None:
            self._id = self._places.at(self._count)
        return self._id

    def __repr__(self) -> str:
        return f"Node(agent={self.agent!r}, id={self.id!r})"
