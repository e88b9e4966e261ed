"""One request that is asked until it is answered, while links break: real connections to a real
treasury and real shops, and the laws judged by the books of the network and what the shop served.
spec/4-purchase.md §2, §4.

What a cell costs is that of `test/links` and `broken-links.test.ts` in TypeScript.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.town import Place, Shop, Town
from tests.town.places import FaultKind

from l8nt import AsyncClient, PaymentError
from l8nt.client.patience import patience

from .askers import ASKERS, Answered, Threads
from .links import CELLS, KEY, LINKS, MODES, Cell, Judge, Mode, Where, mend

TOO_LARGE_TO_KEEP: Final = "x" * 70_000
"""A service and a treasury keep answers of 65,536 bytes at most. spec/4-purchase.md §4.6."""
SOURCE: Final = Path(__file__).resolve().parents[2] / "src"

each_mode = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        """Waits for nothing."""

    async def asleep(seconds: float) -> None:
        """Waits for nothing."""

    monkeypatch.setattr(patience, "sleep", sleep)
    monkeypatch.setattr(patience, "asleep", asleep)
    for name in ("SIGIL_CREDENTIAL", "SIGIL_WALLET", "SIGIL_HOLDER_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
def test_one_request_that_is_asked_until_it_is_answered_is_paid_for_once(
    town: Town, cell: Cell
) -> None:
    shop = town.open_shop(price="10 sat", body=None if cell.keeps else TOO_LARGE_TO_KEEP)
    text = town.mint(budget="100 sat", **MODES[cell.mode])
    judge = Judge(town, shop, is_named=cell.is_named)
    asker = ASKERS[cell.asker](text, town.clock)
    LINKS[cell.link].breaks(town, shop)
    first = judge.ask(asker)
    assert isinstance(first, Exception), first
    mend(town, shop)
    if cell.is_new:
        asker.close()
        asker = ASKERS[cell.asker](text, town.clock)
    second = judge.ask(asker)
    asker.close()
    assert isinstance(second, Answered), second
    if cell.is_named and cell.is_gone:
        # The caller's own key: the service says that this request was answered.
        assert (second.status, "ERR_IDEMPOTENCY_KEY" in second.text) == (422, True)
        judge.has(paid=1, served=1)
        return
    # What the service counted, and nothing kept for this order, is paid for once more.
    times = 2 if cell.is_gone else 1
    assert (second.status, second.text) == (
        200,
        f'{{"served":{times}}}' if cell.keeps else TOO_LARGE_TO_KEEP,
    )
    judge.has(paid=times, served=times)
    if times == 2 and asker.sees_failures:
        assert isinstance(first, PaymentError), first
        assert first.spent in ("yes", "unknown")
        assert "paid for again" in first.message or "uses what was paid for" in first.message


ONCE: Final = [
    (link, mode)
    for link, at in LINKS.items()
    for mode in MODES
    if (at.where == "treasury" and (at.kind != "half" or mode == "handed over"))
    or (mode == "relayed" and at.of == "paid" and at.kind != "half")
]
"""Where something in between tries again: the client an order, the treasury what it relays."""


@pytest.mark.parametrize(("link", "mode"), ONCE)
@pytest.mark.parametrize("asker", [name for name in ASKERS if ASKERS[name].sees_failures])
def test_a_link_that_breaks_once_is_not_noticed(
    town: Town, asker: str, link: str, mode: Mode
) -> None:
    shop = town.open_shop(price="10 sat")
    judge = Judge(town, shop)
    asking = ASKERS[asker](town.mint(budget="100 sat", **MODES[mode]), town.clock)
    LINKS[link].breaks(town, shop, times=1)
    assert judge.ask(asking) == Answered(200, '{"served":1}')
    asking.close()
    judge.has(paid=1, served=1)


PASS: Final = {"valid_for": "30m", "endpoints": ["GET /**"]}


@pytest.mark.parametrize(
    ("asker", "link", "mode"),
    [
        (asker, link, mode)
        for turn, asker in enumerate(ASKERS)
        for link in LINKS
        for at, mode in enumerate(MODES)
        if asker == "Client" or at == turn % 2
    ],
)
def test_a_pass_that_the_first_request_bought_serves_the_second(
    town: Town, asker: str, link: str, mode: Mode
) -> None:
    shop = town.open_shop(price="10 sat", grants=PASS)
    text = town.mint(budget="100 sat", **MODES[mode])
    judge = Judge(town, shop)
    asking = ASKERS[asker](text, town.clock)
    LINKS[link].breaks(town, shop)
    assert isinstance(judge.ask(asking), Exception)
    bought = town.paid()[0]
    assert bought == LINKS[link].is_after_payment
    mend(town, shop)
    served = len(shop.served)
    for times, path in enumerate(("/b", "/a"), start=served + 1):
        assert judge.ask(asking, path) == Answered(200, f'{{"served":{times}}}')
    asking.close()
    judge.has(paid=1, served=served + 2)


@pytest.mark.parametrize("is_named", [False, True], ids=["new order", "named"])
@pytest.mark.parametrize("link", ["treasury to client, before the head", "client to shop, paid"])
@each_mode
def test_a_treasury_that_starts_again_meanwhile_knows_what_was_paid_for(
    town: Town, mode: Mode, link: str, is_named: bool
) -> None:
    shop = town.open_shop(price="10 sat")
    judge = Judge(town, shop, is_named=is_named)
    asking = Threads(town.mint(budget="100 sat", **MODES[mode]), town.clock)
    LINKS[link].breaks(town, shop)
    assert isinstance(judge.ask(asking), PaymentError)
    town.stop_treasury()
    assert town.paid()[0] == 1
    mend(town, shop)
    stopped = judge.ask(asking)
    town.start_treasury()
    if not isinstance(stopped, Answered):
        assert isinstance(judge.ask(asking), Answered)
    asking.close()
    times = 2 if LINKS[link].serves(mode) and not is_named else 1
    judge.has(paid=times, served=times)


HELD: Final[dict[str, tuple[Where, FaultKind, int]]] = {
    "order": ("treasury", "hold", 1),
    "answer of the treasury": ("treasury", "hold-answer", 1),
    # After the client's request for the price, and the treasury's.
    "paid request": ("shop", "hold", 3),
    "paid answer": ("shop", "hold-answer", 3),
}


@pytest.mark.parametrize("gives_up", [False, True], ids=["waits", "gives up"])
@pytest.mark.parametrize("held", HELD)
@each_mode
async def test_two_requests_that_one_pass_covers_are_paid_for_once_whatever_is_slow(
    town: Town, mode: Mode, held: str, gives_up: bool
) -> None:
    shop = town.open_shop(price="10 sat", grants=PASS)
    text = town.mint(budget="100 sat", **MODES[mode])
    where, kind, arrivals = HELD[held]
    place: Place = shop if where == "shop" else town.treasury
    place.fault(kind, of="paid")
    http = httpx2.AsyncClient(trust_env=False)
    client = AsyncClient(credential=text, clock=town.clock, http=http)
    async with http, client:
        first = asyncio.create_task(client.get(f"{shop.url}/a"))
        await place.arrival(arrivals)
        if held == "answer of the treasury":
            # The order is answered once its payment is in the books of the treasury.
            while town.spent(text) == 0:
                pass
        if gives_up:
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
        assert (await client.get(f"{shop.url}/b")).status_code == 200
        await asyncio.to_thread(place.release)
        if not gives_up:
            assert (await first).status_code == 200
        # Ends once it has no orders left.
        await asyncio.to_thread(town.restart_treasury)
        assert (await client.get(f"{shop.url}/a")).status_code == 200
    assert town.paid()[0] == len(town.payments()) == 1


ONE_REQUEST: Final = """
import os, signal, sys
from l8nt import Client

