"""Steps of a decision that may have to wait, each for a thread and for an event loop: a decision is
one generator, and a driver waits as its caller can.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["Steps", "Wait", "drive", "drive_async"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class Wait(Generic[Result]):
    """One step, done in either of two ways: in a thread that may wait, and in an event loop."""

    sync: Callable[[], Result]
    later: Callable[[], Awaitable[Result]]


Steps = Generator[Wait[Any], Any, Result]


def drive(steps: Steps[Result]) -> Result:
    """Runs a decision in a thread that may wait."""
    try:
        wait = next(steps)
        while True:
            try:
                value = wait.sync()
            except Exception as error:  # noqa: PERF203 # the generator's own
                wait = steps.throw(error)
            else:
                wait = steps.send(value)
    except StopIteration as stop:
        return stop.value


async def drive_async(steps: Steps[Result]) -> Result:
    """Runs a decision in an event loop. A task that is cancelled ends the decision."""
    try:
        wait = next(steps)
        while True:
            try:
                value = await wait.later()
            except Exception as error:  # noqa: PERF203 # the generator's own
                wait = steps.throw(error)
            else:
                wait = steps.send(value)
    except StopIteration as stop:
        return stop.value
    finally:
        steps.close()
