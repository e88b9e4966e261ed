"""What counts uses and budgets for a service: its port, and counters in memory.
spec/5-ledger.md §2.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from .._forked import follows_forks
from .._shares import Shares
from ..amount import Amount
from ..errors import AdapterError
from .counting import Counted, Counter, Usage, add_to_window, usage_of
from .facts import RequestFacts

__all__ = ["Claim", "ClaimRequest", "Ledger", "MemoryLedger"]

_MAX_COUNTER = 2**63 - 1
_FORGET_SECONDS = 86_400
"""How long after its end a limit is forgotten: within a day, a clock that is set back finds its
counter as it was."""

_MOST_COUNTERS = 200_000
"""About 70 MB. A holder makes children, and limits of theirs, for nothing, and they are kept until
the end that it gives them."""
_LEVELS = 4
"""How many nodes of a chain, from its root, have a part of the counters of their own."""
_LOOKED_AT = 2
"""How many counters are looked at for each new one."""


class ClaimRequest(Protocol):
    """One use of a credential that nothing speaks against but, perhaps, its counted limits."""

    @property
    def facts(self) -> RequestFacts: ...
    @property
    def target(self) -> str:
        """Path and query as clients send them, the path in its canonical form."""
        ...

    @property
    def authorization(self) -> Sequence[str]:
        """The lines that the credential was read from."""
        ...

    @property
    def macaroon(self) -> Sequence[str]: ...
    @property
    def node_id(self) -> str:
        """The credential's node: 32 hex digits."""
        ...

    @property
    def node_ids(self) -> Sequence[str]:
        """Of its nodes, root first."""
        ...

    @property
    def counted(self) -> Sequence[Counted]:
        """Every counted limit of the chain; empty for a credential without any."""
        ...

    @property
    def amount(self) -> Amount:
        """The price: what is spent with the use."""
        ...

    @property
    def at(self) -> float:
        """Unix seconds."""
        ...


class Claim(Protocol):
    """One use that was counted before its request is served. It ends once: a later end changes
    nothing."""

    @property
    def is_final(self) -> bool:
        """Whether the use is used up already, so that nothing can be given back or settled."""
        ...

    def commit(self, spent: Amount, at: float) -> None:
        """Counts the use for good. More than was claimed is counted as it is: it was spent."""
        ...

    def release(self, at: float) -> None:
        """Gives the use back: nothing was served."""
        ...


class Ledger(Protocol):
    """Counts uses. One of both methods is called for each request whose credential passes.

    They raise SigilError to refuse: BudgetError for a limit that is used up, AdapterError
    ``ERR_STORE`` where it is not known.
    """

    @property
    def counts_all(self) -> bool:
        """Whether it is asked about every credential, and not only about counted limits."""
        ...

    def claim(self, request: ClaimRequest) -> Claim:
        """Claims a use, in a thread that may wait."""
        ...

    async def aclaim(self, request: ClaimRequest) -> Claim:
        """Claims a use, in an event loop."""
        ...

    def usage(self, counted: Sequence[Counted], at: float) -> Sequence[Usage] | None:
        """What is counted now; ``None`` if this ledger does not tell."""
        ...


class UsedUp(Exception):
    """Limits that have too little left. Nothing was counted."""

    def __init__(self, usages: Sequence[Usage]) -> None:
        super().__init__("a limit is used up")
        self.usages = tuple(usages)


