"""The credentials of services that a treasury handed to a client: kept in memory by origin, for as
long as they may work. spec/4-purchase.md §2.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from .._forked import follows_forks
from .._lru import Lru
from ..caveat import Access, Target, format_origin
from ..credential import Credential
from ..wire._types import RefusedCredential
from .endings import ending_of, has_given_up
from .orders import Order, once

_MAX_ORIGINS = 1000
_MAX_PER_ORIGIN = 64
_MAX_KNOWN = 4096
_MAX_CLOCK_SKEW_SECONDS = 600


class Held:
    """A credential that was handed over, and what is known of its use."""

    __slots__ = (
        "__weakref__",
        "_is_of_parent",
        "_is_used_up",
        "_lock",
        "_may_be_used",
        "_paid_for",
        "_unanswered",
        "_users",
        "credential",
        "order",
    )

    def __init__(self, credential: Credential, order: Order, is_new: bool) -> None:
        self.credential = credential
        self.order = order
        """The order that the treasury handed it over for last: it was bought for that one."""
        self._may_be_used = not is_new
        """Whether the service may have served it."""
        self._unanswered = False
        """Whether an exchange with it ended with 5xx, or before a head, by the service or by
        something in between.
        """
        self._is_used_up = False
        self._paid_for = order.id if is_new else None
        self._is_of_parent = False
        self._begin()
        follows_forks(self, Held._after_fork)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._users: list[object] = []
        """One for each request of this process that runs with it."""

    def _after_fork(self) -> None:
        # The process that bought it goes on to use it.
        self._is_of_parent = self._may_be_used = True
        self._begin()

    @property
    def is_for_one_elsewhere(self) -> bool:
        """Whether it is for a single request, and was handed over to the process that this one was
        forked from.
        """
        return self._is_of_parent and self.credential.chain.is_single_use

    def is_paid_by(self, order_id: str | None) -> bool:
        """Whether the payment of this order bought it."""
        return order_id is not None and self._paid_for == order_id

    @property
    def is_free(self) -> bool:
        """Whether it may be kept for another request."""
        with self._lock:
            is_idle = not self._users or not self.credential.chain.is_single_use
            return not self._is_used_up and is_idle

    def use(self) -> Callable[[], None]:
        """Begins a request with it. Returns a function that ends the request."""
        user = object()
        with self._lock:
            self._users.append(user)
            end_order = self.order.begin()

        def end() -> None:
            with self._lock:
                if user in self._users:  # Not if it began before a fork.
                    self._users.remove(user)
            end_order()

        return once(end)

    def was_answered(self) -> None:
        """An answer was received, so a later refusal does not prove that nothing was served."""
        self._may_be_used = True

    def was_unanswered(self) -> None:
        """A request with it ended with a failure that may not be the service's own."""
        self._unanswered = True

    def failed(self, error: BaseException) -> None:
        """A request with it ended without an answer."""
        if has_given_up(error) or ending_of(error) != "hung up":
            self._may_be_used = True
        else:
            self.was_unanswered()

    def served(self) -> None:
        """The agent has an answer, and that is the end of a credential for a single request."""
        with self._lock:
            self._is_used_up = self.credential.chain.is_single_use
            self.order.answered()

    def handed_again(self, credential: Credential, order: Order) -> None:
        """The treasury handed it over again, perhaps for another order."""
        with self._lock:
            # An answer that arrives late is about an order that the caller has given up.
            if self._users and credential.chain.is_single_use:
                return
            self.credential = credential
            self.order = order
            self._is_of_parent = False

    @property
    def refusal(self) -> RefusedCredential:
        """What the treasury is told after the service refused it."""
        with self._lock:
            refused: RefusedCredential = {
                "paymentHash": self.credential.payment_hash,
                # Another request that runs now may be the one that used it.
                "mayBeUsed": self._may_be_used or bool(self._users),
            }
            if self._unanswered:
                refused["unanswered"] = True
            return refused


class HeldCredentials:
    """What was handed over to one client. Threads share it."""

    def __init__(self) -> None:
        self._after_fork()
        follows_forks(self, HeldCredentials._after_fork)
        self._by_origin = Lru[str, tuple[Held, ...]](_MAX_ORIGINS)
        self._known = Lru[str, Held](_MAX_KNOWN)
        """By payment hash, also those in use: the same purchase may be handed over again."""
        self._skews = Lru[str, float](_MAX_ORIGINS)
        """Clock of the service minus the client's, in seconds, by origin."""
        self.version = 0
        """Changes with everything that changes what is taken."""

    def _after_fork(self) -> None:
        self._lock = threading.RLock()

    def handed(self, text: str, order: Order, is_new: bool) -> Held:
        """A credential that was just handed over. It is not kept until ``keep``. ``is_new``: it was
        paid for now, so nobody else has used it.
        """
        credential = Credential.parse(text)
        with self._lock:
            known = self._known.get(credential.payment_hash)
            if known is None:
                held = Held(credential, order, is_new)
                self._known.set(credential.payment_hash, held)
                return held
            known.handed_again(credential, order)
            self.version += 1
            if credential.chain.is_single_use:
                self.drop(order.target, known)
            return known

    def take(self, target: Target, now: float, *, named: str | None, strayed: bool) -> Held | None:
        """Takes a credential that covers this request, as far as its own caveats say, by the clock
        of the service. One for a single request goes to one request only. If it was bought for an
        order with an ``Idempotency-Key``, only that order may have it, because it may be asked
        again. Where another origin led, only what is not used up by use is taken.
        """
        origin = format_origin(target.origin)
        if self._by_origin.get(origin) is None:
            return None
        access = Access(now=now + self.skew_of(target), target=target)
        with self._lock:
            for held in self._by_origin.get(origin) or ():
                chain = held.credential.chain
                bought_for = held.order.id if held.order.is_named else None
                if chain.is_single_use and named != bought_for:
                    continue
                if held.is_for_one_elsewhere:
                    continue
                if strayed and chain.is_used_up_by_use:
                    continue
                if not held.credential.certain_refusals(access):
                    if chain.is_single_use:
                        self.drop(target, held)
                    return held
        return None

    def keep(self, target: Target, held: Held) -> None:
        """Keeps a credential for the next request. One for a single request is not kept while a
        request uses it, nor after an answer.
        """
        if not held.is_free:
            return
        origin = format_origin(target.origin)
        with self._lock:
            kept = self._by_origin.get(origin) or ()
            if kept and kept[0] is held:
                return
            others = [other for other in kept if other is not held]
            self._by_origin.set(origin, (held, *others)[:_MAX_PER_ORIGIN])
            self.version += 1

    def drop(self, target: Target, held: Held) -> None:
        """Forgets a credential that is used, or refused."""
        origin = format_origin(target.origin)
        with self._lock:
            kept = self._by_origin.get(origin) or ()
            self._by_origin.set(origin, tuple(other for other in kept if other is not held))
            self.version += 1

    def learn_clock(self, target: Target, date: str | None, now: float) -> None:
        """Notes the clock of a service, by the ``Date`` of its answer."""
        try:
            there = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, OverflowError, TypeError):
            return
        skew = there - now
        is_far = abs(skew) > _MAX_CLOCK_SKEW_SECONDS
        with self._lock:
            self._skews.set(format_origin(target.origin), 0 if is_far else skew)
            self.version += 1

    def skew_of(self, target: Target) -> float:
        """Clock of the service minus the client's, in seconds."""
        return self._skews.get(format_origin(target.origin)) or 0
