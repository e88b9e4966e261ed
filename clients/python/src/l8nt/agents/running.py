"""The handle of the agent that runs now, in a context variable. docs/guides/agents.md."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .handle import SigilHandle

_GENERATOR: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_CONTEXTLIB: Final = contextlib.contextmanager.__code__.co_filename


class Block:
    """One block that runs as a handle, or as no agent, inside of another one."""

    __slots__ = ("frame", "handle", "has_ended", "left_at", "place", "under", "waits")

    def __init__(self, handle: SigilHandle | None, frame: FrameType) -> None:
        is_generator = bool(frame.f_code.co_flags & _GENERATOR)
        self.handle = handle
        self.place = _place()
        self.has_ended = False
        self.left_at: object = None
        """The place at which it has ended, if the context variable may still have it there."""
        self.under = _around(frame)
        """The block that its code is in. The one before it in the context may be another one, of a
        generator that waits meanwhile."""
        self.frame = frame if is_generator else None
        """Of a generator, which may wait, and goes on in this block. Coroutines wait as well, but
        each task has a context of its own."""
        self.waits = is_generator and not _is_of_contextlib(frame.f_back)
        """Whether what takes the steps of its generator is not inside of it, as the code of a
        ``with`` is inside of a ``contextmanager``."""


_entered: ContextVar[tuple[Block, ...]] = ContextVar("l8nt.agents", default=())
_open: Final[dict[FrameType, list[Block]]] = {}
"""The open blocks of generators."""


def running() -> SigilHandle | None:
    """The handle of the agent that runs now; ``None`` outside of any.

    A task and ``asyncio.to_thread`` have the handle of the code that started them. A thread that a
    pool or ``threading.Thread`` starts has none, unless it is given a copy of the context.

    Blocks of generators may overlap. The block whose code runs decides, with what was entered
    inside of it. Where a generator waits in a block, and nobody can tell whether its agent runs or
    the one around, the rule of ``turn`` holds: the innermost of both runs, or, if they are
    unrelated, a handle that is denied everything.
    """
    own = _around(sys._getframe(1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # documented
    waiting: list[SigilHandle] = []
    for block in reversed(_entered.get()):
        if block is own:
            break
        # Inside of a block whose code runs here, there is no task that an ended one has started.
        is_over = _is_over(block) if own is None else block.has_ended
        if is_over or not _is_under(block, own):
            continue
        if not block.waits:
            return _innermost(waiting, block.handle)
        if block.handle is not None:
            waiting.append(block.handle)
    if own is not None:
        return _innermost(waiting, own.handle)
    return _innermost(waiting[:-1], waiting[-1]) if waiting else None


def enter(handle: SigilHandle | None, frame: FrameType) -> Block:
    """Begins a block of the code of ``frame`` that runs as ``handle``, or as no agent."""
    block = Block(handle, _user_of(frame))
    if block.frame is not None:
        _open.setdefault(block.frame, []).append(block)
    _entered.set((*_entered.get(), block))
    return block


def leave(handle: SigilHandle | None, frame: FrameType) -> None:
    """Ends the innermost block of the code of ``frame`` that runs as ``handle``; if it has none,
    that of this context.
    """
    for block in reversed(_open.get(_user_of(frame), ())):
        if block.handle is handle:
            leave_block(block)
            return
    for block in reversed(_entered.get()):
        if block.handle is handle and not _is_over(block):
            leave_block(block)
            return


def leave_block(ended: Block) -> None:
    """Ends one block, in whichever task or thread that is. Blocks inside of it go on, and tasks
    that it started still run as its handle.
    """
    if ended.frame is not None:
        blocks = _open[ended.frame]
        blocks.remove(ended)
        if not blocks:
            del _open[ended.frame]
        ended.frame = None
    ended.has_ended = True
    entered = _entered.get()
    # A context variable can only be set for the code that runs now.
    if ended.waits or ended not in entered or ended.place is not _place():
        ended.left_at = ended.place
    _entered.set(tuple(one for one in entered if one is not ended and not _is_over(one)))


class acting:  # noqa: N801
    """A block that runs as ``handle``, or as no agent: ``with acting(None):``."""

    __slots__ = ("_blocks", "_handle")

    def __init__(self, handle: SigilHandle | None) -> None:
        self._handle = handle
        self._blocks: list[Block] = []

    def __enter__(self) -> None:
        self._blocks.append(enter(self._handle, sys._getframe(1)))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # documented

    def __exit__(self, *_: object) -> None:
        leave_block(self._blocks.pop())


def _innermost(waiting: list[SigilHandle], around: SigilHandle | None) -> SigilHandle | None:
    if not waiting or around is None:
        return around
    handles = [*waiting, around]
    for one in handles:
        if all(map(one.is_within, handles)):
            return one
    why = "a block of another agent in a generator that waits, which handle.run(generate) would end"
    return around.nobody(around.agent or "agent", why)


def _around(frame: FrameType | None) -> Block | None:
    """The innermost open block whose code runs now: it is called, at any distance, by ``frame``."""
    while frame is not None and _open:
        blocks = _open.get(frame)
        if blocks:
            return blocks[-1]
        frame = frame.f_back
    return None


def _is_under(block: Block, own: Block | None) -> bool:
    under = block.under
    while under is not None and under is not own:
        under = under.under
    return under is own


def _is_over(block: Block) -> bool:
    """Whether it has ended for the code that runs now, whose context variable still has it."""
    return block.left_at is not None and block.left_at is _place()


def _user_of(frame: FrameType) -> FrameType:
    """The code that enters a block, also by an ``ExitStack``."""
    while _is_of_contextlib(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _is_of_contextlib(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename == _CONTEXTLIB


def _place() -> object:
    """The task that runs now; the thread outside of any."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.current_thread() if task is None else task
