"""Strands Agents: each agent has its place below a handle, as a tool, in a swarm and in a graph.
docs/guides/agents/python-strands.md.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ._extras import Extra
from .agents import SigilHandle, budget_tool, current_handle, fetch_tool, sigil_context
from .agents.block import block
from .agents.context import handle_in
from .agents.handed import handed
from .agents.replaced import replace_once
from .agents.running import acting
from .agents.steps import bound_steps
from .agents.turn import turn

with Extra("strands"):
    from strands import Agent
    from strands import tool as tool_of  # pyright: ignore[reportUnknownVariableType]
    from strands.multiagent import Swarm
    from strands.multiagent.graph import Graph

__all__ = ["sigil_context", "sigil_tools", "with_sigil"]

_Runs = TypeVar("_Runs", bound="Agent | Graph | Swarm")


class _Flow:
    """A run of a swarm or a graph, and the handles of its nodes."""

    def __init__(self, runs: Graph | Swarm, top: SigilHandle) -> None:
        self._top = top
        self._names = {id(node.executor): name for name, node in runs.nodes.items()}
        self._handles: dict[str, SigilHandle] = {}
        self._last: SigilHandle | None = None
        self._entry: str | None = None
        if isinstance(runs, Swarm):
            first = next(iter(runs.nodes)) if runs.entry_point is None else runs.entry_point.name
            self._entry, self._handles[first] = first, top

    def handle_of(self, node: object) -> SigilHandle | None:
        """The handle of a node that begins to run; None for an agent that is no node of it."""
        name = self._names.get(id(node))
        if name is None:
            return None
        if self._entry is None:
            return self._top.for_agent(name)
        # The agents of a swarm run one after another, and each is handed the work by the last one.
        before, last = self._handles.get(name), self._last
        if last is None:
            handle = self._top if name == self._entry else self._top.for_agent(name)
        else:
            handle = handed(last, before, name)
        self._handles[name] = self._last = handle
        return handle


_given: WeakKeyDictionary[Any, SigilHandle] = WeakKeyDictionary()
_flow: ContextVar[_Flow | None] = ContextVar("l8nt.strands", default=None)
"""The swarm or graph that starts a node now; None inside of the node."""


def with_sigil(runs: _Runs, handle: SigilHandle | None = None) -> _Runs:
    """Gives an agent, a swarm or a graph its handle, and returns it.

    The agent at which a swarm starts has the swarm's handle. An agent to which another one hands
    work, and each node of a graph, has the entry of its name. ``handle`` may also come with a run:
    ``agent(question, invocation_state=sigil_context(handle))``.
    """
    _place_all()
    if handle is not None:
        _given[runs] = handle
    return runs


def _place_all() -> None:
    """Strands has hooks before and after an agent, but none around it. So this replaces the method
    that every run goes through, once for all agents. Without a handle they do what they did.
    """
    for kind in (Agent, Graph, Swarm):
        replace_once(kind, "stream_async", _placed)


def _placed(start: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(start)
    def run(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        events = start(self, *args, **kwargs)
        flow, around = _flow.get(), current_handle()
        handle = None if flow is None else flow.handle_of(self)
        if handle is None:
            given = [_given.get(self), handle_in(kwargs.get("invocation_state"))]
            starts_agent = around is not None and isinstance(self, Agent)
            handle = turn(given=given, around=around, name=self.name if starts_agent else None)
        if handle is None or isinstance(self, Agent):
            return bound_steps(block(_flow, None, acting(handle)), events)
        return bound_steps(block(_flow, _Flow(self, handle), acting(None)), events)

    return run


def _ready() -> Iterator[Any]:
    for one in (fetch_tool, budget_tool):
        schema = {"json": one.parameters}
        yield tool_of(name=one.name, description=one.description, inputSchema=schema)(one.arun)


sigil_tools: tuple[Any, ...] = tuple(_ready())
"""The two ready tools, ``fetch_url`` and ``show_budget``, for an agent's ``tools``."""
