"""A request that is let in: what its handler may ask and declare, and the end of what was claimed.
spec/5-ledger.md §5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from ..amount import Amount, format_amount, read_amount, unit_name
from ..credential import Verified
from ..wire.consumption import USE_FIELD, Declared, is_consumed
from .caching import exposed, private_headers
from .counting import Usage
from .ending import Ending, TaskEnding
from .ledger import Claim
from .terms import Terms

__all__ = ["Grant", "Left"]


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one counted limit of a credential."""

    condition: str
    """The caveat, such as ``max_uses``."""
    agent: str | None
    """Whose limit it is; ``None`` for that of the root."""
    left: int | Amount
    """Uses, or an amount."""
    most: int | Amount
    """What the limit allows, in all or in each window."""
    resets_at: float | None
    """Unix seconds at which a limit with a window is whole again if nothing more is counted."""

    def __str__(self) -> str:
        left, most = (
            format_amount(one) if isinstance(one, Amount) else f"{one} uses"
            for one in (self.left, self.most)
        )
        return f"{self.condition}: {left} left of {most}"


@dataclass(frozen=True, slots=True)
class Passed:
    """What a guard leaves for a guard after it: a request that is guarded twice is counted once."""

    terms: Terms
    method: str
    target: str
    authorization: tuple[str, ...] = field(repr=False)
    macaroon: tuple[str, ...] = field(repr=False)
    by: object = field(repr=False)
    """The service that has judged it."""

    def is_same_request(self, other: Passed) -> bool:
        """Whether both stand for one request, with one credential."""
        mine = (self.method, self.target, self.authorization, self.macaroon)
        return mine == (other.method, other.target, other.authorization, other.macaroon)


