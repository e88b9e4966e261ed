"""Which way a credential goes: past proxies that other transports wrap, and not to the origin that
a redirect leads to.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import aiohttp
import httpx
import httpx2
import pytest
import requests
from tests.town import Place, Town

import l8nt.aiohttp
import l8nt.httpx
import l8nt.httpx2
import l8nt.requests
from l8nt import AdapterError, AsyncClient, Client

each_library = pytest.mark.parametrize("library", [httpx2, httpx], ids=["httpx2", "httpx"])
AUTHS: Final[dict[str, Any]] = {"httpx2": l8nt.httpx2.Auth, "httpx": l8nt.httpx.Auth}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SIGIL_"):
            monkeypatch.delenv(name)


class Wrapped:
    """A transport around another one, which it has in different places."""

    def __init__(self, held: Any) -> None:
        self.held = held

    @property
    def _inner(self) -> Any:
        held = self.held
        kind = type(held).__name__
        return {"dict": lambda: held["http"], "list": lambda: held[0]}.get(kind, lambda: held)()

    def handle_request(self, request: Any) -> Any:
        return self._inner.handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        return await self._inner.handle_async_request(request)

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()


class Slotted(Wrapped):
    __slots__ = ("held",)


WRAPPED: Final[dict[str, Callable[[Any], Any]]] = {
    "as it is": lambda one: one,
    "in an attribute": Wrapped,
    "in a list": lambda one: Wrapped([one]),
    "in a dict": lambda one: Wrapped({"http": one}),
    "in a slot": Slotted,
    "in three": lambda one: Wrapped(Wrapped([Wrapped(one)])),
}


def of_library(library: ModuleType, transport: Any, *, is_async: bool) -> Any:
    """The transport, as one of the library."""
    base = library.AsyncBaseTransport if is_async else library.BaseTransport
    if isinstance(transport, base):
        return transport
    kind: Any = transport.__class__
    return type(kind.__name__, (kind, base), {})(transport.held)


@each_library
@pytest.mark.parametrize("way", WRAPPED)
async def test_a_wrapped_proxy_sees_nothing(town: Town, library: ModuleType, way: str) -> None:
    proxy = town.open_site(status=503)
    shop = town.open_shop(price="10 sat")
    text = town.mint(budget="100 sat")
    transport = WRAPPED[way](library.HTTPTransport(proxy=proxy.url))
    with library.Client(transport=of_library(library, transport, is_async=False)) as http:
        client = Client(credential=text, clock=town.clock, http=http)
        assert client.get(f"{shop.url}/a").json() == {"served": 1}
    transport = WRAPPED[way](library.AsyncHTTPTransport(proxy=proxy.url))
    async with (
        library.AsyncClient(transport=of_library(library, transport, is_async=True)) as http,
        AsyncClient(credential=text, clock=town.clock, http=http) as other,
    ):
        assert (await other.get(f"{shop.url}/a")).json() == {"served": 2}
    assert proxy.received == []


@each_library
@pytest.mark.parametrize("way", WRAPPED)
def test_a_wrapped_transport_without_a_proxy_sends(
    town: Town, library: ModuleType, way: str
) -> None:
    sent: list[str] = []
    transport = library.HTTPTransport()
    send = transport.handle_request

    def noted(request: Any) -> Any:
        sent.append(str(request.url))
        return send(request)

    transport.handle_request = noted
    shop = town.open_shop(price="10 sat")
    given = of_library(library, WRAPPED[way](transport), is_async=False)
    with library.Client(transport=given) as http:
        client = Client(credential=town.mint(), clock=town.clock, http=http)
        assert client.get(f"{shop.url}/a").json() == {"served": 1}
        auth = AUTHS[library.__name__](credential=town.mint(), clock=town.clock)
        assert http.get(f"{shop.url}/b", auth=auth).json() == {"served": 2}
    assert len(sent) == 4


def given_proxy(library: ModuleType, url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Ways to give a client a proxy."""
    monkeypatch.setenv("HTTP_PROXY", url)
    return {
        "in the environment": {},
        "as an argument": {"trust_env": False, "proxy": url},
        "in a mount": {
            "trust_env": False,
            "mounts": {"http://": library.HTTPTransport(proxy=url)},
        },
    }


