"""Generators whose every step runs as one agent.

A generator's body runs in the context of the code that takes the step, which may belong to another
agent.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

_Result = TypeVar("_Result")


def bound_steps(agent: AbstractContextManager[object], result: _Result) -> _Result:
    """The same generator, synchronous or not, each step of which runs within ``agent``; anything
    else as it is.
    """
    if inspect.isgenerator(result):
        return cast("_Result", _generator(agent, cast("Generator[Any, Any, Any]", result)))
    if inspect.isasyncgen(result):
        return cast("_Result", _async_generator(agent, cast("AsyncGenerator[Any, Any]", result)))
    return result


def _generator(
    agent: AbstractContextManager[object], source: Generator[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    sent: Any = None
    thrown: BaseException | None = None
    try:
        while True:
            try:
                if thrown is None:
                    item = _step(agent, source.send, sent)
                else:
                    item = _step(agent, source.throw, thrown)
            except StopIteration as end:
                return end.value
            sent, thrown = None, None
            try:
                sent = yield item
            except GeneratorExit:
                raise
            except BaseException as error:
                thrown = error
    finally:
        _step(agent, source.close)


async def _async_generator(
    agent: AbstractContextManager[object], source: AsyncGenerator[Any, Any]
) -> AsyncGenerator[Any, Any]:
    sent: Any = None
    thrown: BaseException | None = None
    try:
        while True:
            try:
                if thrown is None:
                    item = await _step_later(agent, source.asend, sent)
                else:
                    item = await _step_later(agent, source.athrow, thrown)
            except StopAsyncIteration:
                return
            sent, thrown = None, None
            try:
                sent = yield item
            except GeneratorExit:
                raise
            except BaseException as error:
                thrown = error
    finally:
        await _step_later(agent, source.aclose)


def _step(agent: AbstractContextManager[object], act: Callable[..., Any], *given: Any) -> Any:
    # Not in the generator itself, which may not enter a block.
    with agent:
        return act(*given)


async def _step_later(
    agent: AbstractContextManager[object], act: Callable[..., Awaitable[Any]], *given: Any
) -> Any:
    with agent:
        return await act(*given)
