"""fastmcp as an MCP host, asked over stdin and stdout: one JSON object a line."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport


def transport_of(target):
    if "url" in target:
        return StreamableHttpTransport(target["url"], headers=target.get("headers"))
    return StdioTransport(target["command"], target["args"], env=target["env"])


async def ask(client, question):
    if question["do"] == "list":
        return {"tools": [tool.name for tool in await client.list_tools()]}
    result = await client.call_tool(
        question["name"],
        question.get("arguments"),
        meta=question.get("meta"),
        raise_on_error=False,
    )
    return {
        "isError": result.is_error,
        "texts": [block.text for block in result.content],
        "meta": result.meta,
    }


async def main():
    async with Client(transport_of(json.loads(sys.argv[1]))) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                answer = await ask(client, json.loads(line))
            except Exception as error:  # The other side judges what it means.
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


asyncio.run(main())
