"""Plain HTTP to this machine goes through no proxy: neither the free request nor the paid one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import httpx2
import pytest
import requests
from tests.town import Place, Town

import l8nt.aiohttp
import l8nt.requests
from l8nt import AsyncClient, Client

each_way = pytest.mark.parametrize("scope", [{}, {"max_uses": 100}], ids=["handed over", "relayed"])


@pytest.fixture
def proxy(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A proxy of the environment that answers everything with 503."""
    place = town.open_site(status=503)
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, place.url)
    yield place
    assert place.received == []


@each_way
def test_of_a_session_of_requests(town: Town, proxy: Place, scope: dict[str, object]) -> None:
    shop = town.open_shop(price="10 sat")
    with requests.Session() as session:
        text = town.mint(budget="100 sat", **scope)
        session.mount("http://", l8nt.requests.Adapter(credential=text, clock=town.clock))
        assert session.get(f"{shop.url}/a").json() == {"served": 1}
        mine = {"http": proxy.url}
        assert session.get(f"{shop.url}/a", proxies=mine).json() == {"served": 2}


@each_way
async def test_of_a_session_of_aiohttp(town: Town, proxy: Place, scope: dict[str, object]) -> None:
    shop = town.open_shop(price="10 sat")
    text = town.mint(budget="100 sat", **scope)
    middleware = l8nt.aiohttp.Middleware(credential=text, clock=town.clock)
    async with aiohttp.ClientSession(middlewares=[middleware], trust_env=True) as session:
        for count, given in ((1, None), (2, proxy.url)):
            async with session.get(f"{shop.url}/a", proxy=given) as response:
                assert await response.json() == {"served": count}


@each_way
async def test_of_clients(town: Town, proxy: Place, scope: dict[str, object]) -> None:
    shop = town.open_shop(price="10 sat")
    text = town.mint(budget="100 sat", **scope)
    with Client(credential=text, clock=town.clock) as client:
        assert client.get(f"{shop.url}/a").json() == {"served": 1}
    async with AsyncClient(credential=text, clock=town.clock) as other:
        assert (await other.get(f"{shop.url}/a")).json() == {"served": 2}
    http: Any = httpx2.Client(proxy=proxy.url)
    with http:
        given = Client(credential=text, clock=town.clock, http=http)
        assert given.get(f"{shop.url}/a").json() == {"served": 3}
