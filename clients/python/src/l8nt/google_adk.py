"""Google ADK: each agent of a run has a place below the runner's handle, across transfers and
agents that are tools. docs/guides/agents/python-google-adk.md.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from ._extras import Extra
from .agents import ReadyTool, SigilHandle, budget_tool, current_handle, fetch_tool
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


@dataclass(eq=False, slots=True)
class _Place:
    """An agent that runs, its handle, and the place of the agent that handed it the work."""

    handle: SigilHandle
    name: str
    invocation: str | None
    """None for the place of a runner, above the agent at the top."""
    above: _Place | None
    run: _Run
    context: Any = None


@dataclass(eq=False, slots=True)
class _Run:
    """One run of a runner, with the runs of the agents that are tools in it."""

    handed: dict[tuple[str, str], _Place | None] = field(default_factory=dict[Any, Any])
    """The place of the agent that transferred to another one. None if two did at the same time."""
    last: dict[tuple[str, str], _Place] = field(default_factory=dict[Any, Any])


_places: ContextVar[_Place | None] = ContextVar("l8nt.google_adk", default=None)


class _At:
    """One generator's steps, in a place."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._acting = acting(place.handle)

    def __enter__(self) -> None:
        self._acting.__enter__()
        self._token = _places.set(self._place)

    def __exit__(self, *error: object) -> None:
        _places.reset(self._token)
        self._acting.__exit__(*error)


class SigilRunner:
    """The two ways to run an ADK runner, with a handle. ``with_sigil`` makes it."""

    def __init__(self, runner: Runner, handle: SigilHandle | None) -> None:
        self._runner = runner
        self._handle = handle

    def run_async(self, **params: Any) -> AsyncGenerator[Any, None]:
        """``Runner.run_async`` with the handle of ``with_sigil``."""
        top = self._top()
        events = self._runner.run_async(**params)
        return events if top is None else bound_steps(_At(top), events)

    def run(self, **params: Any) -> Generator[Any, None, None]:
        """``Runner.run`` with the handle of ``with_sigil``."""
        top = self._top()
        events = self._runner.run(**params)
        return events if top is None else bound_steps(_At(top), events)

    def _top(self) -> _Place | None:
        own = turn(given=[self._handle], around=current_handle())
        return None if own is None else _Place(own, self._runner.agent.name, None, None, _Run())


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
        start: Callable[..., AsyncGenerator[Any, None]] = getattr(BaseAgent, name)
        if hasattr(start, "sigil"):
            continue
        setattr(BaseAgent, name, _placed(start))


def _placed(start: Callable[..., AsyncGenerator[Any, None]]) -> Callable[..., Any]:
    def run(self: Any, parent_context: Any) -> AsyncGenerator[Any, None]:
        above = _places.get()
        if above is None:
            return start(self, parent_context)
        place = _place_of(self, parent_context, above)
        return _placed_steps(place, start(self, parent_context))

    run.sigil = True  # pyright: ignore[reportFunctionMemberAccess]
    return run


def _place_of(agent: Any, context: Any, above: _Place) -> _Place:
    run, key = above.run, (context.invocation_id, agent.name)
    known = run.last.get(key)
    # ADK starts an agent anew, in the context that it had, when a task below it is done.
    if key not in run.handed and known is not None and known.context is context:
        return known
    handed = run.handed.pop(key, above)
    if handed is None:
        handle = above.handle.nobody(agent.name, "a transfer by two agents at the same time")
    else:
        above = handed
        # A transfer may go back to an agent that the work came from, which then has its own handle
        # again. An agent that is a tool has an invocation of its own, and is below its caller.
        at: _Place | None = above
        while at is not None:
            if (at.invocation, at.name) == key:
                return at
            at = at.above
        handle = _started(agent, above) if above.invocation is None else _below(agent, above.handle)
    place = _Place(handle, agent.name, context.invocation_id, above, run, context)
    run.last[key] = place
    return place


def _below(agent: Any, handle: SigilHandle) -> SigilHandle:
    return handle if isinstance(agent, FLOWS) else handle.for_agent(agent.name)


def _started(agent: Any, top: _Place) -> SigilHandle:
    """A session goes on with the agent that spoke last. Its place is then the one in the tree."""
    if agent.name == top.name:
        return top.handle
    parent = agent.parent_agent
    return _below(agent, top.handle if parent is None else _started(parent, top))


async def _placed_steps(
    place: _Place, events: AsyncGenerator[Any, None]
) -> AsyncGenerator[Any, None]:
    async with aclosing(bound_steps(_At(place), events)) as steps:
        async for event in steps:
            if event.author == place.name and event.actions.transfer_to_agent is not None:
                _note(place, event.actions.transfer_to_agent)
            yield event


def _note(place: _Place, to: str) -> None:
    """ADK starts the agent that a transfer leads to when the agent that transfers has ended."""
    if place.invocation is not None:
        handed, key = place.run.handed, (place.invocation, to)
        handed[key] = place if handed.get(key, place) is place else None


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
