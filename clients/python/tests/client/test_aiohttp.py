"""Sessions of aiohttp that people keep, with a real treasury and real shops."""

from __future__ import annotations

import gc
import warnings

import aiohttp
import pytest
from tests.town import Town

from l8nt import BudgetError, PaymentError
from l8nt.aiohttp import Middleware
from l8nt.client.patience import patience

each_way = pytest.mark.parametrize("scope", [{}, {"max_uses": 100}], ids=["handed over", "relayed"])


def session_of(town: Town, text: str | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(middlewares=[Middleware(credential=text, clock=town.clock)])


@each_way
async def test_a_session_pays(town: Town, scope: dict[str, object]) -> None:
    shop = town.open_shop(price="10 sat")
    async with session_of(town, town.mint(budget="100 sat", **scope)) as session:
        for served in (1, 2):
            async with session.get(f"{shop.url}/a") as response:
                assert await response.json() == {"served": served}
                assert str(response.url) == f"{shop.url}/a"
                assert "sigil-relayed" not in response.headers
                assert "authorization" not in response.request_info.headers
        async with session.post(f"{shop.url}/b", json={"order": 1}) as posted:
            assert await posted.json() == {"served": 3}
    assert town.paid()[0] == 3


async def test_an_answer_that_was_read_is_told_to_the_treasury(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    async with session_of(town, town.mint(budget="100 sat")) as session:
        for _ in range(2):
            async with session.get(f"{shop.url}/a") as response:
                assert await response.text() == '{"served":1}' or response.status == 200
    orders = [one.text for one in town.treasury.received if one.method == "POST"]
    assert '"answered":[' not in orders[0]
    assert '"answered":[' in orders[1]


async def test_an_answer_that_was_left_is_told_to_the_treasury(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    async with session_of(town, town.mint(budget="100 sat")) as session:
        for _ in range(2):
            async with session.get(f"{shop.url}/a"):
                pass
    orders = [one.text for one in town.treasury.received if one.method == "POST"]
    assert ['"answered":[' in one for one in orders] == [False, True]


async def test_without_a_credential_a_402_says_what_to_set(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGIL_CREDENTIAL", raising=False)
    shop = town.open_shop(price="21 sat")
    async with session_of(town, None) as session:
        with pytest.raises(PaymentError, match=r"of 21 sat\. Set"):
            await session.get(f"{shop.url}/a")


async def test_a_refusal_of_the_treasury_is_its_error(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    async with session_of(town, town.mint(budget="5 sat")) as session:
        with pytest.raises(BudgetError):
            await session.get(f"{shop.url}/a")


async def test_where_another_origin_leads_is_not_paid_for(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    other = town.open_site(status=302, headers={"location": f"{shop.url}/a"})
    async with session_of(town, town.mint(budget="100 sat")) as session:
        with pytest.raises(PaymentError, match="A redirect led there"):
            await session.get(f"{other.url}/moved")
        assert town.paid() == (0, 0)
        # The caller's own request is paid for, also of a redirect that was not followed.
        async with session.get(f"{other.url}/moved", allow_redirects=False) as moved:
            target = moved.headers["location"]
        async with session.get(target) as response:
            assert response.status == 200


async def test_a_treasurys_answer_that_broke_off_leaves_no_connection_open(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asleep(_: float) -> None:
        """Waits for nothing."""

    monkeypatch.setattr(patience, "asleep", asleep)
    shop = town.open_shop(price="10 sat")
    town.treasury.fault("half", path="/v1/purchases")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", ResourceWarning)
        async with (
            session_of(town, town.mint(budget="100 sat")) as session,
            session.get(f"{shop.url}/a") as response,
        ):
            assert await response.json() == {"served": 1}
        gc.collect()
    assert [str(one.message) for one in found] == []
    assert town.paid()[0] == 1
