"""An MCP server of fastmcp, over HTTP on a port of its own, which it prints as a URL."""

import json
import socket
import sys
import threading

import uvicorn
from fastmcp import FastMCP

mcp = FastMCP("weather")


@mcp.tool
def forecast(city: str) -> str:
    return f"{city}: sunny"


@mcp.tool
def status() -> str:
    return "up"


listening = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(mcp.http_app(), log_level="warning"))


def end_with_parent():
    sys.stdin.read()
    server.should_exit = True


threading.Thread(target=end_with_parent, daemon=True).start()
print(json.dumps({"url": "http://127.0.0.1:%d/mcp" % listening.getsockname()[1]}), flush=True)
server.run(sockets=[listening])
