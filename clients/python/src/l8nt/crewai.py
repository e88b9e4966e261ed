"""CrewAI: each agent of a crew has the entry of its role, also when a coworker delegates to it.
docs/guides/agents/python-crewai.md.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from ._extras import Extra
from .agents import SigilHandle, budget_tool, current_handle, fetch_tool, sigil_context
from .agents.block import awaited, block
from .agents.handed import GivenHandles
from .agents.running import acting
from .agents.turn import turn

with Extra("crewai"):
    from crewai import Agent, Crew
    from crewai.agents.agent_builder.base_agent import BaseAgent
    from crewai.tools import BaseTool

__all__ = ["sigil_context", "sigil_tools", "with_sigil"]

_Runs = TypeVar("_Runs", bound="Crew | BaseAgent")

AGENT_RUNS = ("execute_task", "aexecute_task", "kickoff", "kickoff_async", "akickoff")
CREW_RUNS = (
    *("kickoff", "kickoff_async", "akickoff"),
    *("kickoff_for_each", "kickoff_for_each_async", "akickoff_for_each"),
)

_given = GivenHandles()
"""The handles of crews and agents. CrewAI's objects are serialized, so they are kept outside."""
_runs: ContextVar[object] = ContextVar("l8nt.crewai", default=None)
"""The agent or crew that runs now."""


def with_sigil(runs: _Runs, handle: SigilHandle | None = None) -> _Runs:
    """Gives a crew or a single agent its handle, and returns it.

    The agents of a crew have the entries of their roles below the crew's handle. The manager of a
    hierarchical crew has the crew's handle. An agent with a handle of its own has that one, where
    no other agent hands it work.
    """
    if isinstance(runs, Crew) and runs.cache:
        raise TypeError(
            "This crew has cache=True, which gives one agent's results to another. "
            "Give the crew cache=False."
        )
    for agent in [*runs.agents, runs.manager_agent] if isinstance(runs, Crew) else [runs]:
        if agent is not None:
            _place(type(agent), AGENT_RUNS)
    _place(Agent, AGENT_RUNS)
    _place(Crew, CREW_RUNS)
    _given.give(runs, handle)
    return runs


def _place(kind: type, names: tuple[str, ...]) -> None:
    """CrewAI has hooks before and after a call of a tool, but none around an agent. So this
    replaces the methods that run an agent or a crew, once for each class. Without a handle they do
    what they did.
    """
    for name in names:
        for owner in kind.__mro__:
            method = vars(owner).get(name)
            if inspect.isfunction(method) and not hasattr(method, "sigil"):
                setattr(owner, name, _placed(method))


def _placed(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        # A method of a class calls the one of its base class.
        if _runs.get() is self:
            return method(self, *args, **kwargs)
        handle = _handle_of(self)
        within = block(_runs, self, acting(handle))
        with within:
            result = method(self, *args, **kwargs)
        return awaited(within, result) if inspect.iscoroutine(result) else result

    run.sigil = True  # pyright: ignore[reportAttributeAccessIssue]
    return run


def _handle_of(runs: Any) -> SigilHandle | None:
    around, given = current_handle(), _given.of(runs)
    if isinstance(runs, Crew) or around is None:
        return turn(given=[given], around=around)
    crew = _runs.get()
    if isinstance(crew, Crew) and runs is crew.manager_agent:
        return around
    return turn(given=[given], around=around, name=" ".join(str(runs.role).split()))


def _never(_args: object = None, _result: object = None) -> bool:
    return False


class FetchUrl(BaseTool):
    """The ready tool ``fetch_url``."""

    name: str = fetch_tool.name
    description: str = fetch_tool.description
    cache_function: Any = _never

    def _run(self, url: str) -> str:
        return fetch_tool.run(url=url)

    async def _arun(self, url: str) -> str:
        return await fetch_tool.arun(url=url)


class ShowBudget(BaseTool):
    """The ready tool ``show_budget``."""

    name: str = budget_tool.name
    description: str = budget_tool.description
    cache_function: Any = _never

    def _run(self) -> str:
        return budget_tool.run()

    async def _arun(self) -> str:
        return await budget_tool.arun()


sigil_tools: tuple[BaseTool, BaseTool] = (FetchUrl(), ShowBudget())
"""The two ready tools, ``fetch_url`` and ``show_budget``, for an agent's ``tools``."""
