"""Where a block of an agent may begin and end: no code runs as an agent that is not its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from l8nt.agents import SigilHandle, current_handle, sigil_fetch
from l8nt.agents.running import acting

from .credentials import mint
from .family import Asked, code_of, open_family

TABLE: dict[str, Any] = {"scout": {"agents": {"runner": {}}}, "rich": {}}
DENIED = "ERR_AGENT_UNKNOWN"


@pytest.fixture
def top() -> SigilHandle:
    return open_family(mint(), TABLE)


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    yield
    assert current_handle() is None, "a block is still open"


def _agent() -> str:
    """The name of the agent that runs; its code if it is denied everything."""
    handle = current_handle()
    if handle is None:
        return "(none)"
    return code_of(handle.assert_allowed) or handle.agent or "top"


async def _later() -> str:
    await asyncio.sleep(0)
    return _agent()


@contextlib.contextmanager
def _as(handle: SigilHandle) -> Generator[None]:
    with handle:
        yield
        assert current_handle() is handle


@contextlib.contextmanager
def _through(handle: SigilHandle) -> Generator[None]:
    with _as(handle):
        yield


@contextlib.asynccontextmanager
async def _as_later(handle: SigilHandle) -> AsyncGenerator[None]:
    await asyncio.sleep(0)
    with handle:
        yield
        await asyncio.sleep(0)
        assert current_handle() is handle


class _Own:
    """A class of a user's own that enters a block."""

    def __init__(self, handle: SigilHandle) -> None:
        self._handle = handle

    def __enter__(self) -> None:
        self._handle.__enter__()

    def __exit__(self, *of: object) -> None:
        self._handle.__exit__(*of)

    async def __aenter__(self) -> None:
        self._handle.__enter__()

    async def __aexit__(self, *of: object) -> None:
        self._handle.__exit__(*of)


@contextlib.contextmanager
def _stacked(handle: SigilHandle) -> Generator[None]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(handle)
        yield


def _itself(handle: SigilHandle) -> SigilHandle:
    return handle


WAYS: list[Callable[[SigilHandle], Any]] = [_itself, acting, _as, _through, _Own, _stacked]
LATER_WAYS: list[Callable[[SigilHandle], Any]] = [_as_later, _Own]


class TestPermitted:
    @pytest.mark.parametrize("way", WAYS)
    async def test_a_block_and_what_it_starts_is_its_agent(
        self, top: SigilHandle, way: Callable[[SigilHandle], Any]
    ) -> None:
        with way(top.for_agent("rich")), way(top.for_agent("scout")):
            with way(top):
                assert _agent() == "top"
            assert await _later() == "scout"
            assert await asyncio.gather(_later(), _later()) == ["scout"] * 2
            assert await asyncio.to_thread(_agent) == "scout"
            task, context = asyncio.create_task(_later()), contextvars.copy_context()
        assert _agent() == "(none)"
        assert await task == "scout"
        assert context.run(_agent) == "scout"

    @pytest.mark.parametrize("way", LATER_WAYS)
    async def test_an_asynchronous_block(
        self, top: SigilHandle, way: Callable[[SigilHandle], Any]
    ) -> None:
        async with way(top.for_agent("rich")), way(top.for_agent("scout")):
            async with way(top):
                assert await _later() == "top"
            assert await asyncio.wait_for(_later(), 1) == "scout"
        assert _agent() == "(none)"

    async def test_tasks_that_overlap(self, top: SigilHandle) -> None:
        async def work(name: str, turns: int) -> set[str]:
            with top.for_agent(name):
                return {await _later() for _ in range(turns)}

        with top:
            got = await asyncio.gather(work("scout", 1), work("rich", 3), work("scout", 5))
            assert _agent() == "top"
        assert got == [{"scout"}, {"rich"}, {"scout"}]

    def test_a_stack_that_one_function_fills_and_another_one_closes(self, top: SigilHandle) -> None:
        stack = contextlib.ExitStack()

        def start() -> None:
            stack.enter_context(top)
            stack.enter_context(_as(top.for_agent("scout")))

        start()
        assert _agent() == "scout"
        stack.close()
        assert _agent() == "(none)"

    def test_a_bound_generator_inside_of_another_agent(self, top: SigilHandle) -> None:
        def steps() -> Iterator[str]:
            yield _agent()
            yield contextvars.copy_context().run(_agent)

        with top.for_agent("rich"):
            pair = [top.for_agent("scout").run(steps), top.run(steps)]
            for _ in range(2):
                assert [next(one) for one in pair] == ["scout", "top"]
                assert _agent() == "rich"

    async def test_what_a_bound_asynchronous_generator_starts(self, top: SigilHandle) -> None:
        async def steps() -> AsyncIterator[Any]:
            yield await asyncio.gather(_later(), asyncio.to_thread(_agent))
            yield asyncio.create_task(_later())

        with top:
            got = [one async for one in top.for_agent("scout").run(steps)]
            assert _agent() == "top"
        assert got[0] == ["scout"] * 2
        assert await got[1] == "scout"

    def test_a_function_that_a_step_of_a_generator_calls(self, top: SigilHandle) -> None:
        @_as(top.for_agent("scout"))
        def decorated() -> str:
            return _agent()

        def work() -> str:
            with top.for_agent("scout"):
                return _agent()

        def steps() -> Iterator[str]:
            yield work()
            yield decorated()

        with top:
            for one in steps():
                assert (one, _agent()) == ("scout", "top")


