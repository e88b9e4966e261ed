"""An order carries a spending credential, and goes to a treasury that has proved its name, whatever
the caller's HTTP library allows for the request that it is for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests

import l8nt.aiohttp
import l8nt.httpx
import l8nt.httpx2
import l8nt.requests
from l8nt import AdapterError, Credential
from l8nt.client import pools
from l8nt.l402 import Minter

from .tls import Answer, TlsServer, tls_server
from .world import SECRET, asks, clock


def _asks(_: str, authorization: str | None) -> Answer:
    if authorization is not None:
        return 200, {}, b"served"
    return 402, dict(asks().headers), b""


def _hands_over(shop: str) -> Callable[[str, str | None], Answer]:
    sold = Minter(secret=SECRET, location=shop, clock=clock).mint(
        endpoints=[f"* {shop}/**"], max_uses=1, expires_in="1h"
    )
    return lambda path, authorization: (
        200,
        {"content-type": "application/json"},
        b'{"credential":"%s"}' % sold.text.encode(),
    )


Servers = tuple[TlsServer, TlsServer, Credential]


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    # The environment is read when a connection is made.
    monkeypatch.setattr(pools.pools, "_open", {})
    with (
        tls_server(tmp_path, "shop", _asks) as shop,
        tls_server(tmp_path, "treasury", _hands_over(shop.url)) as treasury,
    ):
        minter = Minter(secret=SECRET, location=treasury.url, kind="spending", clock=clock)
        given: dict[str, Any] = {"endpoints": [f"* {shop.url}/**"], "budget": "9 sat"}
        yield shop, treasury, minter.mint(**given, expires_in="1h")


def _by_requests(shop: TlsServer, credential: Credential, session: bool, verify: object) -> bytes:
    with requests.Session() as made:
        made.mount("https://", l8nt.requests.Adapter(credential=credential, clock=clock))
        if session:
            made.verify = verify  # type: ignore[assignment] - a bool or a path
            return made.get(f"{shop.url}/a").content
        return made.get(f"{shop.url}/a", verify=verify).content  # type: ignore[arg-type] - as above


def _by_aiohttp(
    shop: TlsServer, credential: Credential, session: bool, allowed: ssl.SSLContext | bool
) -> bytes:
    async def get() -> bytes:
        connector = aiohttp.TCPConnector(ssl=allowed) if session else aiohttp.TCPConnector()
        options: dict[str, Any] = {} if session else {"ssl": allowed}
        middleware = l8nt.aiohttp.Middleware(credential=credential, clock=clock)
        async with (
            aiohttp.ClientSession(connector=connector, middlewares=[middleware]) as made,
            made.get(f"{shop.url}/a", **options) as response,
        ):
            return await response.read()

    return asyncio.run(get())


def _auth_of(library: Any) -> Any:
    return l8nt.httpx2.Auth if library is httpx2 else l8nt.httpx.Auth


def _by_httpx(
    shop: TlsServer, credential: Credential, library: Any, allowed: ssl.SSLContext | bool
) -> bytes:
    mine = _auth_of(library)(credential=credential, clock=clock)
    with library.Client(auth=mine, verify=allowed) as http:
        given: bytes = http.get(f"{shop.url}/a").content
        return given


def _by_httpx_later(
    shop: TlsServer, credential: Credential, library: Any, allowed: ssl.SSLContext | bool
) -> bytes:
    async def get() -> bytes:
        mine = _auth_of(library)(credential=credential, clock=clock)
        async with library.AsyncClient(auth=mine, verify=allowed) as http:
            given: bytes = (await http.get(f"{shop.url}/a")).content
            return given

    return asyncio.run(get())


Ways = dict[str, Callable[[TlsServer, Credential], bytes]]
WAYS: Ways = {
    "requests, a call without verification": lambda s, c: _by_requests(s, c, False, False),
    "requests, a session without verification": lambda s, c: _by_requests(s, c, True, False),
    "requests, a call with the shop's authority": lambda s, c: _by_requests(
        s, c, False, s.authority
    ),
    "aiohttp, a call without verification": lambda s, c: _by_aiohttp(s, c, False, False),
    "aiohttp, a connector without verification": lambda s, c: _by_aiohttp(s, c, True, False),
    "aiohttp, a call with the shop's authority": lambda s, c: _by_aiohttp(
        s, c, False, ssl.create_default_context(cafile=s.authority)
    ),
    "httpx2, a client without verification": lambda s, c: _by_httpx(s, c, httpx2, False),
    "httpx, a client without verification": lambda s, c: _by_httpx(s, c, httpx, False),
    "httpx2, a client with the shop's authority": lambda s, c: _by_httpx(
        s, c, httpx2, ssl.create_default_context(cafile=s.authority)
    ),
    "httpx2, an event loop without verification": lambda s, c: _by_httpx_later(s, c, httpx2, False),
    "httpx, an event loop without verification": lambda s, c: _by_httpx_later(s, c, httpx, False),
}
pytestmark = pytest.mark.filterwarnings(
    "ignore:Unverified HTTPS request:urllib3.exceptions.InsecureRequestWarning"
)
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


@each_way
def test_an_order_is_not_sent_to_a_treasury_that_proves_no_name(
    servers: Servers, way: Callable[[TlsServer, Credential], bytes]
) -> None:
    shop, treasury, credential = servers
    with pytest.raises(AdapterError) as caught:
        way(shop, credential)
    assert caught.value.code == "ERR_TREASURY"
    assert treasury.received == []
    assert shop.received == [("/a", None)]


@each_way
def test_the_environment_names_the_authority_of_a_treasury(
    servers: Servers,
    way: Callable[[TlsServer, Credential], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, treasury, credential = servers
    # A session of requests without verification takes the shop's from there too.
    both = tmp_path / "both.pem"
    both.write_text(Path(shop.authority).read_text() + Path(treasury.authority).read_text())
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(both))
    assert way(shop, credential) == b"served"
    assert [path for path, _ in treasury.received] == ["/v1/purchases"]
