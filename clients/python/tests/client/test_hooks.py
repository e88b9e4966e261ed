"""Hooks of HTTP libraries see the request as the caller made it, and the answer that the caller
gets: no 402 that is paid, and no credential.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import aiohttp
import httpx
import httpx2
import pytest
import requests
from tests.town import Town

import l8nt.aiohttp
import l8nt.httpx
import l8nt.httpx2
import l8nt.requests
from l8nt import AsyncClient, Client

LIBRARIES: Final = (httpx2, httpx)
each_library = pytest.mark.parametrize("library", LIBRARIES, ids=["httpx2", "httpx"])
each_way = pytest.mark.parametrize("scope", [{}, {"max_uses": 100}], ids=["handed over", "relayed"])


class Hooks:
    """Hooks that fail for what is no success, and note what they see."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.statuses: list[int] = []

    def request(self, request: Any) -> None:
        self.requests.append(str(request.headers.get("authorization")))
        request.headers["x-signed"] = f"{len(self.requests)}"

    def response(self, response: Any) -> None:
        self.statuses.append(response.status_code)
        assert "authorization" not in response.request.headers
        response.raise_for_status()

    async def arequest(self, request: Any) -> None:
        self.request(request)

    async def aresponse(self, response: Any) -> None:
        self.response(response)


Getting = Callable[[str], httpx2.Response]


def with_client(
    library: ModuleType, is_async: bool, hooks: Hooks, text: str | None, town: Town, act: Any
) -> None:
    """Calls ``act`` with what gets a URL through a client with hooks."""
    if not is_async:
        given: Any = {"request": [hooks.request], "response": [hooks.response]}
        with library.Client(event_hooks=given) as http:
            act(Client(credential=text or (), http=http, treasury_http=http, clock=town.clock).get)
        return
    given = {"request": [hooks.arequest], "response": [hooks.aresponse]}
    with Loop() as run:
        http = library.AsyncClient(event_hooks=given)
        client = AsyncClient(credential=text or (), http=http, treasury_http=http, clock=town.clock)

        def get(url: str) -> httpx2.Response:
            return run(client.get(url))

        act(get)
        run(http.aclose())


class Loop:
    """``asyncio.Runner`` of Python 3.11."""

    def __enter__(self) -> Callable[[Any], Any]:
        self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete

    def __exit__(self, *_: object) -> None:
        self._loop.close()


