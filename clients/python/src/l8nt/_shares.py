"""What agents use at one time: a part for each node with all below it, and a bound for all.
spec/4-purchase.md §7.
"""

from __future__ import annotations

from collections.abc import Sequence

from .errors import AdapterError

_HALVINGS = 4
"""Nodes further from the root have nearly the part of the one above."""


class Shares:
    """Parts of ``in_all``. ``what`` ends the sentence "There are too many …". Its caller keeps
    threads apart.
    """

    def __init__(self, in_all: int, what: str) -> None:
        self._in_all = in_all
        self._what = what
        self._used: dict[str, int] = {}
        self._used_in_all = 0

    def take(self, nodes: Sequence[str], amount: int) -> None:
        """``nodes``: the ids of a credential's nodes, root first.

        Raises AdapterError ``ERR_RATE_LIMITED`` if a node above, or all together, use too much.
        """
        self._demand(nodes, amount)
        self._add(nodes, amount)

    def note(self, nodes: Sequence[str], amount: int) -> None:
        """Counts what was taken before, whatever is used."""
        self._add(nodes, amount)

    def give(self, nodes: Sequence[str], amount: int) -> None:
        self._add(nodes, -amount)

    def _demand(self, nodes: Sequence[str], amount: int) -> None:
        """A node has half of what its siblings leave of its parent's part: so there is something
        left for the next one, however many of them take all that they can.
        """
        part, used = self._in_all, self._used_in_all
        whose = "" if used + amount > part else None
        for depth, node in enumerate(nodes):
            own = self._used.get(node, 0)
            left = part - (used - own)
            part = max(1, left // 2 if depth < _HALVINGS else left)
            used = own
            if own + amount > part:
                whose = " of this agent, or of agents with the same parent"
                break
        if whose is None:
            return
        raise AdapterError(
            "ERR_RATE_LIMITED",
            f"There are too many {self._what}{whose}. "
            "Send the request again when others have ended.",
            retry_after_seconds=1,
        )

    def _add(self, nodes: Sequence[str], amount: int) -> None:
        self._used_in_all += amount
        for node in nodes:
            used = self._used.get(node, 0) + amount
            if used > 0:
                self._used[node] = used
            else:
                self._used.pop(node, None)
