"""The entries of a list of revocations, and how many of them holders may make.
spec/1-credential.md §6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

_MAX_BY_NODE = 1000
"""Each revocation by a holder has to be remembered, so each node's holders get a limited number."""
_MAX_IN_TREE = 20_000
"""How many nodes the holders of one tree revoke in all."""
_WHOLE_STEPS = 16
"""For each of the first steps from the root, everything that one node may revoke is kept: whatever
nodes further down revoke, the nodes above them have all of their own.
"""
_KEPT_PER_STEP = 62
"""How many are kept for each step after these: a credential has at most 64 caveats."""
_MAX_IN_ALL = 100_000
"""How many nodes the holders of all trees revoke. Only the owner makes trees."""
_KEPT_PER_TREE = 1000
"""However many the holders of other trees revoke, those of one tree may revoke this many."""
_FIRST_OF_CHILD = 100
"""The first revocations of each child of a root, with all below it, take nothing of the tree's
room: so an agent does not take the right from its siblings, however many it revokes.
"""
_FIRST_IN_TREE = 5000
"""How many of these there are in one tree: its root makes the children."""
_CLEARED = 12_000
"""How many references to removed entries one addition clears away: a few milliseconds. An entry
has one at each node above it. [case 118]
"""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A node that was revoked. Two entries are equal only if they are one object."""

    node_id: str
    above: tuple[str, ...]
    """Ids of the nodes above it, root first; empty if they are not known."""
    by: str | None
    """The node whose holder revoked it; ``None`` for the owner."""
    end: float
    """Unix seconds after which nothing below it can be valid."""
    is_first: bool = False
    """Whether it takes nothing of its tree's room."""


def _room_at(depth: int) -> float:
    """How much of a tree's room is left when a node this far from the root revokes: a part of 1."""
    whole = _MAX_BY_NODE * min(depth, _WHOLE_STEPS)
    return 1 - (whole + _KEPT_PER_STEP * max(0, depth - _WHOLE_STEPS)) / _MAX_IN_TREE


class RevocationEntries:
    """A node below a revoked one has no entry of its own, if its place is known: the one above
    says all.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        # By the id of a node: the entries whose nodes stand below it, removed ones among them.
        self._below: dict[str, set[Entry]] = {}
        # Entries that were removed, and that `_below` still has.
        self._removed: list[Entry] = []
        self._by_node: dict[str, int] = {}
        self._in_tree: dict[str, int] = {}
        # By the id of a root, and of a child of one: how many entries are first ones of a child.
        self._first: dict[str, int] = {}
        self._in_all = 0

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def has_room(self, node_id: str, above: tuple[str, ...], by: str) -> bool:
        """Whether a holder of the node ``by``, one of ``above``, may revoke the node. A node with
        entries below it can always be revoked: one entry takes the place of those.
        """
        if any(one in self._entries for one in (*above, node_id)) or self._has_below(node_id):
            return True
        in_tree = self._in_tree.get(above[0], 0)
        # Half of what the others leave, so that there is something left for the next tree.
        left = (_MAX_IN_ALL - (self._in_all - in_tree)) // 2
        room = min(_MAX_IN_TREE, max(_KEPT_PER_TREE, left))
        if self._by_node.get(by, 0) >= _MAX_BY_NODE:
            return False
        return in_tree < room * _room_at(above.index(by)) or self._is_first(above, by)

    def add(self, node_id: str, above: tuple[str, ...], by: str | None, end: float) -> None:
        """Adds an entry, unless a node above it is revoked. One entry remains of all along one
        line, until the latest of their ends: the owner may have given one that is too early.
        """
        own = self._entries.get(node_id)
        parent = next((self._entries[one] for one in above if one in self._entries), None)
        if parent is not None:
            first = parent
        elif own is not None:
            first = replace(own, above=own.above or above)
        else:
            first = Entry(node_id, above, by, end, self._is_first(above, by))
        below = [one for one in self._below.get(node_id, ()) if self._is_in(one)]
        replaced = [one for one in (parent, own, *below) if one is not None]
        latest = max([end, *(one.end for one in replaced)])
        # First, because other threads may look for the node meanwhile.
        self._insert(replace(first, end=latest))
        for one in replaced:
            self.remove(one)
        self._clear()

    def remove(self, entry: Entry) -> None:
        """Removes an entry, or what is left of one in whose place there is another."""
        if self._is_in(entry):
            del self._entries[entry.node_id]
        self._count(entry, -1)
        if entry.above:
            self._removed.append(entry)

    def recount(self) -> None:
        """Finds all counts anew."""
        self._by_node, self._in_tree, self._first, self._in_all = {}, {}, {}, 0
        for entry in self._entries.values():
            self._count(entry, 1)

    def _is_first(self, above: tuple[str, ...], by: str | None) -> bool:
        # A root revokes its child itself.
        if len(above) < 2 or by is None or by == above[0]:
            return False
        root, child = above[:2]
        in_child, in_tree = self._first.get(child, 0), self._first.get(root, 0)
        return in_child < _FIRST_OF_CHILD and in_tree < _FIRST_IN_TREE

    def _is_in(self, entry: Entry) -> bool:
        return self._entries.get(entry.node_id) is entry

    def _has_below(self, node_id: str) -> bool:
        return any(self._is_in(one) for one in self._below.get(node_id, ()))

    def _insert(self, entry: Entry) -> None:
        self._entries[entry.node_id] = entry
        for one in entry.above:
            self._below.setdefault(one, set()).add(entry)
        self._count(entry, 1)

    def _count(self, entry: Entry, change: int) -> None:
        if entry.by is None:
            return
        _add(self._by_node, entry.by, change)
        if entry.is_first:
            for one in entry.above[:2]:
                _add(self._first, one, change)
        else:
            _add(self._in_tree, entry.above[0], change)
            self._in_all += change

    def _clear(self) -> None:
        """A node that is revoked may have thousands of entries far below it, each at all nodes
        above: the next additions clear those away.
        """
        cleared = 0
        while self._removed and cleared < _CLEARED:
            entry = self._removed.pop()
            for one in entry.above:
                below = self._below.get(one)
                if below is not None:
                    below.discard(entry)
                    if not below:
                        del self._below[one]
            cleared += len(entry.above)


def _add(counts: dict[str, int], key: str, change: int) -> None:
    after = counts.get(key, 0) + change
    if after == 0:
        counts.pop(key, None)
    else:
        counts[key] = after
