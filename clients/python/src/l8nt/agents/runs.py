"""The handles that agents have in the runs of a framework whose agents serve many runs and transfer
the conversation to each other. docs/guides/agents/python-openai-agents.md.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from ..caveat import agent_unknown
from ..errors import DeniedError
from .block import block
from .context import handle_in
from .handed import handed
from .handle import SigilHandle
from .running import running
from .turn import turn


class RunsContext(Protocol):
    """What a run hands to its tools. It may have attributes of others."""

    context: Any


class Prepared:
    """What is known of an agent. Nothing here belongs to a run."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent
        self.starts_runs = False
        """Whether a run may begin with it. Other agents are only reached by transfers."""
        self.handle: SigilHandle | None = None
        """Its own handle, if it was prepared with one."""

    @property
    def name(self) -> str:
        """As the framework calls it."""
        return self.agent.name

    def handle_in(self, run: RunsContext) -> SigilHandle:
        """Its handle in a run. An agent without one is where the run begins, or where a stored run
        is resumed.

        :raises DeniedError: ``ERR_AGENT_UNKNOWN``
        """
        handles = current_call().handles_in(run)
        if self not in handles:
            handles[self] = self._at_start(run)
        return handles[self]

    def transfer(self, to: Prepared, run: RunsContext) -> None:
        """Gives the agent that this one transfers to its entry, or its own handle again."""
        handles = current_call().handles_in(run)
        handles[to] = handed(self.handle_in(run), handles.get(to), to.name)

    def _at_start(self, run: RunsContext) -> SigilHandle:
        call, name = current_call(), self.name
        given = (self.handle, handle_in(run.context))
        around = call.handle or running()
        handle = turn(given=given, around=around, name=None if call.handle is None else name)
        if handle is None:
            raise self._unknown("no SigilHandle in the context of this run")
        if self.starts_runs:
            return handle
        # A stored run does not say which agents transferred to this one, so only a handle of its
        # own name can be trusted to be the one that it had.
        if call.is_resumed and handle not in given:
            raise self._unknown("a stored run that another agent began")
        if handle.agent != name:
            raise self._unknown(f"the handle of {handle.agent or 'the top'}")
        return handle

    def _unknown(self, have: str) -> DeniedError:
        need = f"context=sigil_context(handle) with the handle that {self.name} is to have"
        return DeniedError([agent_unknown(have, need)])


class Call:
    """A call of a tool, or the top of the program. Runs inside of a call are below its agent."""

    def __init__(self, handle: SigilHandle | None = None, *, is_resumed: bool = False) -> None:
        self.handle = handle
        """Of the agent that calls; ``None`` at the top."""
        self.is_resumed = is_resumed
        """Whether the call resumes a run that was stored, at the agent that the run had come to."""

    def handles_in(self, run: RunsContext) -> dict[Prepared, SigilHandle]:
        """The handles that agents have in a run that began here. A framework copies a run's context
        with its attributes when the run is interrupted.
        """
        everywhere = vars(run).setdefault("_l8nt", WeakKeyDictionary[Call, Any]())
        return everywhere.setdefault(self, {})


_calls: ContextVar[Call] = ContextVar("l8nt.agents.runs")
_top = Call()


def current_call() -> Call:
    """The call of a tool that runs now; the top of the program outside of any."""
    return _calls.get(_top)


def calling(call: Call) -> block[Call]:
    """A block that is a call: ``with calling(Call(handle)):``."""
    return block(_calls, call)
