"""The orders of one node in this process: which of them run, and which were answered.
spec/4-purchase.md §2.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from .._forked import follows_forks
from .._lru import Lru
from ..caveat import Target, format_origin
from ..credential import Credential

_MAX_NAMED = 64
"""The most ids that one message names."""
_MAX_OPEN_BODIES = 64
"""Bodies that the caller leaves unread. The oldest one beyond them counts as read."""
_MAX_NODES = 1024
_MAX_REPORTED = 4096
_MAX_ANSWERED = 1024
"""Beyond them the oldest is forgotten, which costs a later order one more exchange."""


def named_order(key: str, method: str, url: str) -> str:
    """The id of an order whose request has an ``Idempotency-Key`` of the caller's: the same in each
    process.
    """
    return hashlib.sha256(f"order\n{method}\n{url.split('#', 1)[0]}\n{key}".encode()).hexdigest()


def new_order_id(now: float) -> str:
    """The id of any other order. It need not be hard to guess: the treasury knows an order by its
    node and its id, so the id names nothing of another node.
    """
    return f"{int(now * 1000):012x}{secrets.token_hex(10)}"


@dataclass(frozen=True, slots=True)
class Told:
    """What the treasury is told of other orders with an order."""

    answered: Sequence[str] = ()
    under_way: Sequence[str] = ()


class Order:
    """One logical request that may cost money."""

    __slots__ = ("id", "is_named", "orders", "target")

    def __init__(self, orders: Orders, order_id: str, is_named: bool, target: Target) -> None:
        self.orders = orders
        self.id = order_id
        self.is_named = is_named
        """Whether the caller can ask for the same order again, by its ``Idempotency-Key``."""
        self.target = target

    def begin(self) -> Callable[[], None]:
        """Counts the order as under way until the returned function is called: nothing that was
        bought for it is given to another order meanwhile.
        """
        return self.orders.begin(self)

    def answered(self) -> None:
        """Records that the agent has the answer. The treasury is told with the next order."""
        self.orders.note_answered(self)


class _Running:
    """An order that is under way, and how often."""

    __slots__ = ("count", "order")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.count = 0


class Orders:
    """The orders of one node. Threads share it."""

    def __init__(self) -> None:
        self._after_fork()
        follows_forks(self, Orders._after_fork)
        self._answered: dict[str, str] = {}
        """Answered, and not yet known to the treasury: id and origin."""
        self._next_body = 0
        self._reported = Lru[str, bool](_MAX_REPORTED)
        """Payment hashes of payments that a client was told of."""

    def _after_fork(self) -> None:
        """The calls of the parent do not run here."""
        self.lock = threading.RLock()
        self._running: dict[str, _Running] = {}
        """By id, in the order in which they began."""
        self._bodies: dict[int, Callable[[], None]] = {}

    def open(self, order_id: str, is_named: bool, target: Target) -> Order:
        with self.lock:
            running = self._running.get(order_id)
            return Order(self, order_id, is_named, target) if running is None else running.order

    def begin(self, order: Order) -> Callable[[], None]:
        """Counts an order as under way until the returned function is called."""
        with self.lock:
            known = self._running.get(order.id)
            running = self._running[order.id] = _Running(order) if known is None else known
            running.count += 1

        def end() -> None:
            with self.lock:
                running.count -= 1
                # Another one has its place if it began before a fork.
                if running.count == 0 and self._running.get(order.id) is running:
                    del self._running[order.id]

        return once(end)

    def note_answered(self, order: Order) -> None:
        with self.lock:
            self._answered[order.id] = format_origin(order.target.origin)
            if len(self._answered) > _MAX_ANSWERED:
                del self._answered[next(iter(self._answered))]

    def watch_body(self, read: Callable[[], None]) -> Callable[[], None]:
        """Watches a body that the caller may leave unread. ``read`` is called if there are too many
        of them, as if the caller had read this one. Returns a function that ends the watch.
        """
        with self.lock:
            number = self._next_body = self._next_body + 1
            self._bodies[number] = read
            too_many = len(self._bodies) > _MAX_OPEN_BODIES
            oldest = next(iter(self._bodies.values())) if too_many else None
        if oldest is not None:
            oldest()

        def unwatch() -> None:
            with self.lock:
                self._bodies.pop(number, None)

        return unwatch

    def is_news(self, payment_hash: str) -> bool:
        """Whether a payment is reported for the first time: the same order may be sent again."""
        with self.lock:
            is_news = self._reported.get(payment_hash) is None
            self._reported.set(payment_hash, True)
            return is_news

    def told_with(self, order: Order) -> Told:
        """What the treasury is told with an order."""
        here = format_origin(order.target.origin)
        with self.lock:
            rows = [(one, origin) for one, origin in self._answered.items() if one != order.id]
            others = [one.order for one in self._running.values() if one.order.id != order.id]
        rows.sort(key=lambda row: row[1] != here)
        answered = [one for one, _ in rows[:_MAX_NAMED]]
        under_way = [one.id for one in others if one.target == order.target][-_MAX_NAMED:]
        return Told(answered, under_way)

    def untold(self) -> list[str]:
        """Answered orders of which the treasury does not know it, as many as one message names."""
        with self.lock:
            return list(self._answered)[:_MAX_NAMED]

    def acknowledged(self, ids: Sequence[str]) -> None:
        """Forgets ids that the treasury knows."""
        with self.lock:
            for one in ids:
                self._answered.pop(one, None)


_of_nodes = Lru[str, Orders](_MAX_NODES)
"""By node: a process may make a client for each request, and the treasury knows only the node."""
_of_credentials: WeakKeyDictionary[Credential, Orders] = WeakKeyDictionary()


class _Guard:
    """The lock of what follows from credentials to their orders."""

    def __init__(self) -> None:
        self._after_fork()
        follows_forks(self, _Guard._after_fork)

    def _after_fork(self) -> None:
        self.lock = threading.Lock()


_guard = _Guard()


def orders_of(credential: Credential) -> Orders:
    """The orders of a credential's node in this process."""
    with _guard.lock:
        known = _of_credentials.get(credential)
        if known is None:
            known = _of_credentials[credential] = _orders_of_node(credential)
        return known


def _orders_of_node(credential: Credential) -> Orders:
    caveats: Sequence[bytes] = ()
    if credential.chain.lineage:
        # The node begins with the last caveat that opens one.
        own = f"agent={credential.chain.lineage[-1]}".encode()
        caveats = credential.body.caveats
        opening = max(at for at, one in enumerate(caveats) if one.startswith(own))
        caveats = caveats[: opening + 1]
    path = [one.hex() for one in caveats]
    named = json.dumps([credential.location, credential.body.root_id, *path])
    key = hashlib.sha256(named.encode()).hexdigest()
    known = _of_nodes.get(key)
    if known is None:
        known = Orders()
        _of_nodes.set(key, known)
    return known


def once(act: Callable[[], None]) -> Callable[[], None]:
    """A function that acts at its first call alone."""
    waiting = [act]

    def first() -> None:
        try:
            found = waiting.pop()  # One thread alone gets it, and no lock is held in a fork.
        except IndexError:
            return
        found()

    return first
