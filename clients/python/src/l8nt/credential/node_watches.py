"""What waits for the end of a node: answers and connections under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from .._forked import follows_forks

End = Callable[[], None]


class NodeWatches:
    """Threads may share it. A watch is called once."""

    def __init__(self) -> None:
        self._after_fork()
        follows_forks(self, NodeWatches._after_fork)

    def _after_fork(self) -> None:
        """The answers and connections of the parent are broken off by the parent alone."""
        self._of_nodes: dict[str, dict[int, End]] = {}
        self._ids: dict[int, tuple[str, ...]] = {}
        self._next = 0
        self._lock = Lock()

    def add(self, node_ids: Sequence[str], end: End) -> Callable[[], None]:
        """Calls ``end`` when one of these nodes stops. Returns what stops watching."""
        with self._lock:
            self._next += 1
            key = self._next
            self._ids[key] = tuple(node_ids)
            for one in node_ids:
                self._of_nodes.setdefault(one, {})[key] = end
        return lambda: self._remove(key)

    def stopped(self, node_id: str) -> None:
        """The node stopped: every watch on it is removed, then called."""
        with self._lock:
            ends = dict(self._of_nodes.get(node_id, {}))
        for key, end in ends.items():
            self._remove(key)
            end()

    def _remove(self, key: int) -> None:
        with self._lock:
            for one in self._ids.pop(key, ()):
                watches = self._of_nodes.get(one, {})
                watches.pop(key, None)
                if not watches:
                    self._of_nodes.pop(one, None)