class TestRefused:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("around", ["scout", "rich"])
    async def test_a_block_in_a_generator(
        self, top: SigilHandle, way: Callable[[SigilHandle], Any], around: str
    ) -> None:
        def steps() -> Iterator[str]:
            with way(top):
                yield _agent()

        async def later() -> AsyncIterator[str]:
            with way(top):
                yield _agent()

        with top.for_agent(around):
            with pytest.raises(TypeError, match=r"top\. Python runs .* handle\.run\(steps\)"):
                next(steps())
            with pytest.raises(TypeError, match=r"handle\.run\(later\)"):
                await anext(later())
            assert _agent() == around

    @pytest.mark.parametrize("way", LATER_WAYS)
    async def test_an_asynchronous_block_in_a_generator(
        self, top: SigilHandle, way: Callable[[SigilHandle], Any]
    ) -> None:
        async def later() -> AsyncIterator[str]:
            async with way(top.for_agent("rich")):
                yield _agent()

        with top.for_agent("scout"):
            with pytest.raises(TypeError, match=r'agent "rich"\. Python .* handle\.run\(later\)'):
                await anext(later())
            assert _agent() == "scout"

    @pytest.mark.parametrize("enter", [_itself, acting, _Own])
    def test_an_end_before_that_of_a_block_inside(
        self, enter: Callable[[SigilHandle], Any]
    ) -> None:
        asked: Asked = []
        top = open_family(mint(), TABLE, asked=asked)
        scout = top.for_agent("scout")
        with top.for_agent("rich"):
            outer, inner = enter(scout), enter(scout.for_agent("runner"))
            outer.__enter__()
            inner.__enter__()
            with pytest.raises(RuntimeError, match='the agent "scout" ended out of order') as error:
                outer.__exit__(None, None, None)
            assert scout.credential.text not in str(error.value)
            # The code around may believe to be out of it, and is no scout.
            assert _agent() == DENIED
            inner.__exit__(None, None, None)
            assert code_of(lambda: sigil_fetch("https://api.example/a")) == DENIED
            assert asked == []
            outer.__exit__(None, None, None)
            assert _agent() == "rich"
        assert _agent() == "(none)"

    def test_an_end_around_a_block_that_was_never_ended(self, top: SigilHandle) -> None:
        rich = top.for_agent("rich")
        with top.for_agent("scout"):
            with pytest.raises(RuntimeError, match='the agent "rich"'), rich:
                top.__enter__()
            assert _agent() == DENIED
            top.__exit__(None, None, None)
            assert _agent() == DENIED
            rich.__exit__(None, None, None)
            assert _agent() == "scout"

    async def test_an_end_in_another_task(self, top: SigilHandle) -> None:
        async def end() -> str:
            with pytest.raises(RuntimeError, match="the agent at the top ended out of order"):
                top.__exit__(None, None, None)
            return _agent()

        with top.for_agent("scout"):
            top.__enter__()
            assert await asyncio.create_task(end()) == DENIED
            assert _agent() == DENIED
            top.__exit__(None, None, None)
            assert _agent() == "scout"

    async def test_an_end_outside_of_the_task_that_it_began_in(self, top: SigilHandle) -> None:
        async def begin() -> None:
            top.__enter__()

        with top.for_agent("scout"):
            await asyncio.create_task(begin())
            with pytest.raises(RuntimeError, match="the agent at the top"):
                top.__exit__(None, None, None)
            assert _agent() == "scout"

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_context_manager_that_is_dropped_ends_no_block_of_other_code(
        self, top: SigilHandle
    ) -> None:
        scout = top.for_agent("scout")
        dropped = [_as(scout)]
        contextvars.copy_context().run(dropped[0].__enter__)
        with top, scout:
            dropped.clear()
            gc.collect()
            assert _agent() == "scout"
