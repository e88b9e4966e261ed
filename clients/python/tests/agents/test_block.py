"""Blocks of code, and steps of generators, in which a context variable has a value."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from typing import Any

import pytest

from l8nt.agents import AgentPolicies, SigilHandle, current_handle
from l8nt.agents.block import awaited, block
from l8nt.agents.handed import GivenHandles, Handed
from l8nt.agents.replaced import replace_once
from l8nt.agents.running import acting
from l8nt.agents.steps import bound_steps
from l8nt.l402 import Minter

_place: ContextVar[str] = ContextVar("place", default="nowhere")


def handle_of() -> SigilHandle:
    minter = Minter(secret=bytes(range(32)), location="https://treasury.example", kind="spending")
    credential = minter.mint(endpoints=["* https://*/**"], budget="5 sat", expires_in="1h")
    agents: AgentPolicies = {"left": {"agents": {"right": {}}}, "right": {}}
    return SigilHandle.open(credential=credential, agents=agents)


def seen() -> tuple[str, str | None]:
    handle = current_handle()
    return _place.get(), None if handle is None else handle.agent or "the top"


def test_a_block_has_its_value_and_its_handle_and_ends_with_what_was_before() -> None:
    handle = handle_of()
    here = block(_place, "here", acting(handle))
    for _ in range(2):
        with block(_place, "there"), here:
            assert seen() == ("here", "the top")
        assert seen() == ("nowhere", None)
    with pytest.raises(ZeroDivisionError), here:
        raise ZeroDivisionError
    assert seen() == ("nowhere", None)


def test_each_step_of_a_generator_is_a_block_and_what_lies_between_is_not() -> None:
    def steps() -> Generator[tuple[str, str | None]]:
        yield seen()
        yield seen()

    found = bound_steps(block(_place, "here", acting(handle_of())), steps())
    for step in found:
        assert step == ("here", "the top")
        assert seen() == ("nowhere", None)


async def test_what_is_awaited_and_each_step_of_an_asynchronous_generator_is_in_the_block() -> None:
    async def ask() -> tuple[str, str | None]:
        await asyncio.sleep(0)
        return seen()

    async def steps() -> AsyncGenerator[tuple[str, str | None]]:
        yield await ask()

    here = block(_place, "here", acting(handle_of()))
    assert await awaited(here, ask()) == ("here", "the top")
    assert [step async for step in bound_steps(here, steps())] == [("here", "the top")]
    assert seen() == ("nowhere", None)


def test_work_that_is_handed_back_has_the_handle_that_it_came_from() -> None:
    handle = handle_of()
    run = Handed(handle, "boss")
    run.hand("boss", "left")
    run.hand("left", "right")
    assert run.handle_of("right").is_within(run.handle_of("left"))
    right = run.handle_of("right")
    run.hand("right", "left")
    assert run.handle_of("left").agent == "left"
    run.hand("left", "boss")
    assert run.handle_of("boss") is handle
    run.hand("boss", "right")
    # The boss did not get its work from that place, so the agent has the boss's own entry.
    assert not run.handle_of("right").is_within(run.handle_of("left"))
    assert run.handle_of("right") is not right


def test_an_object_has_the_handle_that_it_was_given_until_it_is_gone() -> None:
    class Thing:
        __hash__ = None  # type: ignore[assignment]

    handle, given, thing = handle_of(), GivenHandles(), Thing()
    given.give(thing, None)
    assert given.of(thing) is None
    given.give(thing, handle)
    assert given.of(thing) is handle
    assert given.of(Thing()) is None


def test_a_method_is_replaced_once_for_all_objects_of_its_class() -> None:
    class Thing:
        def run(self) -> list[str]:
            return ["run"]

    def made(run: Callable[[Thing], list[str]]) -> Any:
        def more(self: Thing) -> list[str]:
            return ["before", *run(self)]

        return more

    for _ in range(2):
        replace_once(Thing, "run", made)
    assert Thing().run() == ["before", "run"]
