"""What a process that was forked does with counts, claims and connections of its parent."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownLambdaType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.client.world import SHOP, World
from tests.feed.test_spec import AT, FIRST, SECOND, signed_page
from tests.feed.test_spec import World as FeedWorld
from tests.forks import held, in_fork
from tests.public_key.test_directory import World as IssuerWorld
from tests.public_key.test_directory import never, page
from tests.service.test_counting import Desk

import l8nt
from l8nt import AdapterError
from l8nt.caveat import Target, target_of_url
from l8nt.client.held import HeldCredentials
from l8nt.client.leases import Leases
from l8nt.client.orders import Orders
from l8nt.client.pools import Wanted
from l8nt.client.wallet_child import WalletChild
from l8nt.credential import RevocationList
from l8nt.credential.revocation_entries import Entry, RevocationEntries
from l8nt.holder.nonces import Nonces, SeenNonce
from l8nt.service import DecideLedger, Grant

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SOURCE = Path(l8nt.__file__).parent
SERVICES = Wanted("services", False, httpx2)
NODE, OTHER = "0" * 32, "1" * 32


def _target() -> Target:
    target = target_of_url("GET", f"{SHOP}/a")
    assert target is not None
    return target


TARGET = _target()


def test_an_order_of_the_parent_is_not_under_way_in_the_child() -> None:
    orders = Orders()
    order = orders.open("order-0001", False, TARGET)
    end = order.begin()

    def told() -> object:
        other = orders.open("order-0002", False, TARGET)
        before = orders.told_with(other).under_way
        order.begin()()
        end()
        return [before, orders.told_with(other).under_way]

    assert in_fork(told) == "[[], []]"
    other = orders.open("order-0002", False, TARGET)
    assert orders.told_with(other).under_way == ["order-0001"]
    end()
    assert orders.told_with(other).under_way == []


@pytest.mark.parametrize("is_single", [True, False])
def test_what_is_for_one_request_stays_with_the_process_that_bought_it(is_single: bool) -> None:
    world, credentials = World(), HeldCredentials()
    order = Orders().open("order-0001", False, TARGET)
    sold = world.sold(**({"max_uses": 1} if is_single else {"max_uses": 3}))
    bought = credentials.handed(sold.text, order, True)
    credentials.keep(TARGET, bought)

    def take() -> object:
        taken = credentials.take(TARGET, 1_800_000_000, named=None, strayed=False)
        return taken is None, bought.refusal["mayBeUsed"]

    # The other process may have used it.
    assert in_fork(take) == str((is_single, True))
    assert take() == (False, False)


def test_what_is_handed_over_to_the_child_is_its_own() -> None:
    world, credentials = World(), HeldCredentials()
    orders = Orders()
    sold = world.sold()
    credentials.handed(sold.text, orders.open("order-0001", False, TARGET), True)

    def take() -> object:
        again = credentials.handed(sold.text, orders.open("order-0002", False, TARGET), False)
        credentials.keep(TARGET, again)
        taken = credentials.take(TARGET, 1_800_000_000, named=None, strayed=False)
        return taken is again, again.refusal["mayBeUsed"]

    assert in_fork(take) == str((True, True))


@pytest.mark.parametrize("status", [200, 500])
def test_a_claim_of_the_parent_counts_there_alone(status: int) -> None:
    desk = Desk()
    facts = desk.facts(max_uses=1)
    serving = desk.service.authorize(facts)
    assert isinstance(serving, Grant)
    assert not desk.ask(facts)

    def ask() -> object:
        serving.finish(status)
        return [desk.ask(facts), desk.ask(facts)]

    assert in_fork(ask) == "[True, False]"
    serving.finish(500)
    assert desk.ask(facts)


def test_what_was_counted_stays_counted_in_the_child() -> None:
    desk = Desk()
    facts = desk.facts(max_uses=2)
    assert desk.ask(facts)
    assert in_fork(lambda: [desk.ask(facts), desk.ask(facts)]) == "[True, False]"


def test_an_answer_of_the_parent_is_broken_off_by_the_parent_alone(tmp_path: Path) -> None:
    revocations = RevocationList()
    mark = tmp_path / "ended"
    revocations.watch([NODE], mark.touch)
    assert in_fork(lambda: revocations.revoke(NODE)) == "None"
    assert not mark.exists()
    revocations.revoke(NODE)
    assert mark.exists()


@pytest.mark.parametrize("again", ["the node", "its parent", "a child"])
def test_a_node_stays_revoked_at_every_moment_of_another_revocation(
    monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    revocations = RevocationList()
    parent, child = "a" * 32, "b" * 32
    nodes = {"the node": NODE, "its parent": parent, "a child": child}
    above = {NODE: (parent,), parent: (), child: (parent, NODE)}
    revocations.revoke(NODE, 9e9, above=above[NODE])
    seen: list[bool] = []
    remove = RevocationEntries.remove

    def noted(entries: RevocationEntries, entry: Entry) -> None:
        remove(entries, entry)
        seen.append(revocations.stops([NODE, parent]))

    monkeypatch.setattr(RevocationEntries, "remove", noted)
    revocations.revoke(nodes[again], 9.5e9, above=above[nodes[again]])
    assert seen == [True]
    assert len(revocations) == 1


def test_counts_that_a_thread_was_changing_are_found_anew() -> None:
    nonces = Nonces(lambda: 0.0, most=2)
    nonces.is_new(SeenNonce("k", "a", 9), [])
    revocations = RevocationList()
    revocations.revoke(NODE, above=[OTHER], by=OTHER)
    with held(nonces._lock), held(revocations._lock):
        nonces._shares.take([], 1)  # What it had not remembered yet.
        revocations._entries._in_all = 100_000
        told = in_fork(
            lambda: (nonces.is_new(SeenNonce("k", "b", 9), []), revocations._entries._in_all)
        )
    assert told == "(True, 1)"


def test_a_nonce_is_good_once_in_parent_and_child_together() -> None:
    nonces = Nonces(lambda: 0.0)
    seen = SeenNonce("k", "a", 9)
    assert nonces.is_new(seen, [NODE])
    assert in_fork(lambda: nonces.is_new(seen, [NODE])) == "False"


def test_the_child_applies_the_page_that_the_parent_had_in_hand() -> None:
    world = FeedWorld()
    page_of_two = signed_page(entries=[{"seq": 1, "node": FIRST}, {"seq": 2, "node": SECOND}])
    told: list[str] = []
    revoke = world.revocations.revoke

    def forks_in_between(node: str, *given: Any, **options: Any) -> None:
        if node == SECOND and not told:
            told.append(in_fork(in_child))
        revoke(node, *given, **options)

    def in_child() -> object:
        told.append("here")
        world.follower.take(
            signed_page(
                at=AT + 1,
                entries=[
                    {"seq": 1, "node": FIRST},
                    {"seq": 2, "node": SECOND},
                ],
            )
        )
        return [one in world.revocations for one in (FIRST, SECOND)]

    world.revocations.revoke = forks_in_between  # type: ignore[method-assign]
    world.follower.take(page_of_two)
    assert told == ["[True, True]"]
    assert world.follower.seq == 2


def test_a_follower_is_started_in_the_child() -> None:
    world = FeedWorld()
    times = itertools.count(AT)

    def fetch(url: str, seconds: float) -> bytes:
        return signed_page(at=next(times))

    world.follower._fetch = fetch
    world.follower.start()
    assert world.follower.wait(30)

    def follow() -> object:
        before = world.follower.wait(0)
        world.follower.start()
        return before, world.follower.wait(10)

    try:
        assert in_fork(follow) == "(False, True)"
    finally:
        world.follower.stop()


def test_keys_that_the_parent_has_asked_for_are_asked_for_in_the_child() -> None:
    world = IssuerWorld(never)
    world.directory.load("https://treasury.example", 1)

    def ask() -> object:
        world.answer = lambda: page(1)
        world.directory.load("https://treasury.example", 1)
        return len(world.directory.find("https://treasury.example", 1))

    assert in_fork(ask) == "32"


def test_a_child_has_connections_of_its_own_to_what_counts_for_a_service() -> None:
    ledger = DecideLedger("http://127.0.0.1:9")
    mine = ledger._sync = httpx2.Client(trust_env=False)
    assert in_fork(lambda: (ledger._sync, mine.is_closed, ledger.close())) == str(
        (None, False, None)
    )
    assert ledger._sync is mine
    ledger.close()


def test_calls_of_the_parent_keep_nothing_open_in_the_child() -> None:
    leases = Leases()
    with leases.call():
        mine = leases.http(SERVICES)

        def close() -> object:
            own = leases.http(SERVICES)
            leases.close()
            return own is not mine, own.is_closed, mine.is_closed

        assert in_fork(close) == "(True, True, False)"
    leases.close()
    assert mine.is_closed


def test_a_treasury_is_left_behind_while_a_thread_waits_for_its_answer() -> None:
    child = WalletChild("dev+http://127.0.0.1:1/a?key=k")
    with held(child._lock):
        told = in_fork(child.credential)
    assert told.startswith(f"{AdapterError.__name__}: This process was forked")


def test_an_event_loop_of_the_child_has_connections_of_its_own() -> None:
    async def open_one() -> bool:
        leases = Leases()
        wanted = Wanted("services", True, httpx2)
        made = leases.http(wanted)
        await leases.aclose()
        return made.is_closed

    assert asyncio.run(open_one())
    assert in_fork(lambda: asyncio.run(open_one())) == "True"
    assert threading.active_count() >= 1
