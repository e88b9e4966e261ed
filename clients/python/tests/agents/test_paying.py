"""Handles with the real client, a real treasury and real shops: who pays, what is bought once, and
what the tools for a model say.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.town import Shop, Town

from l8nt import DeniedError
from l8nt.agents import (
    AgentPolicies,
    SigilHandle,
    afetch_url,
    ashow_budget,
    asigil_fetch,
    budget_tool,
    fetch_tool,
    fetch_url,
    show_budget,
    sigil_fetch,
)

ROOT = Path(__file__).resolve().parents[4]
NODE = ROOT / "node_modules/node/bin/node"
PROGRAM = f"{NODE} --no-warnings --conditions=l8nt-source {ROOT}/packages/sigil/src/main.ts"
PASS: dict[str, Any] = {"valid_for": "1h", "endpoints": ["GET /**"]}
TABLE: AgentPolicies = {"scout": {"budget": "25 sat"}, "runner": {"max_price": "1 sat"}}


@pytest.fixture
def top(town: Town) -> Iterator[SigilHandle]:
    handle = SigilHandle.open(
        credential=town.mint(budget="100 sat"), clock=town.clock, agents=TABLE
    )
    yield handle
    handle.close()


@pytest.fixture
def shop(town: Town) -> Shop:
    return town.open_shop(grants=PASS)


def _fetched(handle: SigilHandle, url: str) -> str:
    return handle.run(lambda: sigil_fetch(url).text)


async def _afetched(handle: SigilHandle, url: str) -> str:
    async def fetch() -> str:
        return (await asigil_fetch(url)).text

    try:
        return await handle.arun(fetch)
    finally:
        await handle.aclose()


def test_each_agent_pays_at_its_own_node(town: Town, top: SigilHandle, shop: Shop) -> None:
    other = town.open_shop(grants=PASS)
    _fetched(top, shop.url)
    _fetched(top.for_agent("scout"), other.url)
    assert [(one.agent, one.spent_msat) for one in town.tree()] == [
        (None, 20_020),
        ("scout", 10_010),
    ]


def test_a_pass_is_bought_once_for_threads_and_for_every_event_loop(
    town: Town, top: SigilHandle, shop: Shop
) -> None:
    scout = top.for_agent("scout")
    got = [_fetched(scout, shop.url)]
    got += [asyncio.run(_afetched(scout, shop.url)) for _ in range(2)]
    with ThreadPoolExecutor(1) as pool:
        got.append(pool.submit(asyncio.run, _afetched(scout, shop.url)).result())
        got.append(pool.submit(_fetched, scout, shop.url).result())
    assert [json.loads(one)["served"] for one in got] == [1, 2, 3, 4, 5]
    assert town.paid() == (1, 10_010)


def test_a_handle_that_is_opened_again_goes_on_with_the_same_count(
    town: Town, top: SigilHandle
) -> None:
    again = SigilHandle.open(credential=top.credential, clock=town.clock, agents=TABLE)
    for handle in (top, again):
        _fetched(handle.for_agent("scout"), town.open_shop().url)
    with pytest.raises(DeniedError, match="ERR_BUDGET"):
        _fetched(again.for_agent("scout"), town.open_shop().url)
    again.close()
    assert town.spent(top.for_agent("scout").credential.text) == 20_020


def test_a_family_pays_from_a_wallet_through_one_treasury_of_this_process(
    open_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = open_town(now=None)
    monkeypatch.setenv("SIGIL_PROGRAM", PROGRAM)
    monkeypatch.delenv("SIGIL_CREDENTIAL", raising=False)
    monkeypatch.setenv("SIGIL_WALLET", town.wallet_url("program", balance_sat=1000))
    top = SigilHandle.open(agents=TABLE)
    scout = top.for_agent("scout")
    assert json.loads(_fetched(scout, town.open_shop(grants=PASS).url)) == {"served": 1}
    shop = town.open_shop(grants=PASS)
    assert json.loads(asyncio.run(_afetched(scout, shop.url))) == {"served": 1}
    assert json.loads(_fetched(scout, shop.url)) == {"served": 2}
    with pytest.raises(DeniedError, match="ERR_BUDGET"):
        _fetched(scout, town.open_shop().url)
    assert [(one.agent, one.limits[-1].used) for one in scout.standing()][1:] == [("scout", 20_020)]
    assert [one.payer for one in town.payments()] == ["program"] * 2
    top.close()


def test_standing_is_that_of_the_agent_and_of_all_above(
    town: Town, top: SigilHandle, shop: Shop
) -> None:
    scout = top.for_agent("scout")
    _fetched(scout, shop.url)
    nodes = scout.standing()
    assert [(one.agent, one.limits[0].used) for one in nodes] == [(None, 10_010), ("scout", 10_010)]
    assert [one.id for one in nodes][-1] == town.node_of(scout.credential.text)


async def test_a_revoked_agent_is_denied_and_the_others_are_not(
    town: Town, top: SigilHandle
) -> None:
    scout = top.for_agent("scout")
    further = scout.delegate("further", max_price="50 sat")
    await scout.arevoke()
    for handle in (scout, further):
        with pytest.raises(DeniedError, match="ERR_REVOKED"):
            await asyncio.to_thread(_fetched, handle, town.open_shop().url)
    await asyncio.to_thread(_fetched, top, town.open_shop().url)
    one = top.delegate("one", budget="20 sat")
    await asyncio.to_thread(one.revoke)
    with pytest.raises(DeniedError, match="ERR_REVOKED"):
        await asyncio.to_thread(_fetched, one, town.open_shop().url)


class TestTools:
    """``fetch_url`` and ``show_budget``, as a model calls them."""

    async def _both(
        self, handle: SigilHandle, run: Callable[..., str], arun: Callable[..., Any], *args: str
    ) -> str:
        """What the synchronous and the asynchronous one say, which is the same."""
        said = await asyncio.to_thread(handle.run, run, *args)
        assert await handle.arun(arun, *args) == said
        await handle.aclose()
        return said

    async def test_fetch_url_pays_and_gives_the_text(self, town: Town, top: SigilHandle) -> None:
        shop = town.open_shop(grants=PASS, body="sunny")
        assert await self._both(top, fetch_url, afetch_url, shop.url) == "sunny"
        assert town.paid()[0] == 1

    async def test_a_denial_is_a_text(self, town: Town, top: SigilHandle, shop: Shop) -> None:
        said = await self._both(top.for_agent("runner"), fetch_url, afetch_url, shop.url)
        assert said.startswith("ERR_PRICE: Denied. max_price_msat (set for agent runner): ")
        said = await self._both(top.for_agent("nobody"), fetch_url, afetch_url, shop.url)
        assert said.startswith("ERR_AGENT_UNKNOWN: ")
        assert town.paid() == (0, 0)

    async def test_without_an_agent_they_are_denied(self) -> None:
        for said in (
            fetch_url("http://127.0.0.1:9/"),
            await afetch_url("http://127.0.0.1:9/"),
            show_budget(),
            await ashow_budget(),
        ):
            assert said.startswith("ERR_AGENT_UNKNOWN: ")

    async def test_a_status_that_is_no_success_is_told(self, town: Town, top: SigilHandle) -> None:
        shop = town.open_shop(grants=PASS, status=404, body="gone")
        assert await self._both(top, fetch_url, afetch_url, shop.url) == "HTTP 404\ngone"

    async def test_a_long_text_is_cut(self, town: Town, top: SigilHandle) -> None:
        shop = town.open_shop(grants=PASS, body="x" * 100_000)
        said = await self._both(top, fetch_url, afetch_url, shop.url)
        assert said == f"{'x' * 20_000}\n(cut after 20000 characters)"

    @pytest.mark.parametrize("before", [0, 19_900, 19_990, 20_000, 29_000])
    async def test_a_service_that_repeats_a_credential_does_not_show_it_to_the_model(
        self, town: Town, top: SigilHandle, before: int
    ) -> None:
        macaroon, preimage = top.credential.text.split(":")
        site = town.open_site(body=f"{' ' * before}L402 {macaroon}:{preimage} was sent")
        said = await self._both(top, fetch_url, afetch_url, site.url)
        assert macaroon[:40] not in said
        assert preimage[:16] not in said
        if before == 0:
            assert said == "L402 (a credential, not shown) was sent"

    async def test_show_budget_has_a_line_for_each_limit_that_holds(
        self, top: SigilHandle, shop: Shop
    ) -> None:
        scout = top.for_agent("scout")
        await asyncio.to_thread(_fetched, scout, shop.url)
        assert await self._both(scout, show_budget, ashow_budget) == (
            "everybody here: 89.99 sat left of 100 sat (budget_msat)\n"
            "scout: 14.99 sat left of 25 sat (budget_msat)"
        )

    def test_a_schema_says_what_they_take(self) -> None:
        assert (fetch_tool.name, budget_tool.name) == ("fetch_url", "show_budget")
        assert fetch_tool.parameters["required"] == ["url"]
        assert fetch_tool.parameters["additionalProperties"] is False
        assert budget_tool.parameters["properties"] == {}
        assert (fetch_tool.run, fetch_tool.arun) == (fetch_url, afetch_url)
        assert (budget_tool.run, budget_tool.arun) == (show_budget, ashow_budget)
