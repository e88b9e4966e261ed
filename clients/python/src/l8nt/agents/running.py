"""The handle of the agent that runs now, in a context variable. docs/guides/agents.md."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .handle import SigilHandle


class _Entry:
    """One block that runs as a handle, or as no agent, inside of another one."""

    __slots__ = ("handle", "left_elsewhere", "outer", "place")

    def __init__(self, handle: SigilHandle | None, outer: _Entry | None, place: object) -> None:
        self.handle = handle
        self.outer = outer
        self.place = place
        self.left_elsewhere = False


_entered: ContextVar[_Entry | None] = ContextVar("l8nt.agents", default=None)


def running() -> SigilHandle | None:
    """The handle of the agent that runs now; ``None`` outside of any.

    A task and ``asyncio.to_thread`` have the handle of the code that started them. A thread that a
    pool or ``threading.Thread`` starts has none, unless it is given a copy of the context.
    """
    entry = _entered.get()
    while entry is not None and _is_over(entry):
        entry = entry.outer
    return None if entry is None else entry.handle


def enter(handle: SigilHandle | None) -> None:
    """Begins a block that runs as ``handle``, or as no agent."""
    _entered.set(_Entry(handle, _entered.get(), _place()))


def leave(handle: SigilHandle | None) -> None:
    """Ends the innermost block that runs as ``handle``. Blocks inside of it go on."""
    inside: list[_Entry] = []
    entry = _entered.get()
    while entry is not None and entry.handle is not handle:
        inside.append(entry)
        entry = entry.outer
    if entry is None:
        return
    entry.left_elsewhere = entry.place is not _place()
    outer = entry.outer
    for one in reversed(inside):
        if not _is_over(one):
            outer = _Entry(one.handle, outer, one.place)
    _entered.set(outer)


class acting:  # noqa: N801
    """A block that runs as ``handle``, or as no agent: ``with acting(None):``."""

    __slots__ = ("_handle",)

    def __init__(self, handle: SigilHandle | None) -> None:
        self._handle = handle

    def __enter__(self) -> None:
        enter(self._handle)

    def __exit__(self, *_: object) -> None:
        leave(self._handle)


def _is_over(entry: _Entry) -> bool:
    """Whether a block of this task ended in another one, which could not set this task's context
    variable. Tasks that the block started still run as its handle.
    """
    return entry.left_elsewhere and entry.place is _place()


def _place() -> object:
    """The task that runs now; the thread outside of any."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.current_thread() if task is None else task
