"""Every object with a lock, a count or a connection, in a process that was forked."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownLambdaType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from tests.agents.family import open_family
from tests.client.world import SHOP, World
from tests.forks import held, in_fork
from tests.public_key.test_directory import World as IssuerWorld
from tests.public_key.test_directory import page
from tests.service.test_counting import Desk

import l8nt
from l8nt._lru import Lru
from l8nt.caveat import Target, target_of_url
from l8nt.client.core import Core
from l8nt.client.held import HeldCredentials
from l8nt.client.leases import Leases
from l8nt.client.orders import Orders, orders_of
from l8nt.client.pools import Wanted, pools
from l8nt.client.urllib3_connections import OwnAdapter
from l8nt.client.wallet_child import wallet_child
from l8nt.credential import RevocationList
from l8nt.credential.node_watches import NodeWatches
from l8nt.holder.nonces import Nonces, SeenNonce
from l8nt.service import DecideLedger, MemoryLedger
from l8nt.service.holding import Holding

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SOURCE = Path(l8nt.__file__).parent
SERVICES = Wanted("services", False, httpx2)
NODE, OTHER = "0" * 32, "1" * 32


def _target() -> Target:
    target = target_of_url("GET", f"{SHOP}/a")
    assert target is not None
    return target


TARGET = _target()


class Case(NamedTuple):
    """An object, its lock, and a use of it."""

    one: Any
    lock: Any
    use: Callable[[], object]


def _lru() -> Case:
    one = Lru[str, int](2)
    return Case(one, one._lock, lambda: one.set("a", 1))


def _core() -> Case:
    world = World()
    core = Core(
        credential=world.credential,
        wallet=None,
        limits=None,
        holder_key=None,
        on_payment=None,
        clock=lambda: 0.0,
    )
    return Case(core, core._lock, lambda: core.first)


def _held() -> Case:
    world = World()
    order = Orders().open("order-0001", False, TARGET)
    one = HeldCredentials().handed(world.sold().text, order, True)
    return Case(one, one._lock, lambda: one.use()())


def _held_credentials() -> Case:
    world, one = World(), HeldCredentials()
    order = Orders().open("order-0001", False, TARGET)
    return Case(
        one, one._lock, lambda: one.keep(TARGET, one.handed(world.sold().text, order, True))
    )


def _orders() -> Case:
    one = Orders()
    return Case(one, one.lock, lambda: one.open("order-0001", False, TARGET).begin()())


def _guard() -> Case:
    from l8nt.client import orders

    world = World()
    return Case(orders._guard, orders._guard.lock, lambda: orders_of(world.credential))


def _pools() -> Case:
    def use() -> None:
        leases = Leases()
        leases.http(SERVICES)
        leases.close()

    return Case(pools, pools._lock, use)


def _leases() -> Case:
    one = Leases()

    def use() -> None:
        with one.call():
            one.http(SERVICES)
        one.close()

    return Case(one, one._lock, use)


def _adapter() -> Case:
    one = OwnAdapter()
    # What runs in the child has pools of its own, so the lock of the parent's may be held.
    return Case(
        one,
        one.poolmanager.pools.lock,
        lambda: one.poolmanager.connection_from_url("http://127.0.0.1:9/"),
    )


def _revocations() -> Case:
    one = RevocationList()
    return Case(one, one._lock, lambda: one.revoke(NODE))


def _watches() -> Case:
    one = NodeWatches()
    return Case(one, one._lock, lambda: one.add([NODE], print)())


def _nonces() -> Case:
    one = Nonces(lambda: 0.0)
    return Case(one, one._lock, lambda: one.is_new(SeenNonce("k", "n", 9), [NODE]))


def _memory_ledger() -> Case:
    one = MemoryLedger()
    desk = Desk(ledger=one)
    return Case(one, one._lock, lambda: desk.ask(desk.facts(max_uses=1)))


def _decide() -> Case:
    one = DecideLedger("http://127.0.0.1:9")
    return Case(one, one._lock, one.close)


def _holding() -> Case:
    holding = Desk().service
    one = next(value for value in vars(holding).values() if isinstance(value, Holding))

    def use() -> None:
        with one._lock:
            pass

    return Case(one, one._lock, use)


def _directory() -> Case:
    world = IssuerWorld(lambda: page(1))
    return Case(world.directory, world.directory._lock, lambda: world.code(1))


def _handle() -> Case:
    handle = open_family(World().spending(), {"scout": {"budget": "1 sat"}})
    return Case(handle, handle._SigilHandle__lock, lambda: handle.for_agent("scout"))  # type: ignore[attr-defined]


def _place() -> Case:
    handle = open_family(World().spending())
    one = handle._SigilHandle__place  # type: ignore[attr-defined]
    return Case(one, one._lock, lambda: one.client)


def _children() -> Case:
    from l8nt.client import wallet_child as module

    one = module._children
    return Case(one, one._lock, lambda: wallet_child("dev+http://127.0.0.1:1/fork?key=k"))


CASES = [
    _lru,
    _core,
    _held,
    _held_credentials,
    _orders,
    _guard,
    _pools,
    _leases,
    _adapter,
    _revocations,
    _watches,
    _nonces,
    _memory_ledger,
    _decide,
    _holding,
    _directory,
    _handle,
    _place,
    _children,
]
WITHOUT: dict[str, str] = {
    "Arriving": "is of one request of an event loop, with which no forked process goes on",
    "Asking": "its directory forgets it",
    "WalletChild": "another process gets an error, and one of its own",
    "FeedFollower": "has no lock, and its own test below",
    "Client": "its threads end with `close`",
}
"""Classes that make a lock, an event or a thread, and need not be among the cases."""


@pytest.mark.parametrize("state", ["held at the fork", "in use", "idle"])
@pytest.mark.parametrize("make", CASES)
def test_a_process_that_was_forked_uses_it(make: Callable[[], Case], state: str) -> None:
    case = make()
    if state != "idle":
        case.use()
    if state == "held at the fork":
        with held(case.lock):
            assert "hangs" not in (told := in_fork(case.use)), told
            assert "Error" not in told
    else:
        told = in_fork(case.use)
        assert "hangs" not in told
        assert "Error" not in told
    case.use()


def test_every_class_with_a_lock_is_told_of_a_fork() -> None:
    makers, told = set[str](), set[str]()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef):
                continue
            calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
            names = {ast.unparse(one.func).rsplit(".", 1)[-1] for one in calls}
            if names & {"Lock", "RLock", "Event", "Condition", "Semaphore", "Thread"}:
                makers.add(node.name)
            if "follows_forks" in names:
                told.add(node.name)
    assert makers - told == set(WITHOUT) - {"FeedFollower"}
    assert told - {"FeedFollower"} == {type(make().one).__name__ for make in CASES}


def test_no_lock_stands_outside_a_class() -> None:
    """Nobody would make it anew. `_forked` does it for its own."""
    found = [
        f"{path.relative_to(SOURCE)}:{line.lineno}"
        for path in SOURCE.rglob("*.py")
        for line in ast.parse(path.read_text()).body
        if isinstance(line, ast.Assign | ast.AnnAssign)
        and line.value is not None
        and ast.unparse(line.value).endswith(("Lock()", "Event()", "Condition()"))
    ]
    assert [one.rsplit(":", 1)[0] for one in found] == ["_forked.py"]
