"""The handle of the agent that runs now, in a context variable. docs/guides/agents.md."""

from __future__ import annotations

import contextlib
import inspect
import sys
from contextvars import ContextVar, Token
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .handle import SigilHandle

_GENERATOR: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_CONTEXTLIB: Final = contextlib.contextmanager.__code__.co_filename
_ENTERING: Final = {"__enter__", "__aenter__", "enter_context", "enter_async_context"}


class Block:
    """One block that runs as a handle, or as no agent, inside of another one."""

    __slots__ = ("generator", "handle", "is_lost", "outer", "token")

    def __init__(
        self, handle: SigilHandle | None, outer: Block | None, generator: FrameType | None
    ) -> None:
        self.handle = handle
        self.outer = outer
        self.generator = generator
        """The generator of a ``contextmanager`` that has entered it, which alone may end it."""
        self.is_lost = False
        """Whether its end, or that of a block around it, came out of order, so that nobody can tell
        which code is inside of it."""
        self.token: Token[Block | None] | None = None


_entered: ContextVar[Block | None] = ContextVar("l8nt.agents", default=None)


def running() -> SigilHandle | None:
    """The handle of the agent that runs now; ``None`` outside of any.

    A task and ``asyncio.to_thread`` have the handle of the code that started them. A thread that a
    pool or ``threading.Thread`` starts has none, unless it is given a copy of the context.
    """
    block = _entered.get()
    if block is None:
        return None
    handle = block.handle
    if handle is None or not block.is_lost:
        return handle
    return handle.nobody(handle.agent or "agent", "a block that ended out of order")


def enter(handle: SigilHandle | None, frame: FrameType) -> Block:
    """Begins a block of the code of ``frame`` that runs as ``handle``, or as no agent.

    :raises TypeError: in a generator, whose steps have the context of the code between them
    """
    user = _user_of(frame)
    if _is_generator(user):
        name = user.f_code.co_name
        raise TypeError(
            f"The generator {name} enters a block of {_path(handle)}. Python runs the code between "
            "the steps of a generator in the same context, so that code would act as this agent. "
            f"Call handle.run({name}), which runs each step as the agent, or put the block into a "
            "function that a step calls."
        )
    block = Block(handle, _entered.get(), _generator_of(frame))
    block.token = _entered.set(block)
    return block


def leave(handle: SigilHandle, frame: FrameType) -> None:
    """Ends the block of ``handle`` that the code of ``frame`` is in.

    :raises RuntimeError: as ``leave_block``
    """
    block, generator = _entered.get(), _generator_of(frame)
    while block is not None and (block.handle is not handle or block.generator is not generator):
        block = block.outer
    if block is None:
        raise _out_of_order(handle)
    leave_block(block)


def leave_block(block: Block) -> None:
    """Ends one block, and goes back to the one around it. Tasks that it started run as its handle.

    :raises RuntimeError: if a block inside of it is open, or it began in another context. Code that
        runs as one of these blocks, or goes back to it, is then denied everything
    """
    token = block.token
    if _entered.get() is block and token is not None:
        # A token is refused in another context than the one that the block began in.
        with contextlib.suppress(ValueError):
            _entered.reset(token)
            # A task that the block started would keep this context alive.
            block.token = None
            return
    inside: list[Block] = []
    at = _entered.get()
    while at is not None and at is not block:
        inside.append(at)
        at = at.outer
    for one in (block, *(() if at is None else inside)):
        one.is_lost = True
    raise _out_of_order(block.handle)


class acting:  # noqa: N801
    """A block that runs as ``handle``, or as no agent: ``with acting(None):``."""

    __slots__ = ("_blocks", "_handle")

    def __init__(self, handle: SigilHandle | None) -> None:
        self._handle = handle
        self._blocks: list[Block] = []

    def __enter__(self) -> None:
        self._blocks.append(enter(self._handle, sys._getframe(1)))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # documented

    def __exit__(self, *_: object) -> None:
        leave_block(self._blocks[-1])
        self._blocks.pop()


def _user_of(frame: FrameType) -> FrameType:
    """The code that is inside of a block which ``frame`` enters: behind the generator of a
    ``contextmanager``, a class's own ``__enter__`` and an ``ExitStack``.
    """
    while frame.f_back is not None and (
        frame.f_code.co_name in _ENTERING
        or (_is_generator(frame) and frame.f_back.f_code.co_filename == _CONTEXTLIB)
    ):
        frame = frame.f_back
    return frame


def _generator_of(frame: FrameType) -> FrameType | None:
    return frame if _is_generator(frame) else None


def _is_generator(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & _GENERATOR)


def _out_of_order(handle: SigilHandle | None) -> RuntimeError:
    return RuntimeError(
        f"A block of {_path(handle)} ended out of order: a block inside of it is open, or it began "
        "in another task, thread or copy of the context. End blocks where they began, the last one "
        "first, as `with` does."
    )


def _path(handle: SigilHandle | None) -> str:
    """The names of the agents from the top to this one."""
    if handle is None:
        return "no agent"
    names: list[str] = []
    at: SigilHandle | None = handle
    while at is not None and at.agent is not None:
        names.insert(0, at.agent)
        at = at.parent
    return f'the agent "{"/".join(names)}"' if names else "the agent at the top"
