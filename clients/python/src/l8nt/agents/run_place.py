"""The places of agents in a run whose agents transfer work to each other and call each other as
tools, where the framework names what runs by an invocation and the agent's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .handle import SigilHandle


@dataclass(eq=False, slots=True)
class RunPlace:
    """An agent that runs, its handle, and the place of the agent that handed it the work."""

    handle: SigilHandle
    name: str
    invocation: str | None = None
    """None for the place of a runner, above the agent at the top."""
    above: RunPlace | None = None
    context: Any = None
    run: _Run = field(default_factory=lambda: _Run())

    def below(
        self,
        name: str,
        invocation: str,
        context: Any,
        handle_below: Callable[[RunPlace], SigilHandle],
    ) -> RunPlace:
        """The place of an agent that begins to run while this one does. ``handle_below`` gives the
        handle of an agent that has none yet, by the place that hands it the work.
        """
        run, key = self.run, (invocation, name)
        known = run.last.get(key)
        # A framework may start an agent anew, in the context that it had, when a task below it is
        # done.
        is_transfer = key in run.handed
        if not is_transfer and known is not None and known.context is context:
            return known
        above = run.handed.pop(key, self)
        if above is None:
            above = self
            handle = self.handle.nobody(name, "a transfer by two agents at the same time")
        else:
            returned = above._up_to(key) if is_transfer else None
            if returned is not None:
                return returned
            handle = handle_below(above)
        place = RunPlace(handle, name, invocation, above, context, run)
        run.last[key] = place
        return place

    def hand_to(self, name: str) -> None:
        """Notes that this agent transfers its work to another one, which runs when it has ended."""
        if self.invocation is not None:
            handed, key = self.run.handed, (self.invocation, name)
            handed[key] = self if handed.get(key, self) is self else None

    def _up_to(self, key: tuple[str, str]) -> RunPlace | None:
        """A transfer may go back to an agent that the work came from, which then has its own handle
        again: the framework looks its name up among the agents of the run. An agent that is a tool,
        or that a tool or a custom agent runs, is below its caller, whatever its name.
        """
        at: RunPlace | None = self
        while at is not None and (at.invocation, at.name) != key:
            at = at.above
        return at


@dataclass(eq=False, slots=True)
class _Run:
    """One run of a runner, with the runs of the agents that are tools in it."""

    handed: dict[tuple[str, str], RunPlace | None] = field(default_factory=dict[Any, Any])
    """The place of the agent that transferred to another one. None if two did at the same time."""
    last: dict[tuple[str, str], RunPlace] = field(default_factory=dict[Any, Any])
