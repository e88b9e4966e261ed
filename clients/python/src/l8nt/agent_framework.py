"""Microsoft Agent Framework: each tool runs as the agent that calls it, also in agents that are
tools and in workflows. docs/guides/agents/python-agent-framework.md.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from ._extras import Extra
from .agents import SigilHandle, budget_tool, current_handle, fetch_tool, sigil_context
from .agents.block import awaited, block
from .agents.context import handle_in
from .agents.handed import Handed
from .agents.replaced import replace_once
from .agents.running import acting
from .agents.steps import bound_steps
from .agents.turn import turn

with Extra("agent-framework"):
    from agent_framework import (
        Agent,
        AgentExecutor,
        FunctionInvocationContext,
        FunctionMiddleware,
        FunctionTool,
        ResponseStream,
        Workflow,
        tool,
    )

__all__ = ["sigil_context", "sigil_tools", "with_sigil"]

_Runs = TypeVar("_Runs", bound="Agent[Any] | Workflow")

HAND_OFF = "handoff_to_"
"""Begins the name of the tool by which an agent of a workflow hands the conversation on."""


class _Flow(Handed):
    """A workflow, and the handles of its agents. It goes on in its next run, with the answers of a
    person.
    """

    def __init__(self, workflow: Workflow, top: SigilHandle) -> None:
        start = workflow.get_start_executor()
        hands_off = type(start).__name__ == "HandoffAgentExecutor"
        super().__init__(top, start.id if hands_off else None)
        self.around: SigilHandle | None = None
        tool_names = {re.sub(r"[^a-zA-Z0-9_-]", "_", name): name for name in workflow.executors}
        self.hand_offs = {f"{HAND_OFF}{tool}"[:64]: name for tool, name in tool_names.items()}


_flow: ContextVar[_Flow | None] = ContextVar("l8nt.agent_framework", default=None)


class SigilMiddleware(FunctionMiddleware):
    """Runs each tool of one agent as that agent. ``with_sigil`` puts it first of the agent's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.handle: SigilHandle | None = None

    async def process(
        self, context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]
    ) -> None:
        flow, around = _flow.get(), current_handle()
        if flow is not None and around is flow.around:
            handle: SigilHandle | None = flow.handle_of(self._name)
            if (to := flow.hand_offs.get(context.function.name)) is not None:
                flow.hand(self._name, to)
        else:
            given = [self.handle, handle_in(context.kwargs)]
            handle = turn(given=given, around=around, name=None if around is None else self._name)
        # An agent that the tool runs is none of the workflow, whatever its name.
        with block(_flow, None, acting(handle)):
            await call_next()


def with_sigil(runs: _Runs, handle: SigilHandle | None = None) -> _Runs:
    """Makes the tools of an agent, or of all agents of a workflow, run as the agent that calls
    them, and returns it.

    ``handle`` is an agent's own, if it does not come with each run
    (``function_invocation_kwargs=sigil_context(handle)``). The agents of a workflow have the
    entries of their names below the workflow's handle; the agent at which a workflow of hand-offs
    starts has the workflow's handle.
    """
    replace_once(Agent, "run", _prepared)
    if isinstance(runs, Agent):
        _prepare(runs).handle = handle
    else:
        _bind(runs, handle)
    return runs


def _prepared(run: Callable[..., Any]) -> Callable[..., Any]:
    """An agent of a workflow or one that is a tool may be a copy, so each agent is prepared when it
    runs. Without a handle agents do what they did.
    """

    @functools.wraps(run)
    def prepared(self: Agent[Any], *args: Any, **kwargs: Any) -> Any:
        _prepare(self)
        return run(self, *args, **kwargs)

    return prepared


def _prepare(agent: Agent[Any]) -> SigilMiddleware:
    known = list(agent.middleware or ())
    middleware = next((one for one in known if isinstance(one, SigilMiddleware)), None)
    if middleware is None:
        middleware = SigilMiddleware(agent.name or agent.id)
        # First, because the middleware of a hand-off ends the call.
        agent.middleware = [middleware, *known]
    return middleware


def _bind(workflow: Workflow, given: SigilHandle | None) -> None:
    for executor in workflow.executors.values():
        agent: Any = executor.agent if isinstance(executor, AgentExecutor) else None
        if isinstance(agent, Agent):
            _prepare(cast("Agent[Any]", agent))
    run: Callable[..., Any] = workflow.run
    known: list[_Flow] = []

    def bound(*args: Any, stream: bool = False, **kwargs: Any) -> Any:
        around = current_handle()
        top = turn(given=[given], around=around)
        if top is None:
            return run(*args, stream=stream, **kwargs)
        if not known or known[0].top is not top:
            known[:] = [_Flow(workflow, top)]
        known[0].around = around
        result, within = run(*args, stream=stream, **kwargs), block(_flow, known[0])
        if not stream:
            return awaited(within, result)
        steps = bound_steps(within, (event async for event in result))
        return ResponseStream(steps, finalizer=lambda _: result.get_final_response())

    workflow.run = bound  # pyright: ignore[reportAttributeAccessIssue]


sigil_tools: tuple[FunctionTool, FunctionTool] = (
    tool(fetch_tool.arun, name=fetch_tool.name, description=fetch_tool.description),
    tool(budget_tool.arun, name=budget_tool.name, description=budget_tool.description),
)
"""The two ready tools, ``fetch_url`` and ``show_budget``, for an agent's ``tools``."""
