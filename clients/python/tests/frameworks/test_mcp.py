"""MCP with the SDK's servers and clients, in memory and over HTTP on loopback: ``mcp`` 2 and
``fastmcp`` 4.
"""

# ruff: noqa: E402
from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
from tests.frameworks import quiet

pytest.importorskip("mcp.server.mcpserver")
pytest.importorskip("fastmcp")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

import fastmcp
import mcp
import uvicorn
from fastmcp import FastMCP
from fastmcp.client.transports import StreamableHttpTransport
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from tests.frameworks.example import run_example
from tests.frameworks.page import run_snippet
from tests.town import Town

from l8nt import DeniedError, PaymentError
from l8nt.agents import SigilHandle
from l8nt.l402 import Minter
from l8nt.mcp import SigilHttpClient, current_grant, protect, with_sigil
from l8nt.mcp.wire import CREDENTIAL, IDEMPOTENCY_KEY, PAYMENT_CREDENTIAL, PROBLEM, USE
from l8nt.service import MemoryLedger, Service

SECRET: Final = "9b1f6e2ad3c84750f1e2d3c4b5a69788a7b6c5d4e3f2010f1e2d3c4b5a697887"
LOCATION: Final = "https://weather.example"
ALL: Final = [f"POST {LOCATION}/mcp/tools/*"]


def service_of(location: str = LOCATION) -> Service:
    return Service(location=location, secret=SECRET, ledger=MemoryLedger())


def mint(location: str = LOCATION, **scope: Any) -> str:
    words: dict[str, Any] = {"endpoints": [f"* {location}/**"], "expires_in": "1h", **scope}
    return Minter(secret=SECRET, location=location).mint(**words).text


def server_of(kind: str, seen: list[str], **options: Any) -> Any:
    """A server whose tools note what they see."""
    service = options.pop("service", None) or service_of()
    bare = MCPServer("weather") if kind == "mcp" else FastMCP("weather")
    server: Any = protect(bare, service, **{"free": ["status"], **options})
    context: Any = mcp.server.mcpserver.Context if kind == "mcp" else fastmcp.Context

    @server.tool()
    def status() -> str:
        return "up"

    def forecast(city: str, ctx: Any) -> str:
        request = ctx.request_context.request
        headers = "" if request is None else str(request.headers.raw)
        seen.append(f"{ctx.request_context.meta} {headers}")
        return f"{city}: sunny"

    forecast.__annotations__["ctx"] = context
    server.tool()(forecast)

    @server.tool()
    async def fails(city: str) -> str:
        raise RuntimeError(city)

    @server.tool(name="gives-back")
    async def back(city: str) -> str:
        current_grant().release()
        return city

    @server.tool()
    def number(x: int) -> int:
        return x + 1

    return server


Call = Callable[..., Any]


