"""``l8nt.openai_agents``: the OpenAI Agents SDK. Each tool runs as the agent that calls it.
docs/guides/agents/python-openai-agents.md.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from ._extras import Extra
from .agents import ReadyTool, SigilHandle, budget_tool, fetch_tool
from .agents.running import acting
from .agents.runs import Call, Prepared, calling

with Extra("openai-agents"):
    from agents.agent_tool_state import get_agent_tool_state_scope, peek_agent_tool_run_result
    from agents.sandbox import SandboxAgent
    from agents.tool_context import ToolContext

    from agents import Agent, AgentHooks, CustomTool, FunctionTool, RunContextWrapper, Tool
    from agents import function_tool as tool_of

__all__ = ["SigilContext", "sigil_context", "sigil_tools", "with_sigil"]
_AnyAgent = TypeVar("_AnyAgent", bound=Agent[Any])
_Run = RunContextWrapper[Any]
_Invoke = Callable[[ToolContext[Any], str], Awaitable[Any]]


@dataclass(frozen=True)
class SigilContext:
    """The context of a run. Any object with an attribute ``sigil`` is one as well."""

    sigil: SigilHandle


def sigil_context(handle: SigilHandle) -> SigilContext:
    """The ``context`` of a run: no mapping, which the SDK would store with the run."""
    return SigilContext(handle)


def with_sigil(agent: _AnyAgent, handle: SigilHandle | None = None) -> _AnyAgent:
    """Prepares an agent, and all that it can transfer to, so that each tool runs as the agent that
    calls it. Call it once the ``handoffs`` are complete, and for another agent's tool as well::

        scout = Agent(name="scout", tools=[*sigil_tools])
        boss = with_sigil(Agent(name="boss", handoffs=[scout]))
        await Runner.run(boss, question, context=sigil_context(handle))

    :param handle: the agent's own, if it does not come with the context of each run
    :returns: the same agent
    :raises TypeError: for a sandbox agent: the SDK runs a copy of it
    """
    is_new = _known(agent) is None
    prepared = _prepared(agent)
    prepared.handle = handle or prepared.handle
    prepared.starts_runs = is_new or prepared.starts_runs
    met: list[Agent[Any]] = [agent]
    for one in met if prepared.starts_runs else []:
        for handoff in one.handoffs:
            # The SDK keeps the agent of a `handoff(...)` as a weak reference.
            reference: Any = getattr(handoff, "_agent_ref", None)
            to: Any = handoff if isinstance(handoff, Agent) else reference and reference()
            if to is not None and all(to is not other for other in met):
                met.append(to)
                # A run that is resumed at it must not pass for one that begins, at the top.
                _prepared(to).starts_runs = False
    return agent


def _known(agent: object) -> Prepared | None:
    found = getattr(agent, "_l8nt", None)
    # A copy of a prepared agent may have its attributes, and is not prepared.
    return found if isinstance(found, Prepared) and found.agent is agent else None


def _prepared(agent: Agent[Any]) -> Prepared:
    known = _known(agent)
    if known is not None:
        return known
    if isinstance(agent, SandboxAgent):
        why = "The SDK runs a copy of it, which with_sigil cannot prepare."
        raise TypeError(f"{agent.name} is a sandbox agent. {why}")
    prepared = Prepared(agent)
    all_tools = agent.get_all_tools

    async def get_all_tools(run_context: _Run) -> list[Tool]:
        # The SDK asks at each turn, so tools of MCP servers and later ones are wrapped too.
        return [_as_call_of(prepared, run_context, one) for one in await all_tools(run_context)]

    agent.get_all_tools = get_all_tools
    agent.hooks = _Transfers(agent.hooks)
    vars(agent)["_l8nt"] = prepared
    return prepared


def _as_call_of(prepared: Prepared, run: _Run, tool: Tool) -> Tool:
    """A copy of a tool that runs as the agent that calls it in this run."""
    if not isinstance(tool, FunctionTool | CustomTool):
        return tool
    is_agent = getattr(tool, "_is_agent_tool", False)

    async def call(invoke: _Invoke, context: ToolContext[Any], arguments: str) -> Any:
        handle = prepared.handle_in(run)
        of, scope = context.tool_call, get_agent_tool_state_scope(context)
        is_resumed = bool(is_agent and of and peek_agent_tool_run_result(of, scope_id=scope))
        # An agent that is a tool has its own handle; none, if it is not prepared.
        with calling(Call(handle, is_resumed=is_resumed)), acting(None if is_agent else handle):
            return await invoke(context, arguments)

    same = copy.copy(tool)
    same.on_invoke_tool = _around(same.on_invoke_tool, call)
    return same


def _around(invoke: Any, call: Callable[[_Invoke, ToolContext[Any], str], Awaitable[Any]]) -> Any:
    """The SDK recognizes an invoker of its own by its class, and asks it about approvals."""
    kind = cast("Any", type(invoke))
    if not hasattr(kind, "__agents_bind_function_tool__"):
        return partial(call, invoke)

    async def called(self: Any, context: ToolContext[Any], arguments: str) -> Any:
        return await call(partial(kind.__call__, self), context, arguments)

    same = copy.copy(invoke)
    same.__class__ = type(kind.__name__, (kind,), {"__call__": called})
    return same


class _Transfers(AgentHooks[Any]):
    """Hooks of an agent that see each transfer, around its own hooks if it has any."""

    def __init__(self, own: AgentHooks[Any] | None) -> None:
        self._own = own or AgentHooks[Any]()
        for name in ("start", "end", "tool_start", "tool_end", "llm_start", "llm_end"):
            setattr(self, f"on_{name}", getattr(self._own, f"on_{name}"))

    async def on_handoff(self, context: _Run, agent: Agent[Any], source: Agent[Any]) -> None:
        by = _known(source)
        if by is not None:
            by.transfer(_prepared(agent), context)
        await self._own.on_handoff(context, agent, source)


def _ready(tool: ReadyTool) -> FunctionTool:
    return tool_of(tool.arun, name_override=tool.name, description_override=tool.description)


sigil_tools: tuple[FunctionTool, ...] = (_ready(fetch_tool), _ready(budget_tool))
"""The two ready tools, for an agent's ``tools``: ``fetch_url`` and ``show_budget``."""
