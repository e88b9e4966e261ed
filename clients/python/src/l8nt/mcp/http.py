"""The HTTP client of an MCP client: each request as the agent that calls. spec/8-mcp.md §4."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any
from weakref import WeakKeyDictionary

import httpx2

from ..agents import SigilHandle, current_handle
from ..agents.turn import turn
from ..errors import SigilError
from ..httpx2 import Auth
from .wire import members

__all__ = ["SigilHttpClient"]

_REFUSED = -32_000
"""The code of a refusal in JSON-RPC."""


class SigilHttpClient(httpx2.AsyncClient):
    """Presents the credential of the agent that calls, and pays within its limits, at each request
    of an MCP client over HTTP. A request of no agent, such as the one that lists the tools at the
    start of a program, goes out without a credential.

    What is denied, or cannot be paid for, is answered with an error of JSON-RPC, which the MCP
    client raises: its ``data`` is ``error.to_dict()``. The connection goes on for other agents.

    Example::

        http = SigilHttpClient()
        transport = streamable_http_client("https://weather.example/mcp", http_client=http)
        async with mcp.Client(transport) as client: ...

        # fastmcp
        url = "https://weather.example/mcp"
        transport = StreamableHttpTransport(url, httpx_client_factory=SigilHttpClient)
        async with fastmcp.Client(transport) as client: ...
    """

    def __init__(self, *, handle: SigilHandle | None = None, **options: Any) -> None:
        """``handle``: of the agent that the client belongs to. An agent below it that calls pays
        as itself. ``options``: those of ``httpx2.AsyncClient``, without ``auth``.

        Raises TypeError for an ``auth``.
        """
        if options.pop("auth", None) is not None:
            raise TypeError("a SigilHttpClient has an auth of its own: give it headers instead")
        super().__init__(auth=_AgentAuth(handle), **options)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Sends a request as the agent that runs now."""
        try:
            return await super().send(request, **options)
        except SigilError as error:
            return _refusal(request, error)


def _refusal(request: httpx2.Request, error: SigilError) -> httpx2.Response:
    try:
        number = members(json.loads(request.content)).get("id")
    except ValueError:
        number = None
    said = {"code": _REFUSED, "message": str(error), "data": error.to_dict()}
    body = {"jsonrpc": "2.0", "id": number, "error": said}
    return httpx2.Response(403, json=body, request=request)


class _AgentAuth(httpx2.Auth):
    def __init__(self, handle: SigilHandle | None) -> None:
        self._handle = handle
        self._auths: WeakKeyDictionary[SigilHandle, Auth] = WeakKeyDictionary()

    def _auth(self) -> Auth | None:
        """What the agent that calls has: one for all its requests, which share what was bought."""
        handle = turn(given=[self._handle], around=current_handle())
        if handle is None:
            return None
        known = self._auths.get(handle)
        if known is None:
            known = self._auths[handle] = Auth(credential=handle.credential)
        return known

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        auth = self._auth()
        if auth is None:
            yield request
            return
        flow = auth.async_auth_flow(request)
        sent = await anext(flow)
        with contextlib.suppress(StopAsyncIteration):
            async with contextlib.aclosing(flow):
                while True:
                    sent = await flow.asend((yield sent))
