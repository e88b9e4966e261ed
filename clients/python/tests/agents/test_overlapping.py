"""Blocks of two agents that overlap: no code runs as an agent that is not its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from l8nt.agents import SigilHandle, current_handle, sigil_fetch
from l8nt.agents import running as module
from l8nt.agents.running import acting

from .credentials import mint
from .family import Asked, code_of, open_family

TABLE: dict[str, Any] = {"scout": {"agents": {"runner": {}}}, "rich": {}}
DENIED = "ERR_AGENT_UNKNOWN"


@pytest.fixture
def top() -> Iterator[SigilHandle]:
    yield open_family(mint(), TABLE)
    gc.collect()
    assert not module._open, "a block is still open"  # pyright: ignore[reportPrivateUsage]
    assert current_handle() is None


def _agent() -> str | None:
    """The name of the agent that runs; its code if it is denied everything."""
    handle = current_handle()
    if handle is None:
        return "(none)"
    return code_of(handle.assert_allowed) or handle.agent or "top"


def _steps(handle: SigilHandle, seen: list[str | None]) -> Iterator[None]:
    with handle:
        try:
            for _ in range(3):
                seen.append(_agent())
                yield
        finally:
            seen.append(_agent())
    seen.append(f"after {_agent()}")


async def _later(handle: SigilHandle, seen: list[str | None]) -> AsyncIterator[None]:
    with handle:
        try:
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(_agent())
                yield
        finally:
            seen.append(_agent())


@pytest.mark.parametrize("first", ["scout", "rich"])
def test_generators_that_take_turns_each_run_as_their_own_agent(
    top: SigilHandle, first: str
) -> None:
    scouts: list[str | None] = []
    riches: list[str | None] = []
    pair = {
        "scout": _steps(top.for_agent("scout"), scouts),
        "rich": _steps(top.for_agent("rich"), riches),
    }
    between: list[str | None] = []
    for _ in range(3):
        for one in pair.values():
            next(one)
        between.append(_agent())
    assert between == [DENIED] * 3
    last = "rich" if first == "scout" else "scout"
    assert next(pair[first], "end") == "end"
    # One generator alone waits in a block: it holds for the code that takes its steps.
    assert _agent() == last
    assert next(pair[last], "end") == "end"
    assert _agent() == "(none)"
    assert scouts[:4] == ["scout"] * 4
    assert riches[:4] == ["rich"] * 4


def test_what_is_denied_between_the_steps_of_two_agents_asks_for_nothing() -> None:
    asked: Asked = []
    top = open_family(mint(), TABLE, asked=asked)
    scout, rich = top.for_agent("scout"), top.for_agent("rich")
    waits = _steps(rich, [])
    with scout:
        sigil_fetch("https://api.example/a")
        next(waits)
        assert code_of(lambda: sigil_fetch("https://api.example/b")) == DENIED
        waits.close()  # type: ignore[attr-defined]
        sigil_fetch("https://api.example/c")
    assert [(who, what[-1]) for who, what in asked] == [
        (scout.credential, "a"),
        (scout.credential, "c"),
    ]


def test_the_denial_says_what_to_do(top: SigilHandle) -> None:
    waits = _steps(top.for_agent("rich"), [])
    with top.for_agent("scout"):
        next(waits)
        handle = current_handle()
        assert handle is not None
        with pytest.raises(Exception, match=r"generator that waits, which handle\.run\(generate\)"):
            handle.assert_allowed()
        waits.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("around", "inside", "expected"),
    [
        ("top", "scout", "scout"),
        ("scout", "top", "scout"),
        ("scout", "scout", "scout"),
        ("scout", "rich", DENIED),
        (None, "rich", "rich"),
        ("nobody", "rich", "(none)"),
    ],
)
def test_code_around_a_generator_that_waits_runs_as_the_innermost_of_both(
    top: SigilHandle, around: str | None, inside: str, expected: str
) -> None:
    handles = {"top": top, "scout": top.for_agent("scout"), "rich": top.for_agent("rich")}
    outside: Any = contextlib.nullcontext()
    if around is not None:
        outside = acting(handles.get(around))
    waits: Any = _steps(handles[inside], [])
    with outside:
        next(waits)
        assert _agent() == expected
        waits.close()


@pytest.mark.parametrize("first", ["scout", "rich"])
async def test_asynchronous_generators_that_take_turns_each_run_as_their_own_agent(
    top: SigilHandle, first: str
) -> None:
    scouts: list[str | None] = []
    riches: list[str | None] = []
    pair: Any = {
        "scout": _later(top.for_agent("scout"), scouts),
        "rich": _later(top.for_agent("rich"), riches),
    }
    for _ in range(3):
        for one in pair.values():
            await anext(one)
        assert _agent() == DENIED
    await pair.pop(first).aclose()
    [last] = pair
    assert _agent() == last
    await pair[last].aclose()
    assert scouts == ["scout"] * 4
    assert riches == ["rich"] * 4


def test_one_agent_twice_with_another_between_ends_each_block_by_itself(top: SigilHandle) -> None:
    scout, rich = top.for_agent("scout"), top.for_agent("rich")
    first, between, second = acting(scout), acting(rich), acting(scout)
    for one in (first, between, second):
        one.__enter__()
    first.__exit__()
    assert _agent() == "scout"
    second.__exit__()
    assert _agent() == "rich"
    between.__exit__()


def test_one_agent_in_two_generators_with_another_between(top: SigilHandle) -> None:
    scout, rich = top.for_agent("scout"), top.for_agent("rich")
    seen: list[str | None] = []
    first, between, second = _steps(scout, []), _steps(rich, []), _steps(scout, seen)
    for one in (first, between, second):
        next(one)
    first.close()  # type: ignore[attr-defined]
    next(second)
    between.close()  # type: ignore[attr-defined]
    assert _agent() == "scout"
    next(second)
    second.close()  # type: ignore[attr-defined]
    assert seen == ["scout"] * 4


def test_steps_that_each_run_in_another_thread_and_a_copy_of_the_context(top: SigilHandle) -> None:
    """As Starlette takes the steps of a generator that a response streams."""
    seen: list[str | None] = []
    scout, rich = top.for_agent("scout"), top.for_agent("rich")
    for around in (top, scout, rich):
        steps = _steps(scout, seen)
        with around, ThreadPoolExecutor(2) as pool:
            for _ in range(4):
                context = contextvars.copy_context()
                pool.submit(context.run, next, steps, None).result()
                assert _agent() == (around.agent or "top")
        assert _agent() == "(none)"
    own = [one for one in seen if one is not None and not one.startswith("after")]
    assert own == ["scout"] * 12


async def test_tasks_that_overlap_each_run_as_their_own_agent(top: SigilHandle) -> None:
    async def work(name: str, turns: int) -> list[str | None]:
        seen: list[str | None] = []
        with top.for_agent(name):
            for _ in range(turns):
                await asyncio.sleep(0)
                seen.append(_agent())
        return seen

    with top:
        got = await asyncio.gather(work("scout", 1), work("rich", 3), work("scout", 5))
        assert _agent() == "top"
    assert got == [["scout"], ["rich"] * 3, ["scout"] * 5]


async def test_a_task_of_a_generator_s_step_and_of_the_code_around_it(top: SigilHandle) -> None:
    async def read() -> str | None:
        await asyncio.sleep(0)
        return _agent()

    async def steps() -> AsyncIterator[asyncio.Task[str | None]]:
        with top.for_agent("scout"):
            yield asyncio.create_task(read())

    with top:
        generator: Any = steps()
        assert await (await anext(generator)) == "scout"
        # It may be of either, so it has the rights of both.
        assert await asyncio.create_task(read()) == "scout"
        await generator.aclose()
        assert await asyncio.create_task(read()) == "top"


class TestPermitted:
    def test_a_context_manager_of_a_generator_is_a_block_of_the_code_in_it(
        self, top: SigilHandle
    ) -> None:
        @contextlib.contextmanager
        def running_as(name: str) -> Generator[None]:
            with top.for_agent(name):
                yield
                assert _agent() == name

        with top.for_agent("scout"), running_as("rich"):
            assert _agent() == "rich"
            with running_as("scout"), running_as("rich"):
                assert _agent() == "rich"
            with top:
                assert _agent() == "top"
            assert _agent() == "rich"

    async def test_an_asynchronous_one(self, top: SigilHandle) -> None:
        @contextlib.asynccontextmanager
        async def running_as(name: str) -> AsyncGenerator[None]:
            await asyncio.sleep(0)
            with top.for_agent(name):
                yield
                await asyncio.sleep(0)
                assert _agent() == name

        async with running_as("scout"), running_as("rich"), running_as("scout"):
            assert _agent() == "scout"
            async with running_as("rich"):
                await asyncio.sleep(0)
                assert _agent() == "rich"
                assert await asyncio.to_thread(_agent) == "rich"

    def test_a_stack_of_blocks(self, top: SigilHandle) -> None:
        def steps() -> Iterator[str | None]:
            with contextlib.ExitStack() as stack:
                stack.enter_context(top.for_agent("scout"))
                yield _agent()
                stack.enter_context(top.for_agent("rich"))
                yield _agent()

        assert list(steps()) == ["scout", "rich"]
        with contextlib.ExitStack() as stack:
            stack.enter_context(top)
            stack.enter_context(top.for_agent("scout"))
            assert _agent() == "scout"
            waits = steps()
            next(waits)
            assert _agent() == "scout"
            waits.close()  # type: ignore[attr-defined]

    def test_a_bound_generator_inside_of_another_agent(self, top: SigilHandle) -> None:
        def steps() -> Iterator[str | None]:
            with ThreadPoolExecutor(1) as pool:
                for _ in range(2):
                    yield _agent()
                    yield pool.submit(contextvars.copy_context().run, _agent).result()

        with top.for_agent("rich"):
            for one in top.for_agent("scout").run(steps):
                assert one == "scout"
                assert _agent() == "rich"


@pytest.mark.parametrize("seed", range(60))
def test_code_in_a_block_is_its_agent_whatever_order_blocks_begin_and_end_in(seed: int) -> None:
    choice = random.Random(seed)
    top = open_family(mint(), TABLE)
    handles = [top, top.for_agent("scout"), top.for_agent("rich")]

    def check(handle: SigilHandle) -> None:
        assert current_handle() is handle

    @contextlib.contextmanager
    def block(handle: SigilHandle) -> Generator[None]:
        with handle:
            yield

    def steps(depth: int) -> Iterator[None]:
        handle = choice.choice(handles)
        with handle:
            for _ in range(choice.randint(1, 4)):
                check(handle)
                if depth and choice.random() < 0.4:
                    yield from steps(depth - 1)
                    check(handle)
                if choice.random() < 0.3:
                    other = choice.choice(handles)
                    other.run(check, other)
                    with block(other), acting(None):
                        assert current_handle() is None
                    with block(other):
                        check(other)
                    check(handle)
                yield
            check(handle)

    with ThreadPoolExecutor(1) as pool:

        def here(act: Callable[..., Any], *given: Any) -> Any:
            return act(*given)

        def there(act: Callable[..., Any], *given: Any) -> Any:
            return pool.submit(act, *given).result()

        def there_in_a_copy(act: Callable[..., Any], *given: Any) -> Any:
            return there(contextvars.copy_context().run, act, *given)

        takers = [here, there, there_in_a_copy]
        open_ones: list[Any] = []
        for _ in range(80):
            if len(open_ones) < 5 and choice.random() < 0.3:
                open_ones.append(steps(2))
            elif open_ones:
                at = choice.randrange(len(open_ones))
                one = open_ones[at]
                if choice.random() < 0.1:
                    choice.choice(takers)(one.close)
                    del open_ones[at]
                elif choice.choice(takers)(next, one, "end") == "end":
                    del open_ones[at]
        for one in open_ones:
            choice.choice(takers)(one.close)
    assert current_handle() is None
    assert not module._open  # pyright: ignore[reportPrivateUsage]
