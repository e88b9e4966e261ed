"""Puts a service that verifies credentials before the tools of an MCP server. spec/8-mcp.md §2."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar, cast

from typing_extensions import Unpack

from ..service import Service
from ..service.terms import GivenTerms, terms_of
from .guard import Guard

_Server = TypeVar("_Server")


def protect(
    server: _Server,
    service: Service,
    *,
    free: Collection[str] = (),
    tools: Mapping[str, GivenTerms] | None = None,
    **terms: Unpack[GivenTerms],
) -> _Server:
    """Puts a service before every tool of a server, and returns the server: ``MCPServer`` of the
    SDK, or ``FastMCP``. Call it before the first tool is added.

    Each call of the tool NAME is judged as ``POST <location>/mcp/tools/NAME`` with the capability
    NAME. ``terms`` are those of a guard (``price``, ``model``), ``tools`` differs from them for
    single tools, and ``free`` names tools that need no credential.

    Raises TypeError or ValueError for terms that cannot be read.

    Example::

        server = protect(MCPServer("weather"), service, free=["status"])

        @server.tool()
        def forecast(city: str) -> str: ...
    """
    own = {name: {**terms, **more} for name, more in (tools or {}).items()}
    for one in (terms, *own.values()):
        terms_of(**cast("GivenTerms", one))
    chain = getattr(getattr(server, "_mcp_server", server), "middleware", None)
    tools_of: Any = getattr(server, "local_provider", server)
    add_tool = getattr(tools_of, "add_tool", None)
    if not isinstance(chain, list) or add_tool is None:
        raise TypeError("protect() takes an MCPServer of mcp 2, or a FastMCP of fastmcp 4")
    guard = Guard(service, frozenset(free), terms, own, _tool_error(server))
    # First, so that nothing behind it sees a credential.
    cast("list[Any]", chain).insert(0, guard.judge)

    def add(tool: Any, *args: Any, **kwargs: Any) -> Any:
        given = kwargs.get("name") or next(iter(args), None)
        decorated = getattr(getattr(tool, "__fastmcp__", None), "name", None)
        return add_tool(guard.wrapped(tool, given or decorated), *args, **kwargs)

    remove_tool = tools_of.remove_tool

    def remove(name: str, *args: Any, **kwargs: Any) -> Any:
        guard.forget(name)
        return remove_tool(name, *args, **kwargs)

    tools_of.add_tool = add
    tools_of.remove_tool = remove
    return server


def _tool_error(server: object) -> type[Exception]:
    """The error of a tool that its server does not log as a crash."""
    if hasattr(server, "local_provider"):
        from fastmcp.exceptions import ToolError
    else:
        from mcp.server.mcpserver.exceptions import ToolError
    return ToolError
