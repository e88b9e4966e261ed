"""Who waits for an issuer, and for how long: an issuer that hangs must not close a service."""

from __future__ import annotations

import asyncio
from threading import active_count

import pytest

from l8nt.public_key.asking import KeyLoad, awaited

from .test_directory import ISSUER, World, down, never, page


def hanging(*, is_failing: bool = False) -> World:
    """A directory that holds a page, and an issuer that hangs from then on."""
    world = World(lambda: page(1))
    world.find(1)
    if is_failing:
        world.answer = down
        world.now += 30
        world.find(2)
    world.answer = never
    world.now += 30
    world.waited.clear()
    world.alarms.clear()
    return world


def load_of(world: World, key_id: int = 99) -> KeyLoad:
    load = world.directory.load(ISSUER, key_id)
    assert load is not None
    return load


@pytest.mark.parametrize(
    ("is_failing", "age", "others"),
    [
        # All wait for a page that comes as usual.
        (False, 0, [1, 1, 1]),
        (False, 0.75, [0.25, 0.25, 0.25]),
        (False, 1, []),
        (False, 9, []),
        (True, 0, []),
        # A clock that was set back.
        (False, -5, [1, 1, 1]),
    ],
)
def test_an_issuer_that_hangs_is_waited_for_in_one_thread(
    is_failing: bool, age: float, others: list[float]
) -> None:
    world = hanging(is_failing=is_failing)
    first = load_of(world)

    def meanwhile(seconds: float) -> None:
        if seconds != 10:
            return
        world.now += max(0, age)
        for _ in range(3):
            load_of(world)()
            assert world.code(99) == "ERR_TOKEN_KEY"
        # A key that is known is waited for by nobody.
        assert not world.waits(1)

    world.meanwhile = meanwhile
    first()
    assert world.waited == [10, *others]
    assert world.alarms == ["ERR_KEYS_SLOW"]
    # It was given up: until it is asked again nobody waits.
    assert not world.waits(99)


def test_without_a_page_the_others_are_told_that_none_can_be_had() -> None:
    world = World(never)
    codes: list[str] = []

    def meanwhile(seconds: float) -> None:
        if seconds == 10:
            world.now += 1
            codes.append(world.find(1))

    world.meanwhile = meanwhile
    world.find(1)
    assert codes == ["ERR_KEYS_UNREACHABLE"]
    assert world.waited == [10]


def test_a_thread_that_is_interrupted_leaves_the_waiting_to_another() -> None:
    world = hanging()

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    world.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        load_of(world)()
    world.meanwhile = lambda _: None
    load_of(world)()
    assert world.waited == [10, 10]


async def test_an_event_loop_waits_without_a_thread() -> None:
    world = World(lambda: page(1, 2))
    world.held = []
    before = active_count()
    tasks = [asyncio.create_task(awaited(load_of(world, 2))) for _ in range(100)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    assert active_count() == before
    assert not any(task.done() for task in tasks[1:])
    world.held.pop()()
    await asyncio.gather(*tasks[1:])
    assert tasks[0].cancelled()
    assert world.code(2) == "found"
    assert world.waited == []
    # What has come is not waited for.
    assert not world.waits(2)


async def test_an_event_loop_gives_an_issuer_up_after_10_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds: list[float | None] = []

    async def at_once(_: object, timeout: float | None) -> None:
        seconds.append(timeout)
        raise asyncio.TimeoutError

    world = hanging()
    monkeypatch.setattr(asyncio, "wait_for", at_once)
    await awaited(load_of(world))
    assert seconds == [10]
    assert world.alarms == ["ERR_KEYS_SLOW"]


def test_a_loop_that_has_closed_ends_nothing() -> None:
    world = World(lambda: page(1))
    world.held = []
    loop = asyncio.new_event_loop()

    async def begin() -> asyncio.Task[None]:
        task = asyncio.create_task(awaited(load_of(world, 1)))
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(begin())
    task.cancel()
    loop.close()
    world.held.pop()()
    assert world.code(1) == "found"


async def test_a_source_of_keys_that_only_blocks_has_a_thread() -> None:
    called: list[int] = []
    await awaited(lambda: called.append(1))
    assert called == [1]