@pytest.fixture(params=["mcp", "fastmcp"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def seen() -> list[str]:
    return []


def caller(kind: str, server: Any) -> Call:
    async def call(name: str, credential: object = None, **more: Any) -> Any:
        """Calls a tool, with a credential in ``_meta``."""
        meta = {**({} if credential is None else {CREDENTIAL: credential}), **more.pop("meta", {})}
        if kind == "mcp":
            async with mcp.Client(server) as client:
                return await client.call_tool(name, more, meta=meta or None)
        async with fastmcp.Client(server) as client:
            return await client.call_tool_mcp(name, more, meta=meta or None)

    return call


def problem_of(result: Any) -> dict[str, Any]:
    assert result.is_error
    return result.meta[PROBLEM]


async def test_a_tool_takes_a_credential_and_a_free_tool_takes_none(
    kind: str, seen: list[str]
) -> None:
    call = caller(kind, server_of(kind, seen))
    assert (await call("status")).content[0].text == "up"
    refused = await call("forecast", city="Oslo")
    problem = problem_of(refused)
    assert (problem["status"], problem["code"]) == (401, "ERR_TOKEN_MISSING")
    assert refused.content[0].text.startswith('The tool "forecast" was not called.')
    assert seen == []
    assert (await call("forecast", mint(), city="Oslo")).content[0].text == "Oslo: sunny"
    assert (await call("number", mint(), x=1)).structured_content == {"result": 2}


async def test_a_call_is_judged_as_a_request_for_the_url_of_its_tool(
    kind: str, seen: list[str]
) -> None:
    call = caller(kind, server_of(kind, seen))
    one = mint(endpoints=[f"POST {LOCATION}/mcp/tools/number"])
    assert not (await call("number", one, x=1)).is_error
    assert problem_of(await call("forecast", one, city="Oslo"))["code"] == "ERR_ENDPOINT"
    got = mint(endpoints=[f"GET {LOCATION}/**"])
    assert problem_of(await call("number", got, x=1))["code"] == "ERR_ENDPOINT"
    named = caller(kind, server_of(kind, seen, service=_named()))
    able = mint(services=["weather"], capabilities={"weather": ["number"]})
    assert not (await named("number", able, x=1)).is_error
    assert problem_of(await named("forecast", able, city="Oslo"))["status"] == 403
    forged = mint()[:-4] + "0000"
    assert problem_of(await call("number", forged, x=1))["code"] == "ERR_TOKEN_FORGED"


def _named() -> Service:
    return Service(location=LOCATION, secret=SECRET, name="weather", ledger=MemoryLedger())


async def test_arguments_are_checked_by_the_schema_first_and_cost_nothing(
    kind: str, seen: list[str]
) -> None:
    call = caller(kind, server_of(kind, seen))
    once = mint(max_uses=1)
    refused = await call("number", once, x="none")
    assert refused.is_error
    assert PROBLEM not in (refused.meta or {})
    assert not (await call("number", once, x=1)).is_error
    assert problem_of(await call("number", once, x=1))["code"] == "ERR_USES"


async def test_a_tool_that_fails_or_declares_it_gives_the_use_back(
    kind: str, seen: list[str]
) -> None:
    call = caller(kind, server_of(kind, seen))
    once = mint(max_uses=1)
    failed = await call("fails", once, city="Oslo")
    assert failed.is_error
    assert failed.meta[USE] == "released"
    assert (await call("gives-back", once, city="Oslo")).meta[USE] == "released"
    served = await call("forecast", once, city="Oslo")
    assert USE not in (served.meta or {})
    assert problem_of(await call("fails", once, city="Oslo"))["code"] == "ERR_USES"


async def test_a_repeated_call_is_no_other_use_of_a_credential(kind: str, seen: list[str]) -> None:
    call = caller(kind, server_of(kind, seen))
    once = mint(max_uses=1)
    assert not (await call("number", once, x=1, meta={IDEMPOTENCY_KEY: "a"})).is_error
    again = await call("number", once, x=1, meta={IDEMPOTENCY_KEY: "b"})
    assert problem_of(again)["code"] == "ERR_USES"


async def test_a_credential_of_the_wrong_type_is_malformed_and_two_are_ambiguous(
    kind: str, seen: list[str]
) -> None:
    call = caller(kind, server_of(kind, seen))
    for wrong in (5, ["a"], {}, ""):
        problem = problem_of(await call("number", wrong, x=1))
        assert problem["code"] == "ERR_TOKEN_MALFORMED"
    macaroon, preimage = mint().split(":")
    paid = {
        "challenge": {"id": macaroon, "method": "lightning"},
        "payload": {"preimage": preimage},
    }
    other = {PAYMENT_CREDENTIAL: paid}
    assert not (await call("number", None, x=1, meta=other)).is_error
    assert problem_of(await call("number", mint(), x=1, meta=other))["code"] == (
        "ERR_TOKEN_AMBIGUOUS"
    )
    assert not (await call("number", f"{macaroon}:{preimage}", x=1, meta=other)).is_error


async def test_the_tool_sees_no_credential_and_the_rest_of_its_context(
    kind: str, seen: list[str]
) -> None:
    call = caller(kind, server_of(kind, seen))
    credential = mint()
    await call("forecast", credential, city="Oslo", meta={"com.example/mine": "kept"})
    assert "kept" in seen[0]
    assert CREDENTIAL not in seen[0]
    assert credential[:40] not in seen[0]


async def test_a_price_is_taken_from_the_budget_of_the_credential(
    kind: str, seen: list[str]
) -> None:
    dear = {"forecast": {"price": "8 sat"}}
    call = caller(kind, server_of(kind, seen, price="3 sat", tools=dear))
    purse = mint(budget="10 sat")
    assert not (await call("number", purse, x=1)).is_error
    assert problem_of(await call("forecast", purse, city="Oslo"))["code"] == "ERR_BUDGET"
    assert not (await call("number", purse, x=1)).is_error


def test_a_tool_whose_name_cannot_stand_in_a_url_is_refused(kind: str) -> None:
    bare: Any = MCPServer("weather") if kind == "mcp" else FastMCP("weather")
    server = protect(bare, service_of())
    with pytest.raises(TypeError, match="the name of a protected tool"):

        @server.tool(name="two words")
        def two() -> str:
            return ""

    with pytest.raises(TypeError, match="MCPServer"):
        protect(object(), service_of())
    with pytest.raises((TypeError, ValueError)):
        protect(bare, service_of(), price="ten")


async def test_a_mounted_server_s_tools_are_judged_too() -> None:
    inner = FastMCP("inner")

    @inner.tool()
    def secret() -> str:
        return "seen"

    outer = protect(FastMCP("outer"), service_of())
    outer.mount(inner, namespace="in")
    call = caller("fastmcp", outer)
    assert problem_of(await call("in_secret"))["code"] == "ERR_TOKEN_MISSING"
    assert (await call("in_secret", mint())).content[0].text == "seen"


async def test_a_protected_tool_that_is_called_past_the_protocol_is_refused(kind: str) -> None:
    bare: Any = MCPServer("weather") if kind == "mcp" else FastMCP("weather")
    server = protect(bare, service_of())

    @server.tool()
    def secret() -> str:
        return "seen"

    with pytest.raises(Exception, match=r"."):
        await server.call_tool("secret", {})


@contextlib.asynccontextmanager
async def serving(kind: str, seen: list[str], *, is_free: bool = False) -> AsyncIterator[str]:
    """The server over HTTP on loopback; gives its origin."""
    free = ["status", "forecast"] if is_free else ["status"]
    # It listens at once, so that no client has to wait until the server has started.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = server_of(kind, seen, service=service_of(origin), free=free)
        app = server.streamable_http_app() if kind == "mcp" else server.http_app()
        config = uvicorn.Config(app, log_level="error", lifespan="on")
        runner = uvicorn.Server(config)
        running = asyncio.ensure_future(runner.serve(sockets=[listener]))
        try:
            yield origin
        finally:
            runner.should_exit = True
            await running


@contextlib.asynccontextmanager
async def connected(
    kind: str, origin: str, handle: SigilHandle | None = None
) -> AsyncIterator[Call]:
    url = f"{origin}/mcp"
    if kind == "fastmcp":
        transport = StreamableHttpTransport(
            url, httpx_client_factory=lambda **given: SigilHttpClient(handle=handle, **given)
        )
        async with fastmcp.Client(transport) as client:
            yield client.call_tool_mcp
        return
    async with (
        SigilHttpClient(handle=handle) as http,
        mcp.Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client.call_tool


async def test_over_http_each_call_presents_the_credential_of_the_agent_that_calls(
    kind: str, seen: list[str]
) -> None:
    async with serving(kind, seen) as origin:
        number = [f"* {origin}/mcp", f"POST {origin}/mcp/tools/number"]
        table: Any = {"scout": {"endpoints": number}}
        sigil = SigilHandle.open(credential=mint(origin), agents=table)
        async with connected(kind, origin) as call:
            refused = await call("number", {"x": 1})
            assert problem_of(refused)["code"] == "ERR_TOKEN_MISSING"
            with sigil:
                assert not (await call("forecast", {"city": "Oslo"})).is_error
            with sigil.for_agent("scout"):
                assert not (await call("number", {"x": 1})).is_error
                scouts = await call("forecast", {"city": "Oslo"})
                assert problem_of(scouts)["code"] == "ERR_ENDPOINT"
            both = await asyncio.gather(
                sigil.arun(call, "forecast", {"city": "Bergen"}),
                sigil.for_agent("scout").arun(call, "forecast", {"city": "Bergen"}),
            )
            assert [one.is_error for one in both] == [False, True]
    assert len(seen) == 2
    assert not any("authorization" in one.lower() for one in seen)


async def test_an_agent_that_is_denied_everything_ends_no_connection(
    kind: str, seen: list[str]
) -> None:
    async with serving(kind, seen) as origin:
        sigil = SigilHandle.open(credential=mint(origin), agents={})
        async with connected(kind, origin) as call:
            with sigil.for_agent("stranger"), pytest.raises(MCPError) as caught:
                await call("number", {"x": 1})
            assert caught.value.error.data["code"] == "ERR_AGENT_UNKNOWN"
            # The connection goes on for other agents.
            with sigil:
                assert not (await call("forecast", {"city": "Oslo"})).is_error
    assert len(seen) == 1


async def test_over_http_each_agent_pays_for_its_calls_within_its_budget(
    kind: str, seen: list[str], open_town: Callable[..., Town]
) -> None:
    town = open_town(now=None)
    async with serving(kind, seen, is_free=True) as origin:
        place = town.open_mcp(origin, price="10 sat")
        root = town.mint(endpoints=[f"* {place.url}/**"], budget="100 sat", expires_in="1h")
        sigil = SigilHandle.open(credential=root, agents={"scout": {"budget": "15 sat"}})
        async with connected(kind, place.url) as call:
            with sigil.for_agent("scout"):
                assert not (await call("forecast", {"city": "Oslo"})).is_error
                with pytest.raises(MCPError, match="ERR_BUDGET"):
                    await call("forecast", {"city": "Lima"})
            with sigil:
                assert not (await call("forecast", {"city": "Rome"})).is_error
            with pytest.raises(MCPError, match="10 sat"):
                await call("forecast", {"city": "Bern"})
        sigil.close()
    assert town.paid()[0] == 2
    spent = [(node.agent, node.spent_msat) for node in town.tree()]
    assert spent == [(None, 20_020), ("scout", 10_010)]
    shown = "".join(seen)
    sent = [value for one in place.received for value in one.values("authorization")]
    assert sent
    assert not any(value.split(" ")[-1].split(":")[0] in shown for value in sent)


def client_of(kind: str, server: Any) -> Any:
    return mcp.Client(server) if kind == "mcp" else fastmcp.Client(server)


async def test_in_band_each_call_presents_the_credential_of_the_agent_that_calls(
    kind: str, seen: list[str]
) -> None:
    server = server_of(kind, seen)
    number = {"endpoints": [f"POST {LOCATION}/mcp/tools/number"]}
    sigil = SigilHandle.open(credential=mint(), agents={"scout": number})
    async with client_of(kind, server) as bare:
        client = with_sigil(bare, location=LOCATION)
        quietly = {"raise_on_error": False} if kind == "fastmcp" else {}
        assert (await client.call_tool("number", {"x": 1}, **quietly)).is_error
        with sigil:
            assert not (await client.call_tool("forecast", {"city": "Oslo"}, **quietly)).is_error
        with sigil.for_agent("scout"):
            assert not (await client.call_tool("number", {"x": 1}, **quietly)).is_error
            assert (await client.call_tool("forecast", {"city": "Oslo"}, **quietly)).is_error
        with sigil.for_agent("stranger"), pytest.raises(DeniedError, match="ERR_AGENT_UNKNOWN"):
            await client.call_tool("number", {"x": 1}, **quietly)


async def test_a_server_that_repeats_a_credential_shows_it_to_no_model(kind: str) -> None:
    bare: Any = MCPServer("echo") if kind == "mcp" else FastMCP("echo")
    shown: list[str] = []
    context: Any = mcp.server.mcpserver.Context if kind == "mcp" else fastmcp.Context

    def echo(ctx: Any) -> str:
        shown.append(str(ctx.request_context.meta))
        return shown[0]

    echo.__annotations__["ctx"] = context
    bare.tool()(echo)
    credential = mint()
    sigil = SigilHandle.open(credential=credential)
    async with client_of(kind, bare) as client:
        result = await with_sigil(client, sigil, location=LOCATION).call_tool("echo", {})
    [macaroon] = [one for one in shown[0].split("'") if ":" in one and len(one) > 100]
    assert macaroon.split(":")[0] in shown[0]
    assert macaroon.split(":")[0] not in str(result)
    assert credential.split(":")[1] not in str(result)


async def test_a_credential_of_a_treasury_is_not_shown_to_a_server(
    kind: str, seen: list[str]
) -> None:
    minter = Minter(secret=SECRET, location="https://treasury.example", kind="spending")
    text = minter.mint(endpoints=ALL, budget="100 sat", expires_in="1h").text
    async with client_of(kind, server_of(kind, seen)) as client:
        with_sigil(client, SigilHandle.open(credential=text), location=LOCATION)
        with pytest.raises(PaymentError) as caught:
            await client.call_tool("number", {"x": 1})
    assert (caught.value.code, caught.value.spent) == ("ERR_PAYMENT_REQUIRED", "no")
    with pytest.raises(ValueError, match="location must be"):
        with_sigil(client, location="weather")


async def test_the_snippet_of_the_page_runs_as_it_stands(kind: str, seen: list[str]) -> None:
    async with serving(kind, seen) as origin:
        shown: list[object] = []
        await run_snippet(
            "python-mcp",
            url=f"{origin}/mcp",
            handle=SigilHandle.open(credential=mint(origin)),
            print=shown.append,
        )
    assert len(seen) == 1
    assert "Tokyo: sunny" in str(shown)


def test_the_example_runs() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("mcp_tools")


def test_nothing_left_this_machine() -> None:
    assert quiet.attempts == []
