"""Generators whose every step runs as one agent.

A generator's body runs in the context of the code that takes the step, which may belong to another
agent.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
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
            with agent:
                try:
                    item = source.send(sent) if thrown is None else source.throw(thrown)
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
        with agent:
            source.close()


async def _async_generator(
    agent: AbstractContextManager[object], source: AsyncGenerator[Any, Any]
) -> AsyncGenerator[Any, Any]:
    sent: Any = None
    thrown: BaseException | None = None
    try:
        while True:
            with agent:
                try:
                    item = await (source.asend(sent) if thrown is None else source.athrow(thrown))
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
        with agent:
            await source.aclose()
