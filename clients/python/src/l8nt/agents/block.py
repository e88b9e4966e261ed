"""A block of code, or one step of a generator, in which a context variable has a value."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")
Result = TypeVar("Result")


class block(Generic[T]):  # noqa: N801
    """``with block(variable, value):``, and inside of another block with
    ``with block(variable, value, acting(handle)):``. May be entered again after its end.
    """

    __slots__ = ("_around", "_token", "_value", "_variable")

    def __init__(
        self,
        variable: ContextVar[T],
        value: T,
        around: AbstractContextManager[object] | None = None,
    ) -> None:
        self._variable = variable
        self._value = value
        self._around = around

    def __enter__(self) -> None:
        if self._around is not None:
            self._around.__enter__()
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)
        if self._around is not None:
            self._around.__exit__(None, None, None)


async def awaited(within: AbstractContextManager[object], result: Awaitable[Result]) -> Result:
    """What is awaited within a block."""
    with within:
        return await result