class MemoryLedger:
    """Counters in the memory of this process: a restart forgets them, and another worker process
    counts apart. Give one to ``Service(ledger=MemoryLedger())`` to say that you know this.

    Threads and tasks may share it. It keeps ``most`` counters: one tree of credentials has at most
    half of what is left, so that its holder leaves room for others.
    """

    counts_all = False

    def __init__(
        self, *, elapsed: Callable[[], float] = time.monotonic, most: int = _MOST_COUNTERS
    ) -> None:
        """``elapsed``: seconds since any moment, by a clock that nobody sets."""
        self._most = most
        self._rows: OrderedDict[str, Counter] = OrderedDict()
        self._begin()
        follows_forks(self, MemoryLedger._after_fork)
        self._elapsed = elapsed
        self._passed: tuple[float, float] | None = None
        self._forgotten_until = -math.inf
        self._to_look_at = 0

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._shares = Shares(self._most, "counted limits")
        for row in self._rows.values():
            self._shares.note(row.nodes, 1)
        self._process = object()
        """Another one in each process: a claim ends in the one that made it."""

    def _after_fork(self) -> None:
        """What the parent's requests have claimed ends there."""
        for name, row in list(self._rows.items()):
            row.reserved = 0
            if row.committed == 0:
                del self._rows[name]
        self._begin()

    def claim(self, request: ClaimRequest) -> MemoryClaim:
        """Raises UsedUp; AdapterError ``ERR_STORE`` if a counter would not hold it, and
        ``ERR_RATE_LIMITED`` if there is no room for new counters.
        """
        counted, amount, at = request.counted, request.amount, request.at
        held = [(one, _held_for(one, amount)) for one in counted]
        held = [(one, value) for one, value in held if value > 0]
        with self._lock:
            self._forget(at)
            refused: list[Usage] = []
            for one, value in held:
                used = self._usage(one, at)
                if one.max is not None and used.used + value > one.max:
                    refused.append(used)
            if refused:
                raise UsedUp(refused)
            if any(self._would_pass(one, value) for one, value in held):
                raise _full()
            nodes = tuple(request.node_ids[:_LEVELS])
            is_new = {one.id for one, _ in held} - self._rows.keys()
            self._shares.take(nodes, len(is_new))
            for one, value in held:
                self._row(one, nodes).reserved += value
            return MemoryClaim(self, held, self._process)

    async def aclaim(self, request: ClaimRequest) -> MemoryClaim:
        """As ``claim``: nothing is waited for."""
        return self.claim(request)

    def usage(self, counted: Sequence[Counted], at: float) -> list[Usage]:
        """What is counted against each limit now."""
        with self._lock:
            return [self._usage(one, at) for one in counted]

    def _usage(self, counted: Counted, at: float) -> Usage:
        row = self._rows.get(counted.id)
        ends_at = counted.expires_at
        # Nobody knows how much of a counter that was forgotten was used. [case 109]
        is_forgotten = row is None and ends_at is not None and ends_at <= self._forgotten_until
        if is_forgotten and counted.max is not None:
            return Usage(counted.id, counted.max, 0)
        return usage_of(row, counted, at)

    def _would_pass(self, counted: Counted, value: int) -> bool:
        row = self._rows.get(counted.id)
        return row is not None and row.committed + row.reserved + value > _MAX_COUNTER

    def _row(self, counted: Counted, nodes: Sequence[str]) -> Counter:
        row = self._rows.get(counted.id)
        if row is None:
            self._to_look_at += _LOOKED_AT
            ends_at = math.inf if counted.expires_at is None else counted.expires_at
            row = self._rows[counted.id] = Counter(ends_at=ends_at, nodes=nodes)
        return row

    def _end(
        self,
        held: Sequence[tuple[Counted, int]],
        process: object,
        spent: Amount | None,
        at: float,
    ) -> None:
        with self._lock:
            if process is not self._process:
                return
            for one, value in held:
                row = self._rows[one.id]
                row.reserved -= value
                if spent is not None:
                    kept = min(_held_for(one, spent), _MAX_COUNTER - row.committed)
                    row.committed += kept
                    if one.window_seconds is not None and kept > 0:
                        row.slots = add_to_window(row.slots, one.window_seconds, at, kept)
                # A holder of a credential makes children of it, with as many limits as it likes.
                if row.committed == 0 and row.reserved == 0:
                    del self._rows[one.id]
                    self._shares.give(row.nodes, 1)

    def _forget(self, at: float) -> None:
        """Looks at two counters more than twice those that were made, so that a search overtakes
        what is added and no request pays for one through all of them. A clock that is set ahead
        deletes nothing: as much time has to pass by the other one.
        """
        now = self._elapsed()
        began, began_at = self._passed or (now, at)
        self._passed = (began, began_at)
        by = min(at, began_at + now - began) - _FORGET_SECONDS
        looked_at, self._to_look_at = self._to_look_at + _LOOKED_AT, 0
        for _ in range(min(looked_at, len(self._rows))):
            name = next(iter(self._rows))
            row = self._rows[name]
            is_over = row.reserved == 0 and (row.committed == 0 or row.ends_at <= by)
            if not is_over:
                self._rows.move_to_end(name)
                continue
            self._shares.give(row.nodes, 1)
            if row.committed > 0:
                self._forgotten_until = max(self._forgotten_until, row.ends_at)
            del self._rows[name]

    def __repr__(self) -> str:
        return f"<MemoryLedger, {len(self._rows)} counters>"


class MemoryClaim:
    """A use that is counted in memory."""

    is_final = False

    def __init__(
        self, ledger: MemoryLedger, held: Sequence[tuple[Counted, int]], process: object
    ) -> None:
        self._ledger = ledger
        self._held = held
        self._process = process
        self._open = [True]

    def commit(self, spent: Amount, at: float) -> None:
        """Counts the use, with what was spent."""
        self._end(spent, at)

    def release(self, at: float) -> None:
        """Gives the use back."""
        self._end(None, at)

    def _end(self, spent: Amount | None, at: float) -> None:
        try:
            self._open.pop()  # One thread alone gets it.
        except IndexError:
            return
        self._ledger._end(self._held, self._process, spent, at)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # one module


def _held_for(counted: Counted, amount: Amount) -> int:
    """An amount counts in its own unit only: units are never converted."""
    if counted.kind == "uses":
        return 1
    return amount.value if counted.kind == "spend" and counted.unit == amount.unit else 0


def _full() -> AdapterError:
    return AdapterError(
        "ERR_STORE",
        "The books cannot count this: a counter would pass 2^63 - 1. Nothing was changed.",
    )
