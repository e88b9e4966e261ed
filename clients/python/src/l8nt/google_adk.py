"""Google ADK: each agent of a run has a place below the runner's handle, across transfers and
agents that are tools. docs/guides/agents/python-google-adk.md.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any, Protocol

from ._extras import Extra
from .agents import ReadyTool, SigilHandle, budget_tool, current_handle, fetch_tool
from .agents.block import block
from .agents.replaced import replace_once
from .agents.run_place import RunPlace
from .agents.running import acting
from .agents.steps import bound_steps
from .agents.turn import turn

with Extra("google-adk"):
    from google.adk import agents as adk
    from google.adk.agents import BaseAgent
    from google.adk.tools import FunctionTool

__all__ = ["SigilRunner", "sigil_tools", "with_sigil"]

FLOWS: tuple[type[BaseAgent], ...] = tuple(
    getattr(adk, f"{kind}Agent") for kind in ("Sequential", "Parallel", "Loop")
)
"""Agents without a model. They hand work on as the agent that handed it to them."""


class Runner(Protocol):
    """The part of ADK's ``Runner`` that this adapter uses."""

    agent: Any

    def run_async(self, **params: Any) -> AsyncGenerator[Any, None]: ...
    def run(self, **params: Any) -> Generator[Any, None, None]: ...


_places: ContextVar[RunPlace | None] = ContextVar("l8nt.google_adk", default=None)


def _at(place: RunPlace) -> block[RunPlace | None]:
    """One generator's steps, in a place."""
    return block(_places, place, acting(place.handle))


class SigilRunner:
    """The two ways to run an ADK runner, with a handle. ``with_sigil`` makes it."""

    def __init__(self, runner: Runner, handle: SigilHandle | None) -> None:
        self._runner = runner
        self._handle = handle

    def run_async(self, **params: Any) -> AsyncGenerator[Any, None]:
        """``Runner.run_async`` with the handle of ``with_sigil``."""
        top = self._top()
        events = self._runner.run_async(**params)
        return events if top is None else bound_steps(_at(top), events)

    def run(self, **params: Any) -> Generator[Any, None, None]:
        """``Runner.run`` with the handle of ``with_sigil``."""
        top = self._top()
        events = self._runner.run(**params)
        return events if top is None else bound_steps(_at(top), events)

    def _top(self) -> RunPlace | None:
        own = turn(given=[self._handle], around=current_handle())
        return None if own is None else RunPlace(own, self._runner.agent.name)


def with_sigil(runner: Runner, handle: SigilHandle | None = None) -> SigilRunner:
    """Returns the runner's ``run_async`` and ``run``, in which the agent at the top has a handle,
    and each agent below has the entry of its name.

    ``handle`` is that of the agent at the top. If it is left out, or if an agent below it runs, it
    is the handle of the agent that runs.
    """
    _place_agents()
    return SigilRunner(runner, handle)


def _place_agents() -> None:
    """ADK has callbacks before and after an agent, but none around it, and an agent that is a tool
    may run without the plugins of the first runner. So this replaces the run methods of ADK's base
    class, once for all agents. Without ``with_sigil`` they do what they did.
    """
    for name in ("run_async", "run_live"):
        replace_once(BaseAgent, name, _placed)


def _placed(start: Callable[..., AsyncGenerator[Any, None]]) -> Callable[..., Any]:
    def run(self: Any, parent_context: Any) -> AsyncGenerator[Any, None]:
        above = _places.get()
        if above is None:
            return start(self, parent_context)
        place = above.below(
            self.name,
            parent_context.invocation_id,
            parent_context,
            lambda giver: _handle_below(self, giver),
        )
        return _placed_steps(place, start(self, parent_context))

    return run


def _handle_below(agent: Any, giver: RunPlace) -> SigilHandle:
    if giver.invocation is None:
        return _started(agent, giver)
    return _below(agent, giver.handle)


def _below(agent: Any, handle: SigilHandle) -> SigilHandle:
    return handle if isinstance(agent, FLOWS) else handle.for_agent(agent.name)


def _started(agent: Any, top: RunPlace) -> SigilHandle:
    """A session goes on with the agent that spoke last. Its place is then the one in the tree."""
    if agent.name == top.name:
        return top.handle
    parent = agent.parent_agent
    return _below(agent, top.handle if parent is None else _started(parent, top))


async def _placed_steps(
    place: RunPlace, events: AsyncGenerator[Any, None]
) -> AsyncGenerator[Any, None]:
    async with aclosing(bound_steps(_at(place), events)) as steps:
        async for event in steps:
            if event.author == place.name and event.actions.transfer_to_agent is not None:
                # The agent that a transfer leads to starts when this one has ended.
                place.hand_to(event.actions.transfer_to_agent)
            yield event


def _ready(one: ReadyTool) -> FunctionTool:
    """ADK takes the name of a tool from its function."""
    function = functools.wraps(one.arun)(functools.partial(one.arun))
    function.__name__ = one.name
    return FunctionTool(function)


sigil_tools: tuple[FunctionTool, FunctionTool] = (
    _ready(fetch_tool),
    _ready(budget_tool),
)
"""The two ready tools, ``fetch_url`` and ``show_budget``, for an agent's ``tools``."""
