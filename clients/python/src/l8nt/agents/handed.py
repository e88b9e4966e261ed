"""The handles that the agents of one run have, by their names, as they hand work to each other."""

from __future__ import annotations

import weakref
from typing import Any

from .handle import SigilHandle


def handed(giver: SigilHandle, before: SigilHandle | None, name: str) -> SigilHandle:
    """The handle of an agent that ``giver`` hands work to: the one that it had before in this run,
    if work goes back to it, and otherwise the giver's entry of its name.

    A name alone never leads above the giver. Models choose names, and a run inside of a tool may
    have an agent called like one above the agent that calls the tool.

    :param before: what this agent, the same object or node, had in this run; ``None`` for an agent
        that this run has not seen
    """
    if before is not None and giver.is_within(before):
        return before
    return giver.for_agent(name)


class Handed:
    """The agents of one run. Those that nothing was handed to have entries of the top."""

    def __init__(self, top: SigilHandle, first: str | None = None) -> None:
        """``first`` is the agent at which the run begins, if that one has the top's handle."""
        self.top = top
        self._handles = {} if first is None else {first: top}

    def handle_of(self, name: str) -> SigilHandle:
        return self._handles.get(name) or self.top.for_agent(name)

    def hand(self, from_name: str, to: str) -> None:
        self._handles[to] = handed(self.handle_of(from_name), self._handles.get(to), to)


class GivenHandles:
    """The handles that objects of a framework were given, which may have no hash."""

    def __init__(self) -> None:
        self._given: dict[int, tuple[weakref.ref[Any], SigilHandle]] = {}

    def give(self, to: Any, handle: SigilHandle | None) -> None:
        """Notes a handle until the object is gone; ``None`` changes nothing."""
        if handle is not None:
            key = id(to)
            self._given[key] = (weakref.ref(to, lambda _: self._given.pop(key, None)), handle)

    def of(self, one: Any) -> SigilHandle | None:
        known = self._given.get(id(one))
        return None if known is None else known[1]