class Grant:
    """Which credential a request is served for. A handler asks it, and declares with it.

    A 2xx answer uses up what was claimed for the request, except to HEAD; any other status gives
    it back, and so does a handler that raises. Declare an exception before the head of the answer
    is sent; the last declaration holds.
    """

    granted: Literal[True] = True
    node_id: str
    """The credential's node: 32 hex digits."""
    lineage: tuple[str, ...]
    """The agents' names from the root to the caller; for the log, not for authorization."""
    caveats: tuple[tuple[str, str], ...]
    """Condition and value of each caveat, root first; values that are secret are not shown."""
    price: Amount
    """What the request costs, or, where it is metered, the most that it can come to."""

    def __init__(
        self,
        verified: Verified,
        price: Amount,
        passed: Passed,
        *,
        clock: Callable[[], float],
        claim: Claim | None = None,
        usage: Callable[[], Sequence[Usage] | None] = tuple,
    ) -> None:
        self.node_id = verified.node.id or ""
        self.lineage = tuple(verified.lineage)
        self.caveats = tuple((one.condition, one.value) for one in verified.caveats)
        self.price = price
        self.verified = verified
        self.passed = passed
        self._claim = claim
        self._usage = usage
        self._clock = clock
        self._declared: Declared | None = None
        self._settled: Amount | None = None
        self.is_for_all = False
        """Whether the handler declared that the answer may be given to anybody."""
        self._has_ended = False
        self._is_declared = False

    @property
    def agent(self) -> str | None:
        """The name of the agent that asks; ``None`` for a credential that no agent was named in."""
        return self.lineage[-1] if self.lineage else None

    @property
    def is_claimed(self) -> bool:
        """Whether something was counted that is not ended yet."""
        return self._claim is not None and not self._has_ended

    @property
    def ends_by(self) -> Literal["head", "end"]:
        """What ends the claim: the head of the answer; on a metered route the end of it."""
        return "end" if self.passed.terms.metered and self._claim is not None else "head"

    @property
    def declared(self) -> Declared | None:
        """What the handler declared until now; ``None`` if the status decides."""
        return self._declared

    def left(self) -> tuple[Left, ...] | None:
        """What is left of each counted limit, this request counted already; ``None`` if the ledger
        does not tell, as ``DecideLedger`` does not.
        """
        limits = self.verified.limits
        usages = self._usage()
        if usages is None:
            return None
        used = {one.id: one for one in usages}
        shown: list[Left] = []
        for limit in limits:
            one = used.get(limit.id)
            if one is None:
                continue
            rest = max(0, limit.max - one.used)
            left = rest if limit.unit is None else Amount(limit.unit, rest)
            most = limit.max if limit.unit is None else Amount(limit.unit, limit.max)
            shown.append(Left(limit.condition, limit.node.agent, left, most, one.resets_at))
        return tuple(shown)

    def consume(self) -> None:
        """Declares that this request uses up what was claimed for it, whatever the status, such as
        that of a search that found nothing.
        """
        self._demand_open("consume")
        self._settled = None
        self._declared = "consumed"

    def release(self) -> None:
        """Declares that this request was not served, so that the use is given back.

        Raises TypeError where the use is counted by ``DecideLedger``, which gives nothing back.
        """
        self._demand_open("release")
        self._demand_returnable("release")
        self._declared = "released"

    def settle(self, amount: str | Amount) -> None:
        """Declares what this request came to, such as ``"0.0042 usd"``, and that it is spent. More
        than the price is spent as it is, because it was used. Of a route without a price nothing is
        counted, so that only ``"0 sat"`` fits it.

        On a metered route it may be called until the answer ends, elsewhere until its head is sent.
        Raises TypeError or ValueError for what is no amount, is in another unit than the price, or
        is more than nothing where the route has no price; and where the use is counted by
        ``DecideLedger``.
        """
        given = read_amount(amount, "amount") if isinstance(amount, str) else amount
        if given.value < 0:
            raise ValueError('a request is settled with an amount, such as "0.0042 usd"')
        if given.unit != self.price.unit:
            raise ValueError(
                f"the price of this request is in {unit_name(self.price.unit)}, and it is settled "
                f"in {unit_name(given.unit)}"
            )
        self._demand_open("settle")
        self._demand_returnable("settle")
        if self.passed.terms.price.value == 0 and given.value > 0:
            raise ValueError(
                f"{format_amount(given)} would not be counted, because this route has no price: "
                'give its guard the most that a request can come to, price="…", metered=True'
            )
        self._settled = given
        self._declared = "consumed"

    def allow_shared_caching(self) -> None:
        """Declares that the answer may be given to anybody, also to those without a credential, so
        that its ``Cache-Control`` and ``Vary`` are sent as the handler sets them.
        """
        self.is_for_all = True

    def close_declarations(self) -> None:
        """The head of the answer is made. For adapters whose servers send it later."""
        self._is_declared = self.ends_by == "head"

    def _demand_open(self, what: str) -> None:
        if self._has_ended or self._is_declared:
            raise TypeError(
                f"{what}() came too late: the head of the answer was sent. Call it before, or make "
                "the route metered to settle at its end."
            )

    def _demand_returnable(self, what: str) -> None:
        if self._claim is not None and self._claim.is_final:
            raise TypeError(
                f"{what}() cannot be had of this ledger: `sigil gateway decide` counts a request "
                "when it lets it pass, and never sees its answer."
            )

    @property
    def is_counted_unseen(self) -> bool:
        """Whether the request counts also if its client left before the head."""
        return self.passed.terms.metered

    def finish(self, status: int | None, *, is_seen: bool = True) -> None:
        """Ends the claim. For adapters of servers, once, when ``ends_by`` is known.

        ``status``: of the answer; ``None`` if the exchange ended before its head was sent.
        ``is_seen``: whether the client was still there when the head was ready.
        """
        if self._has_ended:
            return
        self._has_ended = True
        if self._claim is None:
            return
        seen = is_seen or self.is_counted_unseen
        if self._is_consumed(status if seen else None):
            self._claim.commit(self._settled or self.price, self._clock())
        else:
            self._claim.release(self._clock())

    def ending(self) -> Ending:
        """What tells whether the answer that is under way has to be broken off, for adapters."""
        return Ending(self.verified, self._clock)

    def ending_with(self, task: asyncio.Task[object]) -> TaskEnding:
        """The same, which ends the task that serves, too."""
        return TaskEnding(self.verified, self._clock, task)

    def cached_as(self, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The headers of an answer with what caches are told: ``private``, if the handler has not
        declared otherwise. A guard tells it at the route too, because a cache may stand between.
        """
        return list(given) if self.is_for_all else private_headers(given)

    def _is_consumed(self, status: int | None) -> bool:
        return is_consumed(self.passed.method, status, self._declared)

    def headers(self, given: Sequence[tuple[str, str]], status: int) -> list[tuple[str, str]]:
        """The headers of the answer with ``status`` as it is sent: with what caches are told, and
        with what became of the use, if that does not follow from the status.
        """
        sent = self.cached_as(given)
        use = self._declared
        is_read = self.passed.method == "HEAD"
        if self._claim is not None and self._claim.is_final and not is_read:
            # A client would take what an error answers for unused.
            use = use if self._is_consumed(status) else "consumed"
        if use is not None and self._claim is not None:
            ours = [(USE_FIELD, use)]
            sent = [pair for pair in sent if pair[0].lower() != USE_FIELD] + ours + exposed(ours)
        return sent

    def __repr__(self) -> str:
        return f"<Grant {self.node_id} {'/'.join(self.lineage)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a grant belongs to one request: keep its node_id and lineage instead")
