"""What a call of a protected MCP tool costs, whatever stands between the tool and its caller:
caches, retries, results that do not fit, tools of the same name.
"""

# ruff: noqa: E402
from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("mcp.server.mcpserver")
pytest.importorskip("fastmcp")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

from fastmcp import FastMCP
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.middleware.error_handling import RetryMiddleware
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent
from tests.frameworks import quiet
from tests.frameworks.test_mcp import caller, mint, problem_of, service_of

from l8nt.mcp import protect
from l8nt.mcp.wire import PROBLEM, USE


@pytest.fixture(params=["mcp", "fastmcp"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def protected(kind: str, *middleware: Any) -> Any:
    bare: Any = MCPServer("weather") if kind == "mcp" else FastMCP("weather")
    for one in middleware:
        bare.add_middleware(one)
    return protect(bare, service_of())


async def test_a_cache_serves_a_paid_result_to_nobody_without_a_credential() -> None:
    server = protected("fastmcp", ResponseCachingMiddleware())
    runs: list[str] = []

    @server.tool()
    def forecast(city: str) -> str:
        runs.append(city)
        return f"{city}: sunny"

    call = caller("fastmcp", server)
    once = mint(max_uses=1)
    assert (await call("forecast", once, city="Oslo")).content[0].text == "Oslo: sunny"
    for wrong, code in (
        (None, "ERR_TOKEN_MISSING"),
        ("x", "ERR_TOKEN_MALFORMED"),
        (once, "ERR_USES"),
    ):
        refused = await call("forecast", wrong, city="Oslo")
        assert problem_of(refused)["code"] == code
        assert "sunny" not in str(refused)
    # Who may call it has the kept result, and it counts.
    other = mint(max_uses=1)
    assert (await call("forecast", other, city="Oslo")).content[0].text == "Oslo: sunny"
    assert problem_of(await call("forecast", other, city="Oslo"))["code"] == "ERR_USES"
    assert runs == ["Oslo"]


@pytest.mark.parametrize(("failures", "is_served"), [(0, True), (1, True), (2, True), (9, False)])
async def test_the_result_that_a_retry_ends_with_decides_about_the_use(
    failures: int, is_served: bool
) -> None:
    retry = RetryMiddleware(max_retries=2, base_delay=0.001, retry_exceptions=(Exception,))
    server = protected("fastmcp", retry)
    runs: list[str] = []

    @server.tool()
    def flaky(city: str) -> str:
        runs.append(city)
        if len(runs) <= failures:
            raise ConnectionError("upstream")
        return "sunny"

    call = caller("fastmcp", server)
    once = mint(max_uses=1)
    first = await call("flaky", once, city="Oslo")
    assert first.is_error is not is_served
    assert (first.meta or {}).get(USE) == (None if is_served else "released")
    runs.extend([""] * 10)
    second = await call("flaky", once, city="Oslo")
    assert second.is_error is is_served
    if is_served:
        assert problem_of(second)["code"] == "ERR_USES"


async def test_a_result_that_does_not_fit_the_tool_s_schema_gives_the_use_back() -> None:
    server = protected("mcp")
    values: list[Any] = ["no number", 5]

    @server.tool()
    def number(x: int) -> int:
        return values.pop(0)

    call = caller("mcp", server)
    once = mint(max_uses=1)
    failed = await call("number", once, x=1)
    assert failed.is_error
    assert failed.meta[USE] == "released"
    assert not (await call("number", once, x=1)).is_error
    assert problem_of(await call("number", once, x=1))["code"] == "ERR_USES"


async def test_an_error_that_a_tool_itself_returns_is_an_answer() -> None:
    server = protected("mcp")

    @server.tool()
    def unsure(city: str) -> CallToolResult:
        text = TextContent(type="text", text=f"{city} has no weather")
        return CallToolResult(content=[text], is_error=True)

    call = caller("mcp", server)
    once = mint(max_uses=1)
    first = await call("unsure", once, city="Oslo")
    assert first.is_error
    assert USE not in (first.meta or {})
    assert problem_of(await call("unsure", once, city="Oslo"))["code"] == "ERR_USES"


async def test_a_mounted_tool_with_the_name_of_a_removed_one_is_judged_before_it_runs() -> None:
    server = protected("fastmcp")

    @server.tool()
    def forecast(city: str) -> str:
        return "own"

    runs: list[str] = []
    inner = FastMCP("inner")

    @inner.tool(name="forecast")
    def mounted(city: str) -> str:
        runs.append(city)
        return "of the mounted server"

    server.mount(inner)
    server.local_provider.remove_tool("forecast")
    call = caller("fastmcp", server)
    assert problem_of(await call("forecast", city="Oslo"))["code"] == "ERR_TOKEN_MISSING"
    assert runs == []
    once = mint(max_uses=1)
    assert (await call("forecast", once, city="Oslo")).content[0].text == "of the mounted server"
    assert problem_of(await call("forecast", once, city="Oslo"))["code"] == "ERR_USES"


async def test_a_tool_that_was_removed_and_added_again_is_judged(kind: str) -> None:
    server = protected(kind)

    def forecast(city: str) -> str:
        return "sunny"

    server.tool()(forecast)
    getattr(server, "local_provider", server).remove_tool("forecast")
    call = caller(kind, server)
    assert (await call("forecast", city="Oslo")).is_error
    server.tool()(forecast)
    assert problem_of(await call("forecast", city="Oslo"))["code"] == "ERR_TOKEN_MISSING"
    wrong = await call("forecast", None, town=1)
    assert wrong.is_error
    assert PROBLEM not in (wrong.meta or {})
    assert (await call("forecast", mint(), city="Oslo")).content[0].text == "sunny"


def test_nothing_left_this_machine() -> None:
    assert quiet.attempts == []
