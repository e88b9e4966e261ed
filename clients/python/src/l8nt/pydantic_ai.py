"""``l8nt.pydantic_ai``: Pydantic AI. The tools of an agent run as that agent, and an agent that a
tool runs has only what the entry of its name gives. docs/guides/agents/python-pydantic-ai.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from ._extras import Extra
from .agents import ReadyTool, SigilContext, SigilHandle, budget_tool, fetch_tool, sigil_context
from .agents.context import handle_in
from .agents.running import acting, running
from .agents.turn import turn
from .errors import SigilError

with Extra("pydantic-ai"):
    from pydantic_ai import RunContext, Tool
    from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
    from pydantic_ai.messages import ModelResponse

__all__ = ["SigilContext", "sigil_context", "sigil_tools", "with_sigil"]

_acting_run: ContextVar[str | None] = ContextVar("l8nt.pydantic_ai", default=None)
"""The run whose handle is the one that runs now."""


def with_sigil(handle: SigilHandle | None = None) -> AbstractCapability[Any]:
    """A capability with which every call of an agent's tools, of its output functions and of its
    model runs as that agent. The agent's ``name`` is its entry in the table::

        scout = Agent(model, name="scout", tools=[look_up], capabilities=[with_sigil()])

    :param handle: the agent's own, if it does not come with the ``deps`` of each run
    """
    return _Sigil(handle)


class _Sigil(AbstractCapability[Any]):
    def __init__(self, own: SigilHandle | None) -> None:
        super().__init__()
        self._own = own

    def get_ordering(self) -> CapabilityOrdering:
        # Other capabilities run as the agent, too.
        return CapabilityOrdering(position="outermost")

    async def wrap_tool_execute(
        self, ctx: RunContext[Any], *, args: Any, handler: Callable[..., Awaitable[Any]], **_: Any
    ) -> Any:
        try:
            return await self._as_agent(ctx, handler, args)
        except SigilError as error:
            # A denial becomes a result, because a model can act on it.
            return f"{error.code}: {error.message}"

    # A model that is paid for through `sigil_fetch` would otherwise be paid by the agent's caller.
    async def wrap_model_request(
        self,
        ctx: RunContext[Any],
        *,
        request_context: Any,
        handler: Callable[..., Awaitable[ModelResponse]],
    ) -> ModelResponse:
        return await self._as_agent(ctx, handler, request_context)

    async def wrap_tool_validate(
        self, ctx: RunContext[Any], *, args: Any, handler: Callable[..., Awaitable[Any]], **_: Any
    ) -> Any:
        return await self._as_agent(ctx, handler, args)

    async def wrap_output_validate(
        self, ctx: RunContext[Any], *, output: Any, handler: Callable[..., Awaitable[Any]], **_: Any
    ) -> Any:
        return await self._as_agent(ctx, handler, output)

    async def wrap_output_process(
        self, ctx: RunContext[Any], *, output: Any, handler: Callable[..., Awaitable[Any]], **_: Any
    ) -> Any:
        return await self._as_agent(ctx, handler, output)

    async def _as_agent(
        self, ctx: RunContext[Any], handler: Callable[[Any], Awaitable[Any]], given: Any
    ) -> Any:
        if ctx.run_id is not None and ctx.run_id == _acting_run.get():
            return await handler(given)
        token = _acting_run.set(ctx.run_id)
        try:
            with acting(self._handle_of(ctx)):
                return await handler(given)
        finally:
            _acting_run.reset(token)

    def _handle_of(self, ctx: RunContext[Any]) -> SigilHandle | None:
        """The handle of the agent of a run. A run inside of a tool is below the tool's agent."""
        around = running()
        name = None if ctx.agent is None else ctx.agent.name
        handle = turn(given=(self._own, handle_in(ctx.deps)), around=around, name=name)
        # Callers pass their `deps` on. Without a name the agent has no entry in its caller's table.
        if around is not None and handle is around:
            return around.nobody("nameless", "no name: this agent was created without one")
        return handle


def _ready(tool: ReadyTool) -> Tool[Any]:
    return Tool(tool.arun, takes_ctx=False, name=tool.name, description=tool.description)


sigil_tools: tuple[Tool[Any], ...] = (_ready(fetch_tool), _ready(budget_tool))
"""The two ready tools, for an agent's ``tools``: ``fetch_url`` and ``show_budget``."""
