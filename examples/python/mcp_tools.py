"""MCP: an agent calls a tool that costs 10 sat, of a server behind a paywall, and a second tool that
its credential does not cover. The money is play money: `python examples/python/mcp_tools.py`
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from l8nt.agents import SigilHandle, budget_text
from l8nt.mcp import SigilHttpClient
from market import mcp_market
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError

# The server does not know that its tools are paid for.
server = MCPServer("weather")
asked: list[str] = []


@server.tool()
def forecast(city: str) -> str:
    """The weather of tomorrow."""
    asked.append(city)
    return f"{city}: sunny"


async def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    upstream = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="error"))
    running = asyncio.ensure_future(app.serve(sockets=[listener]))
    with mcp_market(upstream, price="10 sat", budget="100 sat") as place:
        # The credential stands in SIGIL_CREDENTIAL where it is not given.
        sigil = SigilHandle.open(
            credential=place.credential,
            agents={"scout": {"budget": "25 sat", "expires_in": "15m"}},
        )
        transport = f"{place.url}/mcp"
        async with (
            SigilHttpClient() as http,
            Client(streamable_http_client(transport, http_client=http)) as client,
        ):
            with sigil.for_agent("scout"):
                for city in ("Tokyo", "Oslo"):
                    result = await client.call_tool("forecast", {"city": city})
                    assert not result.is_error
                # Two calls at 10 sat fit into the scout's 25, a third does not.
                try:
                    await client.call_tool("forecast", {"city": "Lima"})
                except MCPError as error:
                    assert "ERR_BUDGET" in str(error)
                else:
                    raise AssertionError("the third call was paid for")

        assert asked == ["Tokyo", "Oslo"]
        assert place.payments == 2
        left = budget_text(await sigil.for_agent("scout").astanding())
        assert "scout: 4.98 sat left of 25 sat" in left
        print(left)
    app.should_exit = True
    await running


asyncio.run(main())
