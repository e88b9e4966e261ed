"""``l8nt.langchain``: LangChain agents. The tools of an agent run as that agent, and a sub-agent
has only what the entry of its name gives. docs/guides/agents/python-langchain.md.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from ._extras import Extra
from .agents import ReadyTool, SigilContext, SigilHandle, budget_tool, fetch_tool, sigil_context
from .agents.context import handle_in
from .agents.running import running
from .agents.turn import turn
from .errors import SigilError

with Extra("langchain"):
    from langchain.agents.middleware import AgentMiddleware
    from langchain.agents.middleware.types import ModelCallResult, ModelRequest, ModelResponse
    from langchain_core.messages import ToolMessage
    from langchain_core.tools import BaseTool, StructuredTool
    from langgraph.prebuilt.tool_node import ToolCallRequest
    from langgraph.types import Command

__all__ = ["SigilContext", "sigil_context", "sigil_tools", "with_sigil"]

_ToolResult = ToolMessage | Command[Any]


def with_sigil(handle: SigilHandle | None = None, /, **config: Any) -> dict[str, Any]:
    """The arguments of ``create_agent``, with which every call of the agent's tools and of its
    model runs as that agent. Your own middleware comes after Sigil's, and runs as the agent, too::

        scout = create_agent(**with_sigil(name="scout", model=model, tools=[look_up]))

    :param handle: the agent's own, if it does not come with the context of each run
    :param config: for ``create_agent``. Its ``name`` is the agent's entry in the table; leave it
        out for the agent at the top, which has the handle of the run's context
    """
    middleware: Sequence[Any] = config.get("middleware") or ()
    return {**config, "middleware": [_Sigil(config.get("name"), handle), *middleware]}


class _Sigil(AgentMiddleware[Any, Any]):
    def __init__(self, agent: str | None, own: SigilHandle | None) -> None:
        super().__init__()
        self._agent = agent
        self._own = own

    # A model that is paid for through `sigil_fetch` would otherwise be paid by the agent's caller.
    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelCallResult[Any]:
        with _as(self._handle_of(request)):
            return handler(request)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelCallResult[Any]:
        with _as(self._handle_of(request)):
            return await handler(request)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], _ToolResult]
    ) -> _ToolResult:
        handle = self._handle_of(request)
        try:
            with _as(handle):
                return handler(_acting(request, handle))
        except SigilError as error:
            return _denial(request, error)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[_ToolResult]],
    ) -> _ToolResult:
        handle = self._handle_of(request)
        try:
            with _as(handle):
                return await handler(_acting(request, handle))
        except SigilError as error:
            return _denial(request, error)

    def _handle_of(self, request: Any) -> SigilHandle | None:
        """The handle of the agent that this middleware belongs to."""
        name, own = self._agent, self._own
        shared, around = handle_in(request.runtime.context), running()
        handle = turn(given=(own, shared), around=around, name=name)
        # LangGraph passes a caller's context on to an agent that a tool invokes. Without a name
        # that agent cannot be given an entry of its caller's table.
        if around is not None and handle is around:
            return around.nobody("nameless", "no name: this sub-agent was created without one")
        # Agents that transfer to each other share one context, from which each takes its own entry.
        if handle is not None and name is not None and handle is shared and handle is not own:
            return handle if handle.agent == name else handle.for_agent(name)
        return handle


def _as(handle: SigilHandle | None) -> AbstractContextManager[object]:
    return nullcontext() if handle is None else handle


def _acting(request: Any, handle: SigilHandle | None) -> ToolCallRequest:
    """The same call, in whose ``runtime.context`` is the handle of the agent that calls."""
    if handle is None:
        return request
    runtime = request.runtime
    acting = dataclasses.replace(runtime, context=_with_handle(runtime.context, handle))
    return dataclasses.replace(request, runtime=acting)


def _with_handle(context: object, handle: SigilHandle) -> object:
    if context is None or isinstance(context, Mapping):
        return {**cast("Mapping[str, object]", context or {}), **sigil_context(handle)}
    if not hasattr(context, "sigil"):
        return context
    same = copy.copy(context)
    # Contexts may be frozen.
    object.__setattr__(same, "sigil", handle)
    return same


def _denial(request: ToolCallRequest, error: SigilError) -> ToolMessage:
    """A denial becomes a message, because a model can act on it."""
    text, call = f"{error.code}: {error.message}", request.tool_call
    return ToolMessage(text, tool_call_id=call["id"] or "", name=call["name"], status="error")


def _ready(tool: ReadyTool) -> BaseTool:
    return StructuredTool.from_function(
        tool.run, tool.arun, name=tool.name, description=tool.description
    )


sigil_tools: tuple[BaseTool, ...] = (_ready(fetch_tool), _ready(budget_tool))
"""The two ready tools, for agents made with ``with_sigil``: ``fetch_url`` and ``show_budget``."""
