"""The list of revoked nodes that a verifier's credentials are judged by.
spec/1-credential.md §6, spec/7-revocation-feed.md §3.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from threading import RLock

from .._forked import follows_forks, is_in_use
from .._passed_time import PassedTime
from ..caveat import Node, refusal_of
from ..errors import AdapterError, DeniedError, Refusal, denied
from .node_watches import NodeWatches
from .revocation_entries import RevocationEntries

Clock = Callable[[], float]
"""Unix seconds."""

_SWEEP_EVERY = 1024
"""After this many additions, entries that have ended are removed."""
_NODE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Revocation:
    """A revocation by a holder."""

    node_id: str
    """32 hex digits: the node that is revoked, with everything below it."""
    above: tuple[str, ...]
    """Ids of the nodes above it, root first."""
    by: str
    """The node whose holder revoked it: one of ``above``."""
    ends_at: float | None = None
    """Unix seconds after which nothing below the node can be valid; ``None`` if not known."""


class RevocationList:
    """Revoked nodes, each remembered for as long as a credential below it can be valid, and no
    longer. Threads may share it; it lives in this process alone.

    ``clock`` gives Unix seconds. ``elapsed`` gives seconds since any moment, by a clock that
    nobody sets.
    """

    def __init__(
        self,
        *,
        clock: Clock = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._passed = PassedTime(elapsed)
        self._entries = RevocationEntries()
        self._watches = NodeWatches()
        self._lock = RLock()
        follows_forks(self, RevocationList._after_fork)
        self._until_sweep = _SWEEP_EVERY
        self._swept_at = -inf
        self._certain_from = -inf
        # Until a feed is followed there is nothing to miss.
        self._heard_at = 0.0
        self._max_silence_seconds = inf

    def _after_fork(self) -> None:
        """What was revoked stays revoked. A thread of the parent may have been in the middle of an
        addition, which puts the new entry in before it takes others out.
        """
        if is_in_use(self._lock):
            self._entries.recount()
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"<RevocationList of {len(self)} nodes>"

    def __len__(self) -> int:
        """How many nodes are remembered."""
        return len(self._entries)

    def __contains__(self, node_id: str) -> bool:
        """Whether the node has an entry. One that stands below a revoked node may have none."""
        return node_id in self._entries

    def revoke(
        self,
        node_id: str,
        ends_at: float | None = None,
        *,
        above: Sequence[str] = (),
        by: str | None = None,
    ) -> None:
        """Revokes a node and everything below it, never its parent. Without a limit: for the
        owner, and for what was revoked elsewhere.

        ``ends_at``: Unix seconds after which nothing below the node can be valid; without it the
        entry is kept for good. ``above``: ids of the nodes above it, root first, if they are
        known. ``by``: the node whose holder revoked it, one of ``above``.

        Raises TypeError if ``node_id`` is not a node id.
        """
        # A mistyped id would revoke nothing without a word.
        if not _NODE_ID.fullmatch(node_id):
            raise TypeError("a node id is 32 hex digits, in lower case")
        now = self._clock()
        with self._lock:
            self._passed.begin(now)
            end = inf if ends_at is None else ends_at
            self._entries.add(node_id, tuple(above), by, end)
            self._until_sweep -= 1
            if self._until_sweep <= 0:
                self._sweep(now)
        self._watches.stopped(node_id)

    def revoke_below(self, revocation: Revocation) -> None:
        """Revokes a node for a holder of a credential above it. What the holders of other nodes
        revoke counts against none of the nodes above them, and a node that has revoked ones below
        it always fits: it takes the place of their entries.

        Raises AdapterError ``ERR_RATE_LIMITED`` after a thousand nodes that the holders of one
        node revoked, or twenty thousand in one tree: fewer for nodes far from the root, and if the
        holders of other trees have revoked most of a hundred thousand, but a thousand in any case.
        """
        node_id, above, by = revocation.node_id, revocation.above, revocation.by
        with self._lock:
            if not self._entries.has_room(node_id, above, by):
                now = self._clock()
                # At most once a second, so that refused requests do not go through the whole list.
                if abs(now - self._swept_at) >= 1:
                    self._sweep(now)
                if not self._entries.has_room(node_id, above, by):
                    raise AdapterError(
                        "ERR_RATE_LIMITED",
                        "Too many nodes were revoked with this credential, or in its tree. "
                        "Revoke a node above them.",
                    )
            self.revoke(node_id, revocation.ends_at, above=above, by=by)

    def watch(self, node_ids: Sequence[str], end: Callable[[], None]) -> Callable[[], None]:
        """Calls ``end`` once, in the thread that revokes, when one of these nodes is revoked from
        now on. Returns what stops watching.
        """
        return self._watches.add(node_ids, end)

    def stops(self, node_ids: Sequence[str]) -> bool:
        """Whether one of these nodes is revoked by an entry of its own."""
        return any(one in self._entries for one in node_ids)

    @property
    def certain_from(self) -> float:
        """Unix seconds of the latest end that was forgotten. At an earlier time, on a clock that
        was set back, nothing can say what was revoked. [case 109]
        """
        return self._certain_from

    def certain_again(self) -> None:
        """Everything that was ever revoked was added again, so that nothing is forgotten."""
        self._certain_from = -inf

    def heard(self, at: float, max_silence_seconds: float) -> None:
        """Records that at Unix second ``at`` everything revoked elsewhere was known. Nothing is
        granted more than ``max_silence_seconds`` away from it.
        """
        self._heard_at, self._max_silence_seconds = at, max_silence_seconds

    def standstill(self, now: float) -> DeniedError | None:
        """Why nothing is granted at Unix second ``now``: the list may not be complete; else
        ``None``.
        """
        is_known = self._is_complete_at(now) and now >= self._certain_from
        return None if is_known else denied([_SILENCE])

    def refusal_of(self, nodes: Callable[[], Sequence[Node]], now: float) -> Refusal | None:
        """Why a revocation denies a chain of nodes, root first; ``None`` if none does. The nodes
        are asked for only if there is something to look for.
        """
        self._passed.begin(now)
        if not self._is_complete_at(now):
            return _SILENCE
        if now < self._certain_from:
            return _refused(nodes()[-1], _SET_BACK, "a clock that goes forward")
        if len(self._entries) == 0:
            return None
        for node in nodes():
            if node.id is not None and node.id in self._entries:
                agent = node.agent
                whose = (
                    "a credential that was revoked"
                    if agent is None
                    else f"a credential whose agent {agent} was revoked"
                )
                return _refused(node, whose, "a credential that was not")
        return None

    def _sweep(self, now: float) -> None:
        self._until_sweep = _SWEEP_EVERY
        self._swept_at = now
        # What a clock that is ahead takes for ended is valid again once it is set right. [case 109]
        passed = self._passed.at(now)
        for entry in self._entries:
            if entry.end < passed:
                # Before the entry goes, so that no thread in between takes the node for a good one.
                self._certain_from = max(self._certain_from, entry.end)
                self._entries.remove(entry)

    def _is_complete_at(self, now: float) -> bool:
        # In both directions: on a clock that was set back, the last report is as far away as on
        # one that went on.
        return abs(now - self._heard_at) <= self._max_silence_seconds


_SILENCE = Refusal(
    "ERR_REVOCATION_UNKNOWN",
    "revocation",
    "a list of revocations that may be out of date",
    "a current one: try again in a moment",
)
"""The list may be incomplete, so nothing is granted. [case 111]"""
_SET_BACK = "a clock that was set back to before revocations that are forgotten by now"


def _refused(node: Node, have: str, need: str) -> Refusal:
    return refusal_of(node, "ERR_REVOKED", "revocation", have, need)
