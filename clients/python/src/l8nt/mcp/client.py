"""MCP clients of agents: over HTTP each call pays as its agent, and on any transport a call can
present the agent's credential. spec/8-mcp.md §4 and §5.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from .._extras import Extra
from ..agents import SigilHandle, current_handle
from ..agents.turn import turn
from ..caveat import Base, read_base, read_origin
from ..credential import Credential, presented_at
from ..errors import PaymentError
from .wire import CREDENTIAL, PROBLEM, authorization_in, is_tool_name, members

with Extra("mcp"):
    from mcp_types import CallToolResult

_Client = TypeVar("_Client")

_ELSEWHERE = (
    "This credential is spent at a treasury, which fetches every challenge itself and cannot reach "
    "an MCP server behind this client. Call the server over HTTP, with a SigilHttpClient."
)


def with_sigil(client: _Client, handle: SigilHandle | None = None, *, location: str) -> _Client:
    """Makes an MCP client present the credential of the agent that calls, in ``_meta``, on any
    transport; returns the client: ``Client`` or ``ClientSession`` of mcp 2, or ``Client`` of
    fastmcp 4. Over HTTP, ``SigilHttpClient`` does more: it pays.

    ``location`` is the origin that the server's operator publishes. What is presented is good
    there alone.

    Raises ValueError for a location that is no http(s) URL. Calls raise DeniedError for an agent
    that is denied everything, and PaymentError ``ERR_PAYMENT_REQUIRED`` for a tool that has to be
    paid for, or a credential that is only good at a treasury.
    """
    base = read_base(location)
    if base is None:
        raise ValueError(
            "location must be the http(s) URL that the MCP server's operator publishes"
        )
    own = cast("Any", client)
    name = "call_tool_mcp" if hasattr(client, "call_tool_mcp") else "call_tool"
    call: Callable[..., Awaitable[Any]] = getattr(own, name)

    @functools.wraps(call)
    async def present(name: str, arguments: Any = None, *args: Any, **kwargs: Any) -> Any:
        acting = turn(given=[handle], around=current_handle())
        meta = members(kwargs.get("meta"))
        if acting is None or not is_tool_name(name) or authorization_in(meta) is not None:
            return await call(name, arguments, *args, **kwargs)
        presented = _presented(acting, base)
        kwargs["meta"] = {**meta, CREDENTIAL: presented.text}
        result = await call(name, arguments, *args, **kwargs)
        if not isinstance(result, CallToolResult):
            return result
        _demand_paid(result, name)
        return _without(result, presented)

    setattr(own, name, present)
    return client


def _presented(handle: SigilHandle, base: Base) -> Credential:
    credential = handle.credential
    # One of the public-key form is verified by every service that trusts its issuer.
    if not credential.body.has_blocks and read_origin(credential.location) != base.origin:
        raise PaymentError("ERR_PAYMENT_REQUIRED", "no", _ELSEWHERE)
    return presented_at(credential, base.origin)


def _demand_paid(result: CallToolResult, name: str) -> None:
    problem = members(members(result.meta).get(PROBLEM))
    if result.is_error and problem.get("status") == 402:
        raise PaymentError(
            "ERR_PAYMENT_REQUIRED",
            "no",
            f"The tool {name} has to be paid for, and nothing can be paid inside of MCP here. "
            "Call the server over HTTP, with a SigilHttpClient.",
        )


def _without(result: CallToolResult, presented: Credential) -> CallToolResult:
    """A server may repeat what it was sent, which would show the credential to a model."""
    shown = text = result.model_dump_json(by_alias=True)
    for secret in presented.text.split(":"):
        if secret:
            text = text.replace(secret, "[credential]")
    return result if text == shown else type(result).model_validate_json(text)
