"""The town itself: what its lines break, and what its books say."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx2
import pytest
from tests.town import Town, TownError


def _offer(response: httpx2.Response) -> str:
    return response.headers["www-authenticate"]


def test_a_shop_asks_for_its_price_and_notes_who_asked(town: Town) -> None:
    shop = town.open_shop(price="10 sat", free=["/health"])
    assert httpx2.get(f"{shop.url}/health").json() == {"free": True}
    response = httpx2.get(f"{shop.url}/a?b=1", headers={"x-mine": "yes"})
    assert response.status_code == 402
    assert 'L402 macaroon="' in _offer(response)
    assert [one.target for one in shop.received] == ["/health", "/a?b=1"]
    assert shop.received[1].values("X-Mine") == ["yes"]
    assert shop.served == []
    assert town.paid() == (0, 0)


@pytest.mark.parametrize("kind", ["cut", "lost", "half"])
def test_a_line_breaks_once_as_told(town: Town, kind: str) -> None:
    shop = town.open_shop(free=["/health"])
    shop.fault(kind)  # pyright: ignore[reportArgumentType]  # The parameters are literals.
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{shop.url}/health")
    assert httpx2.get(f"{shop.url}/health").status_code == 200
    assert len(shop.received) == 2


def test_a_fault_meets_only_the_requests_that_it_names(town: Town) -> None:
    shop = town.open_shop(free=["/a", "/b"])
    shop.fault("answer", path="/b", method="POST", of="paid", status=429, body="later")
    assert httpx2.post(f"{shop.url}/b").status_code == 200
    assert httpx2.get(f"{shop.url}/b", headers={"authorization": "x"}).status_code == 200
    assert httpx2.post(f"{shop.url}/a", headers={"authorization": "x"}).status_code == 200
    response = httpx2.post(f"{shop.url}/b", headers={"authorization": "x"}, content=b"\xffx")
    assert (response.status_code, response.text) == (429, "later")
    assert shop.received[-1].body == b"\xffx"
    shop.fault("answer", status=503, times=0)
    assert {httpx2.get(f"{shop.url}/a").status_code for _ in range(3)} == {503}
    shop.clear_faults()
    assert httpx2.get(f"{shop.url}/a").status_code == 200


@pytest.mark.parametrize("kind", ["hold", "hold-answer"])
async def test_a_held_request_goes_on_when_it_is_released(town: Town, kind: str) -> None:
    shop = town.open_shop(free=["/a"])
    shop.fault(kind)  # pyright: ignore[reportArgumentType]  # The parameters are literals.
    client = httpx2.AsyncClient()
    async with client:
        waiting = asyncio.create_task(client.get(f"{shop.url}/a"))
        await shop.arrival(1)
        assert not waiting.done()
        await asyncio.to_thread(shop.release)
        assert (await waiting).status_code == 200


def test_the_clock_is_one_for_the_town(town: Town) -> None:
    credential = town.mint(expires_in="15m", agent="scout")
    assert town.clock() == 2_000_000_000
    town.set_clock(2_000_000_900)
    assert town.clock() == 2_000_000_900
    with pytest.raises(TownError, match="2033-05-18T03:48:20"):
        town.spent(credential)


def test_books_outlive_a_restart_and_towns_are_apart(town: Town) -> None:
    credential = town.mint(budget="5 sat")
    node = town.node_of(credential)
    town.revoke(node)
    town.restart_treasury()
    with pytest.raises(TownError, match="revoked"):
        town.spent(credential)
    town.stop_treasury()
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{town.treasury.url}/v1/standing")


def test_a_treasury_mints_for_a_shop_that_trusts_it(town: Town) -> None:
    shop = town.open_shop(trusts=True, sells=False, price=None)
    town.mint_for(shop.url)
    credential = town.mint_public(shop.url, endpoints=[f"GET {shop.url}/**"])
    assert httpx2.get(shop.url).status_code == 401
    answer = httpx2.get(shop.url, headers={"authorization": f"L402 {credential}"})
    assert answer.json() == {"served": 1}


def test_the_process_ends_when_pytest_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, signal
        from tests.town import Town, TownProcess
        process = TownProcess()
        Town(process)
        print("open", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    package = Path(__file__).parents[1]
    # The Node process has inherited standard error, so `run` returns when that one has ended too.
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(package)},
        timeout=30,
    )
    assert (done.stdout, done.returncode) == ("open\n", -signal.SIGKILL)
