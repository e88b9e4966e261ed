"""Judges a request whose credential is proven, and claims its use. spec/3-challenge.md §5."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..amount import Amount
from ..caveat import MISSING, Access, Target, counted_price, uncounted_spend, with_uncounted
from ..credential import Verified
from ..errors import AdapterError, DeniedError, TokenError, denied
from . import reasons
from .alarm import LOG
from .counting import Counted, Usage
from .facts import RequestFacts
from .grant import Grant, Passed
from .ledger import Claim, Ledger, MemoryLedger, UsedUp
from .refused import Refused
from .terms import Terms
from .waiting import Steps, Wait

__all__ = ["Denials", "Judging"]


class Denials:
    """What a service answers to credentials that do not pass, with its challenge."""

    def __init__(self, challenge: str) -> None:
        self.challenge = challenge

    def denied(self, error: DeniedError) -> Refused:
        status = 401 if reasons.needs_new_credential(error) else None
        return Refused(error, status=status, challenge=self.challenge)

    def refused(self, error: TokenError, status: int | None = None) -> Refused:
        return Refused(error, status=status, challenge=self.challenge)


class Judging:
    """The judgement of one service, and the ledger that counts for it."""

    def __init__(
        self,
        name: str | None,
        ledger: Ledger | None,
        denials: Denials,
        *,
        clock: Callable[[], float],
        alarm: Callable[[str, BaseException | None], None],
    ) -> None:
        self.ledger: Ledger = MemoryLedger() if ledger is None else ledger
        self._is_ledger_chosen = ledger is not None
        self._name = name
        self._denials = denials
        self._clock = clock
        self._alarm = alarm

    def judge(
        self,
        facts: RequestFacts,
        target: Target,
        terms: Terms,
        verified: Verified,
        passed: Passed,
    ) -> Steps[Grant | Refused]:
        """Judges the access, and claims what it uses."""
        now = self._clock()
        access = Access(
            now=now,
            target=target,
            price=terms.price,
            priced_request=_not_told,
            service=self._name,
            capability=terms.capability,
            model=terms.model if terms.knows_model else MISSING,
        )
        amount = counted_price(verified.chain, terms.price, _not_told)
        uncounted = uncounted_spend(verified.chain, amount, "access")
        error = denied(with_uncounted(verified.judge(access), uncounted, amount))
        if error is not None:
            return self._denials.denied(error)
        limits = verified.limits
        if self.ledger.counts_all and terms.price.value > 0:
            raise TypeError(
                "DecideLedger counts the prices of its own routes: take price= from this route, "
                "and write it in the configuration of sigil gateway decide"
            )
        is_counted = any(one.kind == "uses" or amount.value > 0 for one in limits)
        claim: Claim | None = None
        if is_counted or self.ledger.counts_all:
            if is_counted and not self._is_ledger_chosen:
                self._warn()
            use = Use(
                facts=facts,
                target=target.path + _query_of(facts),
                authorization=passed.authorization,
                macaroon=passed.macaroon,
                node_id=verified.node.id or "",
                node_ids=verified.node_ids,
                counted=limits,
                amount=amount,
                at=now,
            )
            ledger = self.ledger
            try:
                claim = yield Wait(lambda: ledger.claim(use), lambda: ledger.aclaim(use))
            except UsedUp as full:
                return self._denials.denied(reasons.budget_error(limits, full.usages, amount))
            except DeniedError as refusal:
                return self._denials.denied(refusal)
            except TokenError as refusal:
                return self._denials.refused(refusal)
            except AdapterError as refusal:
                if refusal.__cause__ is not None:
                    self._alarm("l8nt: a use could not be counted", refusal.__cause__)
                return Refused(refusal)

        def usage() -> Sequence[Usage] | None:
            return self.ledger.usage(limits, self._clock())

        return Grant(verified, amount, passed, clock=self._clock, claim=claim, usage=usage)

    def _warn(self) -> None:
        self._is_ledger_chosen = True
        LOG.warning("%s", _IN_MEMORY)
        warnings.warn(_IN_MEMORY, RuntimeWarning, stacklevel=2)


@dataclass(frozen=True, slots=True)
class Use:
    """What a ledger is asked to count."""

    facts: RequestFacts
    target: str
    authorization: Sequence[str] = field(repr=False)
    macaroon: Sequence[str] = field(repr=False)
    node_id: str
    node_ids: Sequence[str]
    counted: Sequence[Counted]
    amount: Amount
    at: float


_IN_MEMORY = (
    "l8nt: uses and budgets are counted in the memory of this process: a restart forgets them, and "
    "several workers count apart. Give Service(ledger=DecideLedger(…)) to count in one place, or "
    "ledger=MemoryLedger() if that is what you want."
)


def _query_of(facts: RequestFacts) -> str:
    _, found, query = (facts.target or "").partition("?")
    return found + query


def _not_told() -> None:
    """Nothing here tells which parts of a request its price was computed from."""
