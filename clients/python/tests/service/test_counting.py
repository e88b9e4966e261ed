"""Counters in memory: threads, tasks, windows and clocks. spec/5-ledger.md §2, §3 and §5."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from tests.service.test_decide import told_to
from tests.service.worlds import LOCATION, SECRET, START

from l8nt.amount import Amount
from l8nt.errors import AdapterError
from l8nt.l402 import Minter
from l8nt.service import Grant, MemoryLedger, Refused, RequestFacts, Service
from l8nt.service.terms import terms_of


class Desk:
    """A service whose clock the test moves."""

    def __init__(self, **options: Any) -> None:
        self.now = START
        self.passed = 0.0
        ledger = options.pop("ledger", None) or MemoryLedger(elapsed=lambda: self.passed)
        self.service = Service(
            location=LOCATION, secret=SECRET, ledger=ledger, clock=lambda: self.now, **options
        )

    def move(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds

    def facts(self, **scope: Any) -> RequestFacts:
        given: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", **scope}
        minter = Minter(secret=SECRET, location=LOCATION, clock=lambda: self.now)
        text = minter.mint(**given).text
        return RequestFacts("GET", "/a", [("authorization", f"L402 {text}")])

    def ask(self, facts: RequestFacts, status: int | None = 200, **terms: Any) -> bool:
        """Whether it is let in; the answer has this status."""
        decision = self.service.authorize(facts, **terms)
        if isinstance(decision, Grant):
            decision.finish(status)
        return isinstance(decision, Grant)


def test_threads_together_use_no_more_than_there_is() -> None:
    desk = Desk()
    facts = desk.facts(max_uses=50)
    together = threading.Barrier(8)

    def work(number: int) -> int:
        together.wait()
        return sum(desk.ask(facts, 200 if n % 3 else 500) for n in range(40))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    [left] = _left(desk, facts)
    assert left == 0
    assert not desk.ask(facts)


def _left(desk: Desk, facts: RequestFacts) -> list[int]:
    """What is left of each limit, without a use for asking."""
    verified = desk.service.authorize(facts)
    if not isinstance(verified, Grant):
        return [0]
    left = [one.left for one in verified.left() or ()]
    verified.finish(None)
    return [int(one) + 1 for one in left if isinstance(one, int)]


async def test_tasks_together_use_no_more_than_there_is() -> None:
    desk = Desk()
    facts = desk.facts(max_uses=5)

    async def work() -> bool:
        decision = await desk.service.authorize_async(facts)
        await asyncio.sleep(0)
        if isinstance(decision, Grant):
            decision.finish(200)
        return isinstance(decision, Grant)

    assert sum(await asyncio.gather(*(work() for _ in range(20)))) == 5


def test_what_is_under_way_counts_and_what_is_never_ended_too() -> None:
    desk = Desk()
    facts = desk.facts(max_uses=2)
    under_way = desk.service.authorize(facts)
    assert desk.ask(facts)
    assert not desk.ask(facts)
    assert isinstance(under_way, Grant)
    under_way.finish(500)
    under_way.finish(200)
    assert desk.ask(facts)
    assert not desk.ask(facts)


def test_every_limit_of_a_chain_counts_or_none() -> None:
    desk = Desk()
    facts = desk.facts(max_uses=5, max_uses_per_minute=2, budget="1 usd")
    assert [desk.ask(facts, price="0.3 usd") for _ in range(3)] == [True, True, False]
    desk.move(61)
    assert [desk.ask(facts, price="0.3 usd") for _ in range(2)] == [True, False]
    assert [desk.ask(facts, price="0.1 usd") for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("seconds", "is_whole"), [(0, False), (59, False), (61, True), (-300, False)]
)
def test_a_window_slides_and_a_clock_that_goes_back_frees_nothing(
    seconds: float, is_whole: bool
) -> None:
    desk = Desk()
    facts = desk.facts(max_uses_per_minute=3, expires_in="1d")
    desk.move(600)
    assert [desk.ask(facts) for _ in range(4)] == [True, True, True, False]
    desk.move(seconds)
    assert desk.ask(facts) == is_whole


def test_a_clock_that_was_ahead_leaves_nobody_with_a_window_of_its_own() -> None:
    """Slots of the time ahead have driven out those before: nobody knows what it holds."""
    desk = Desk()
    facts = desk.facts(max_uses_per_hour=3, expires_in="30d")
    assert desk.ask(facts)
    desk.now += 7200
    assert desk.ask(facts)
    desk.now -= 7200
    assert not desk.ask(facts)


def test_what_has_ended_is_forgotten_and_stays_used_if_the_clock_goes_back() -> None:
    desk = Desk()
    old = desk.facts(max_uses=1)
    assert desk.ask(old)
    desk.move(2 * 86_400)
    # Each claim looks at two counters.
    for _ in range(4):
        assert desk.ask(desk.facts(max_uses=1))
    assert len(repr(desk.service.ledger)) > 0
    assert repr(desk.service.ledger) == "<MemoryLedger, 4 counters>"
    desk.now -= 2 * 86_400
    assert not desk.ask(old)


def test_a_clock_that_is_set_ahead_forgets_nothing() -> None:
    desk = Desk()
    facts = desk.facts(max_uses=1)
    assert desk.ask(facts)
    desk.now += 10 * 86_400
    for _ in range(4):
        assert desk.ask(desk.facts(max_uses=1))
    assert repr(desk.service.ledger) == "<MemoryLedger, 5 counters>"
    desk.now -= 10 * 86_400
    assert not desk.ask(facts)


def test_a_metered_request_holds_the_most_and_spends_what_it_came_to() -> None:
    desk = Desk()
    facts = desk.facts(budget="1 usd")
    terms: Any = {"price": "0.6 usd", "metered": True}
    grant = desk.service.authorize(facts, **terms)
    assert isinstance(grant, Grant)
    assert grant.ends_by == "end"
    assert not desk.ask(facts, **terms)
    grant.settle(Amount("usd_micro", 250_000))
    grant.finish(200)
    assert desk.ask(facts, **terms)
    with pytest.raises(TypeError, match="too late"):
        grant.settle("0.1 usd")
    assert not desk.ask(facts, price="0.2 usd")
    assert desk.ask(facts, price="0.15 usd")


def test_more_than_was_held_is_spent_as_it_is() -> None:
    desk = Desk()
    facts = desk.facts(budget="1 usd")
    grant = desk.service.authorize(facts, price="0.1 usd")
    assert isinstance(grant, Grant)
    grant.settle("3 usd")
    grant.finish(200)
    assert not desk.ask(facts, price="0.1 usd")


def test_a_ledger_that_fails_serves_nothing() -> None:
    alarms: list[str] = []

    class Broken(MemoryLedger):
        def claim(self, request: Any) -> Any:
            error = AdapterError("ERR_STORE", "The books are away.", retry_after_seconds=3)
            raise error from OSError("disk")

    desk = Desk(ledger=Broken(), alarm=told_to(alarms))
    assert desk.ask(desk.facts())
    refused = desk.service.authorize(desk.facts(max_uses=1))
    assert isinstance(refused, Refused)
    assert dict(refused.answer.headers)["retry-after"] == "3"
    assert (refused.status, alarms) == (503, ["l8nt: a use could not be counted: disk"])


def _counters(desk: Desk) -> int:
    return int(repr(desk.service.ledger).split()[1])


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_what_counts_nothing_leaves_nothing_in_memory(method: str) -> None:
    """A holder makes as many children, each with as many limits, as it likes."""
    desk = Desk()
    scope: Any = {"endpoints": [f"* {LOCATION}/**"], "max_uses_per_day": 100, "expires_in": "30d"}
    parent = Minter(secret=SECRET, location=LOCATION, clock=lambda: desk.now).mint(**scope)
    used = RequestFacts("GET", "/a", [("authorization", f"L402 {parent.text}")])
    assert desk.ask(used)
    for n in range(50):
        child = parent.delegate(agent=f"a{n}").append(["max_uses=9"] * 20)
        asked = RequestFacts(method, "/a", [("authorization", f"L402 {child.text}")])
        assert desk.ask(asked, 200 if method == "HEAD" else 404)
        assert _counters(desk) == 1
    # What was used stays used.
    assert _left(desk, used) == [99]


def test_what_is_under_way_together_is_counted_by_each() -> None:
    desk = Desk()
    facts = desk.facts(max_uses=2)
    first, second = desk.service.authorize(facts), desk.service.authorize(facts)
    assert isinstance(first, Grant)
    assert isinstance(second, Grant)
    first.finish(500)
    assert _counters(desk) == 1
    assert desk.ask(facts, 500)
    second.finish(200)
    assert desk.ask(facts)
    assert not desk.ask(facts)


def test_a_search_overtakes_what_is_added() -> None:
    """Counters of a chain with many limits are looked at as they are made."""
    desk = Desk()
    for _ in range(20):
        assert desk.ask(desk.facts(max_uses=1, max_uses_per_hour=1, max_uses_per_day=1))
    assert _counters(desk) == 60
    desk.move(3 * 86_400)
    for _ in range(20):
        assert desk.ask(desk.facts(max_uses=1, max_uses_per_hour=1, max_uses_per_day=1))
    assert _counters(desk) <= 63


@pytest.mark.parametrize(
    ("terms", "amount", "is_taken"),
    [
        ({"price": "1 sat"}, "5 sat", True),
        ({"price": "1 sat"}, "0 sat", True),
        ({"price": "1 sat", "metered": True}, "5 sat", True),
        ({}, "5 sat", False),
        ({"price": "0 sat"}, "5 sat", False),
        ({"price": "0 sat", "metered": True}, "5 sat", False),
        ({"price": "0 usd"}, "0.01 usd", False),
        ({}, "0 sat", True),
        ({"price": "0 sat", "metered": True}, "0 sat", True),
    ],
)
@pytest.mark.parametrize("scope", [{}, {"budget": ["9 sat", "1 usd"]}, {"max_uses": 5}])
def test_what_would_not_be_counted_cannot_be_settled(
    terms: Any, amount: str, is_taken: bool, scope: Any
) -> None:
    desk = Desk()
    grant = desk.service.authorize(desk.facts(**scope), **terms)
    assert isinstance(grant, Grant)
    if is_taken:
        grant.settle(amount)
        assert grant.declared == "consumed"
        return
    with pytest.raises(ValueError, match="has no price"):
        grant.settle(amount)
    assert grant.declared is None


@pytest.mark.parametrize("name", ["Weather", "weather ", "", "my.weather", 5])
def test_a_service_has_a_name_that_caveats_can_have(name: Any) -> None:
    with pytest.raises(ValueError, match="name must be one that caveats can have"):
        Service(location="https://api.example", secret=bytes(range(32)), name=name)


def test_a_price_that_is_missing_is_no_price_of_zero() -> None:
    with pytest.raises(TypeError, match="leave it out"):
        terms_of(price=cast("Any", None))
    assert terms_of().price.value == 0


def test_a_holder_that_makes_limits_fills_its_own_part_alone() -> None:
    desk = Desk(ledger=MemoryLedger(most=400))
    given: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", "max_uses": 10**9}
    minter = Minter(secret=SECRET, location=LOCATION, clock=lambda: START)
    root = minter.mint(**given)

    def child(name: str) -> RequestFacts:
        limits = [f"max_uses={10**6 + n}" for n in range(20)]
        text = root.append([f"agent=a.{name}", *limits]).text
        return RequestFacts("GET", "/a", [("authorization", f"L402 {text}")])

    children = [child(f"{n:016x}") for n in range(30)]
    served = [one for one in children if desk.ask(one)]
    assert 0 < len(served) < 30
    refused = desk.service.authorize(children[-1])
    assert isinstance(refused, Refused)
    assert refused.problem["code"] == "ERR_RATE_LIMITED"
    # What is counted already goes on, and so do others; what is given back leaves no counter.
    text = root.text
    own = RequestFacts("GET", "/a", [("authorization", f"L402 {text}")])
    assert all(desk.ask(one) for one in [*served, own])
    assert desk.ask(desk.facts(max_uses=1))
    assert all(desk.ask(desk.facts(max_uses=1), 500) for _ in range(500))


def test_counters_that_are_forgotten_make_room() -> None:
    desk = Desk()
    desk = Desk(ledger=MemoryLedger(elapsed=lambda: desk.passed, most=8))
    for _ in range(30):
        assert desk.ask(desk.facts(max_uses=1))
        assert desk.ask(desk.facts(max_uses=1))
        desk.move(2 * 86_400)
