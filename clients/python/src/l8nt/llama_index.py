"""LlamaIndex: each tool runs as the agent that calls it, across hand-offs of an ``AgentWorkflow``.
docs/guides/agents/python-llama-index.md.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from ._extras import Extra
from .agents import SigilHandle, budget_tool, current_handle, fetch_tool
from .agents.block import block
from .agents.handed import GivenHandles, Handed
from .agents.running import acting
from .agents.turn import turn

with Extra("llama-index"):
    from llama_index.core.agent.workflow import AgentWorkflow, BaseWorkflowAgent
    from llama_index.core.tools import AsyncBaseTool, FunctionTool

__all__ = ["sigil_tools", "with_sigil"]

_Runs = TypeVar("_Runs", bound="AgentWorkflow | BaseWorkflowAgent")

HAND_OFF = "handoff"
"""The tool by which one agent of a workflow hands the conversation to another."""


_given = GivenHandles()
"""The handles of workflows and agents."""
_run: ContextVar[Handed | None] = ContextVar("l8nt.llama_index", default=None)
"""One run of a workflow or of a single agent, and the handles of its agents."""


def with_sigil(runs: _Runs, handle: SigilHandle | None = None) -> _Runs:
    """Gives a workflow or a single agent its handle, and returns it.

    The root agent of a workflow has the workflow's handle. An agent to which another one hands
    work, or that a tool runs, has the entry of its name.
    """
    _place_all()
    _given.give(runs, handle)
    return runs


def _place_all() -> None:
    """LlamaIndex has no hook around an agent or a tool. So this replaces the methods that begin a
    run and that give an agent its tools, once for all agents. Without a handle they do what they
    did.
    """
    if hasattr(AgentWorkflow.run, "sigil"):
        return
    workflow_tools, agent_tools = AgentWorkflow.get_tools, BaseWorkflowAgent.get_tools

    @functools.wraps(workflow_tools)
    async def tools_of(
        self: AgentWorkflow, agent_name: str, input_str: str | None = None
    ) -> Sequence[AsyncBaseTool]:
        return _calls_of(agent_name, await workflow_tools(self, agent_name, input_str))

    @functools.wraps(agent_tools)
    async def own_tools(
        self: BaseWorkflowAgent, input_str: str | None = None
    ) -> Sequence[AsyncBaseTool]:
        return _calls_of(self.name, await agent_tools(self, input_str))

    for kind, tools in ((AgentWorkflow, tools_of), (BaseWorkflowAgent, own_tools)):
        setattr(kind, "run", _placed(kind.run))  # noqa: B010
        setattr(kind, "get_tools", tools)  # noqa: B010


def _placed(start: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(start)
    def run(self: AgentWorkflow | BaseWorkflowAgent, *args: Any, **kwargs: Any) -> Any:
        given, around = [_given.of(self)], current_handle()
        if isinstance(self, AgentWorkflow):
            name, handle = self.root_agent, turn(given=given, around=around)
        else:
            name = self.name
            handle = turn(given=given, around=around, name=None if around is None else name)
        # The run goes on in tasks, which have the context of this call. Their code that is no tool
        # has no handle.
        with block(_run, None if handle is None else Handed(handle, name), acting(None)):
            return start(self, *args, **kwargs)

    run.sigil = True  # pyright: ignore[reportAttributeAccessIssue]
    return run


def _calls_of(name: str, tools: Sequence[AsyncBaseTool]) -> Sequence[AsyncBaseTool]:
    run = _run.get()
    return tools if run is None else [_call_of(name, run, one) for one in tools]


def _call_of(name: str, run: Handed, tool: AsyncBaseTool) -> AsyncBaseTool:
    """A copy, because agents may share a tool."""
    own = copy.copy(tool)
    call: Callable[..., Awaitable[Any]] = tool.acall

    async def acall(*args: Any, **kwargs: Any) -> Any:
        to = kwargs.get("to_agent")
        if tool.metadata.name == HAND_OFF and isinstance(to, str):
            run.hand(name, to)
        with acting(run.handle_of(name)):
            return await call(*args, **kwargs)

    own.acall = acall
    return own


sigil_tools: tuple[FunctionTool, FunctionTool] = (
    FunctionTool.from_defaults(
        fn=fetch_tool.run,
        async_fn=fetch_tool.arun,
        name=fetch_tool.name,
        description=fetch_tool.description,
    ),
    FunctionTool.from_defaults(
        fn=budget_tool.run,
        async_fn=budget_tool.arun,
        name=budget_tool.name,
        description=budget_tool.description,
    ),
)
"""The two ready tools, ``fetch_url`` and ``show_budget``, for an agent's ``tools``."""