url, now, point, *key = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

client = Client(clock=lambda: float(now), on_payment=die if point == "paid" else None)
with client.stream("GET", url, headers={"idempotency-key": key[0]} if key else {}) as response:
    if point == "answered":
        die()
    response.read()
"""


def asking_process(
    town: Town, shop: Shop, text: str, point: str, *key: str
) -> subprocess.Popen[bytes]:
    """A process that asks once, and is killed at ``point``."""
    given = [f"{shop.url}/a", str(town.clock()), point, *key]
    return subprocess.Popen(
        [sys.executable, "-c", ONE_REQUEST, *given],
        env={"PYTHONPATH": str(SOURCE), "SIGIL_CREDENTIAL": text, "PATH": os.environ["PATH"]},
    )


@pytest.mark.parametrize("is_named", [False, True], ids=["new order", "named"])
@pytest.mark.parametrize("point", ["paid", "answered"])
@each_mode
def test_what_a_killed_process_paid_for_is_there_for_the_next(
    town: Town, mode: Mode, point: str, is_named: bool
) -> None:
    shop = town.open_shop(price="10 sat")
    text = town.mint(budget="100 sat", **MODES[mode])
    killed = asking_process(town, shop, text, point, *([KEY] if is_named else []))
    assert killed.wait(30) == -signal.SIGKILL
    assert town.paid()[0] == 1
    judge = Judge(town, shop, is_named=is_named)
    asking = Threads(text, town.clock)
    assert isinstance(judge.ask(asking), Answered)
    asking.close()
    is_gone = (mode == "relayed" or point == "answered") and not is_named
    judge.has(paid=1 + is_gone, served=1 + is_gone)


@pytest.mark.parametrize("held", ["order", "paid request"])
@each_mode
def test_what_arrives_after_its_process_was_killed_is_not_paid_for_again(
    town: Town, mode: Mode, held: str
) -> None:
    where, kind, arrivals = HELD[held]
    shop = town.open_shop(price="10 sat")
    text = town.mint(budget="100 sat", **MODES[mode])
    place: Place = shop if where == "shop" else town.treasury
    place.fault(kind, of="paid")
    process = asking_process(town, shop, text, "never", KEY)
    place.wait_for(arrivals)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL
    judge = Judge(town, shop, is_named=True)
    asking = Threads(text, town.clock)
    if held == "paid request":
        # The treasury gives the answer of a relay to the same order when it has it.
        place.release()
    assert judge.ask(asking) == Answered(200, '{"served":1}')
    if held == "order":
        place.release()
        town.restart_treasury()
    assert judge.ask(asking) == Answered(200, '{"served":1}')
    asking.close()
    judge.has(paid=1, served=1)