@each_library
@pytest.mark.parametrize("is_async", [False, True], ids=["Client", "AsyncClient"])
class TestOfClients:
    @each_way
    def test_see_only_the_answer_and_no_credential(
        self, town: Town, library: ModuleType, is_async: bool, scope: dict[str, object]
    ) -> None:
        shop = town.open_shop(price="10 sat")
        hooks = Hooks()

        def act(get: Getting) -> None:
            assert [get(f"{shop.url}/a").json() for _ in range(2)] == [{"served": 1}, {"served": 2}]

        with_client(library, is_async, hooks, town.mint(budget="100 sat", **scope), town, act)
        assert hooks.statuses == [200, 200]
        assert hooks.requests == ["None", "None"]
        assert town.paid()[0] == 2
        # What a hook adds to a request is sent with each try of it, also by the treasury.
        sent = [one.values("x-signed") for one in shop.received]
        assert sent == [["1"]] * (len(sent) // 2) + [["2"]] * (len(sent) // 2)
        assert all(not one.values("x-signed") for one in town.treasury.received)

    def test_see_each_answer_to_a_pass(
        self, town: Town, library: ModuleType, is_async: bool
    ) -> None:
        shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
        hooks = Hooks()

        def act(get: Getting) -> None:
            for _ in range(4):
                get(f"{shop.url}/a")

        with_client(library, is_async, hooks, town.mint(budget="100 sat"), town, act)
        assert hooks.statuses == [200] * 4
        assert hooks.requests == ["None"] * 4
        assert town.paid()[0] == 1

    def test_may_refuse_the_answer(self, town: Town, library: ModuleType, is_async: bool) -> None:
        shop = town.open_shop(price="10 sat", status=404)
        hooks = Hooks()

        def act(get: Getting) -> None:
            with pytest.raises(library.HTTPStatusError, match="404"):
                get(f"{shop.url}/a")

        with_client(library, is_async, hooks, town.mint(budget="100 sat"), town, act)
        assert hooks.statuses == [404]

    def test_do_not_hide_what_a_client_without_a_credential_has_to_set(
        self, town: Town, library: ModuleType, is_async: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("SIGIL_CREDENTIAL", "SIGIL_WALLET"):
            monkeypatch.delenv(name, raising=False)
        shop = town.open_shop(price="21 sat", free=["/free"])
        hooks = Hooks()

        def act(get: Getting) -> None:
            with pytest.raises(Exception, match=r"of 21 sat\. Set"):
                get(f"{shop.url}/a")
            assert get(f"{shop.url}/free").status_code == 200

        with_client(library, is_async, hooks, None, town, act)
        assert hooks.statuses == [200]


@each_way
def test_of_a_session_of_requests_see_only_the_answer(town: Town, scope: dict[str, object]) -> None:
    shop = town.open_shop(price="10 sat")
    statuses: list[int] = []

    def hook(response: requests.Response, *_: object, **__: object) -> None:
        statuses.append(response.status_code)
        assert "authorization" not in response.request.headers
        response.raise_for_status()

    with requests.Session() as session:
        session.hooks["response"].append(hook)
        text = town.mint(budget="100 sat", **scope)
        session.mount("http://", l8nt.requests.Adapter(credential=text, clock=town.clock))
        assert session.get(f"{shop.url}/a").json() == {"served": 1}
    assert statuses == [200]


def traces() -> tuple[aiohttp.TraceConfig, list[dict[str, str]]]:
    """Traces of aiohttp that note the fields which they are shown."""
    seen: list[dict[str, str]] = []
    config = aiohttp.TraceConfig()

    async def note(_: Any, __: Any, given: Any) -> None:
        seen.append(dict(given.headers.items()))
        shown = getattr(given, "response", None)
        if shown is not None:
            seen.append(dict(shown.request_info.headers.items()))

    config.on_request_start.append(note)
    config.on_request_headers_sent.append(note)
    config.on_request_end.append(note)
    config.on_request_exception.append(note)
    return config, seen


@each_way
@pytest.mark.parametrize("own", [{}, {"Authorization": "Bearer mine", "X-Own": "1"}])
async def test_of_a_session_of_aiohttp_see_only_the_answer_and_no_credential(
    town: Town, scope: dict[str, object], own: dict[str, str]
) -> None:
    shop = town.open_shop(price="10 sat")
    config, seen = traces()
    text = town.mint(budget="100 sat", **scope)
    middleware = l8nt.aiohttp.Middleware(credential=text, clock=town.clock)
    async with (
        aiohttp.ClientSession(
            middlewares=[middleware], raise_for_status=True, trace_configs=[config]
        ) as session,
        session.get(f"{shop.url}/a", headers=own) as response,
    ):
        assert await response.json() == {"served": 1}
    assert len(seen) >= (4 if scope else 5)
    for fields in seen:
        named = {name.lower(): value for name, value in fields.items()}
        assert named.get("authorization") == own.get("Authorization")
        assert named.get("x-own") == own.get("X-Own")
        assert "macaroon" not in named
    assert town.paid()[0] == 1


async def test_of_a_session_of_aiohttp_see_no_credential_of_a_call_that_failed(
    town: Town,
) -> None:
    shop = town.open_shop(price="10 sat")
    config, seen = traces()
    text = town.mint(budget="100 sat")
    middleware = l8nt.aiohttp.Middleware(credential=text, clock=town.clock)
    shop.fault("lost", of="paid", times=0)
    async with aiohttp.ClientSession(middlewares=[middleware], trace_configs=[config]) as session:
        with pytest.raises(Exception, match="does not answer"):
            await session.get(f"{shop.url}/a")
    assert seen
    assert "L402" not in repr(seen)


@pytest.mark.parametrize(
    ("library", "auth"), [(httpx2, l8nt.httpx2.Auth), (httpx, l8nt.httpx.Auth)]
)
def test_that_refuse_the_402_of_an_auth_flow_end_the_call_before_a_payment(
    town: Town, library: ModuleType, auth: Any
) -> None:
    shop = town.open_shop(price="10 sat")
    hooks: Any = {"response": [Hooks().response]}
    mine = auth(credential=town.mint(budget="100 sat"), clock=town.clock)
    with (
        library.Client(auth=mine, event_hooks=hooks) as http,
        pytest.raises(library.HTTPStatusError, match="402"),
    ):
        http.get(f"{shop.url}/a")
    assert town.paid() == (0, 0)