@each_library
@pytest.mark.parametrize("way", ["in the environment", "as an argument", "in a mount"])
def test_an_auth_flow_refuses_a_proxy_for_plain_http(
    town: Town, library: ModuleType, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, shop = town.open_site(status=503), town.open_shop(price="10 sat")
    auth = AUTHS[library.__name__](credential=town.mint(), clock=town.clock)
    with library.Client(auth=auth, **given_proxy(library, proxy.url, monkeypatch)[way]) as http:
        with pytest.raises(AdapterError, match="NO_PROXY") as caught:
            http.get(f"{shop.url}/a")
        assert caught.value.code == "ERR_REQUEST"
        assert proxy.received == []
        assert town.paid() == (0, 0)
        # What has no credential is the library's own.
        assert http.get(f"{shop.url}/a", headers={"authorization": "Bearer x"}).status_code == 503
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with library.Client(auth=auth) as http:
        assert http.get(f"{shop.url}/a").json() == {"served": 1}


@each_library
async def test_an_auth_flow_of_an_event_loop_refuses_a_proxy_for_plain_http(
    town: Town, library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, shop = town.open_site(status=503), town.open_shop(price="10 sat")
    auth = AUTHS[library.__name__](credential=town.mint(), clock=town.clock)
    async with library.AsyncClient(auth=auth, proxy=proxy.url) as http:
        with pytest.raises(AdapterError, match="NO_PROXY"):
            await http.get(f"{shop.url}/a")
    assert proxy.received == []
    async with library.AsyncClient(auth=auth) as http:
        assert (await http.get(f"{shop.url}/a")).json() == {"served": 1}


OWN: Final[dict[str, dict[str, str]]] = {
    "Macaroon": {"macaroon": "AgEWown"},
    "Grpc-Metadata-Macaroon": {"grpc-metadata-macaroon": "AgEWown"},
    "Authorization": {"authorization": "L402 AgEWown:00"},
    "Proxy-Authorization": {"proxy-authorization": "Basic AgEWown"},
}


def get_with_requests(town: Town, text: Any, url: str, headers: dict[str, str]) -> int:
    with requests.Session() as session:
        session.mount("http://", l8nt.requests.Adapter(credential=text, clock=town.clock))
        return session.get(url, headers=headers).status_code


def get_with_aiohttp(town: Town, text: Any, url: str, headers: dict[str, str]) -> int:
    async def get() -> int:
        middleware = l8nt.aiohttp.Middleware(credential=text, clock=town.clock)
        async with (
            aiohttp.ClientSession(middlewares=[middleware]) as session,
            session.get(url, headers=headers) as response,
        ):
            return response.status

    return asyncio.run(get())


def get_with_client(town: Town, text: Any, url: str, headers: dict[str, str]) -> int:
    with Client(credential=text, clock=town.clock) as client:
        return client.get(url, headers=headers).status_code


GETS: Final[dict[str, Callable[[Town, Any, str, dict[str, str]], int]]] = {
    "Client": get_with_client,
    "requests": get_with_requests,
    "aiohttp": get_with_aiohttp,
}


def redirecting(town: Town, other: Place, status: int) -> SimpleNamespace:
    """Places of one origin and of another, the first of which leads back to itself, then there."""
    home = town.open_shop()
    home.fault("answer", path="/a", times=0, status=status, headers={"location": "/b"})
    leads = {"location": f"{other.url}/c"}
    home.fault("answer", path="/b", times=0, status=status, headers=leads)
    return SimpleNamespace(url=home.url, received=lambda: home.received)


@pytest.mark.parametrize("has", ["a credential", "none"])
@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("how", GETS)
def test_a_callers_own_credential_stays_at_the_origin_that_was_asked_for(
    town: Town, how: str, name: str, status: int, has: str
) -> None:
    if how == "Client" and has == "none" and name == "Proxy-Authorization":
        pytest.skip("without a credential a request is the HTTP library's own")
    other = town.open_shop()
    other.fault("answer", path="/c", status=status, headers={"location": "/d"})
    other.fault("answer", path="/d")
    home = redirecting(town, other, status)
    text = town.mint() if has == "a credential" else ()
    assert GETS[how](town, text, f"{home.url}/a", OWN[name]) == 200
    assert [one.target for one in home.received()] == ["/a", "/b"]
    assert [one.target for one in other.received] == ["/c", "/d"]
    assert all("AgEWown" not in one.text for one in other.received)
    field = name.lower()
    assert home.received()[0].values(field) == list(OWN[name].values())
    # requests writes its own Proxy-Authorization for each request.
    if (how, name) != ("requests", "Proxy-Authorization"):
        assert home.received()[1].values(field) == list(OWN[name].values())


@pytest.mark.parametrize("how", GETS)
def test_other_fields_of_a_caller_go_where_a_redirect_leads(town: Town, how: str) -> None:
    other = town.open_site(body="other")
    home = redirecting(town, other, 302)
    assert GETS[how](town, town.mint(), f"{home.url}/a", {"x-own": "1", "accept": "x/y"}) == 200
    assert other.received[0].values("x-own") == ["1"]
    assert other.received[0].values("accept") == ["x/y"]
