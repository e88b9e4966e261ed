"""Handles: which agent runs where, what each is given, and what a handle never shows."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import json
import pickle
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from l8nt import DeniedError
from l8nt.agents import SigilHandle, SigilName, current_handle, sigil_context, sigil_fetch
from l8nt.agents.context import handle_in
from l8nt.agents.running import acting
from l8nt.credential import Credential

from .credentials import mint, proven
from .family import START, caveats_of, code_of, open_family

TABLE: dict[str, Any] = {
    "scout": {"budget": "50 sat", "agents": {"runner": {"max_price": "5 sat"}}},
    "wide": {"budget": "5000 sat"},
    "Flight booker": {},
}


@pytest.fixture
def top() -> SigilHandle:
    return open_family(mint(), TABLE)


def _agent() -> str | None:
    handle = current_handle()
    return "(none)" if handle is None else handle.agent


class TestGiven:
    def test_an_agent_of_the_table_has_its_entry_below_its_parent(self, top: SigilHandle) -> None:
        scout = top.for_agent("scout")
        assert scout.parent is top
        assert scout.credential.chain.lineage == ("scout",)
        assert caveats_of(scout.credential)[-1] == "budget_msat=50000"
        assert scout.for_agent("runner").credential.chain.lineage == ("scout", "runner")

    def test_an_agent_is_one_handle_each_time_until_its_time_is_past(self) -> None:
        times = [float(START)]
        table: Any = {"scout": {"expires_in": "15m"}, "runner": {}}
        top = open_family(mint(), table, clock=lambda: times[0])
        scout, runner = top.for_agent("scout"), top.for_agent("runner")
        times[0] += 899
        assert top.for_agent("scout") is scout
        times[0] += 1
        again = top.for_agent("scout")
        assert again is not scout
        assert again.id == scout.id
        assert again.credential != scout.credential
        assert top.for_agent("runner") is runner

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("stranger", "ERR_AGENT_UNKNOWN"),
            ("wide", "ERR_SCOPE_WIDER"),
            ("Scout", "ERR_AGENT_UNKNOWN"),
        ],
    )
    def test_an_agent_that_may_not_be_handed_work_is_denied_everything(
        self, top: SigilHandle, name: str, code: str
    ) -> None:
        handle = top.for_agent(name)
        for act in (
            handle.assert_allowed,
            handle.standing,
            lambda: handle.credential,
            lambda: handle.client,
            lambda: handle.delegate("child"),
            handle.for_agent("scout").assert_allowed,
            lambda: handle.run(lambda: sigil_fetch("https://api.example/")),
        ):
            assert code_of(act) == code
        assert handle.for_agent("scout").agent == "scout"

    def test_the_error_says_which_agents_have_an_entry(self, top: SigilHandle) -> None:
        with pytest.raises(
            DeniedError,
            match="you have work for scout, wide, Flight booker; you need an entry for a-stranger",
        ):
            top.for_agent("a stranger").assert_allowed()
        with pytest.raises(DeniedError, match="you have no agent that may be handed work"):
            top.for_agent("Flight booker").for_agent("x").assert_allowed()

    def test_a_transfer_goes_back_to_the_agent_above_and_else_to_the_one_below(
        self, top: SigilHandle
    ) -> None:
        scout = top.for_agent("scout")
        runner = scout.hand_to("runner")
        assert runner.parent is scout
        assert runner.hand_to("scout") is scout
        assert runner.hand_to("runner") is runner
        assert runner.hand_to(None) is top
        assert code_of(runner.hand_to("wide").assert_allowed) == "ERR_AGENT_UNKNOWN"

    def test_a_delegation_is_one_agent_for_one_name_and_scope(self, top: SigilHandle) -> None:
        one, same = (top.delegate("x", budget="5 sat", expires_in="15m") for _ in range(2))
        later = top.delegate("x", budget="5 sat")
        other = top.delegate("x", budget="6 sat")
        assert one.id == same.id == later.id
        assert code_of(top.for_agent("x").assert_allowed) == "ERR_AGENT_UNKNOWN"
        assert other.id != one.id
        assert code_of(lambda: top.delegate("x", budget="5000 sat")) == "ERR_SCOPE_WIDER"

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ({"scout": {"budgte": "5 sat"}}, r"agents\.scout: .*budgte"),
            ({"scout": {"budget": "5"}}, r"agents\.scout: "),
            ({"scout": {"agent": "x"}}, r'agents\.scout has no "agent"'),
            ({"a": {"agents": {"b": {"maxPrice": "5 sat"}}}}, r"agents\.a\.agents\.b: .*max_price"),
            ({"scout": "50 sat"}, r"agents\.scout must be a mapping"),
            (["scout"], "agents must be a mapping"),
            # As files have them.
            (json.loads('{"scout": {"budget": null}}'), r"agents\.scout: budget is None"),
            (json.loads('{"scout": {"max_uses": null}}'), r"agents\.scout: max_uses is None"),
            (json.loads('{"scout": {"endpoints": null}}'), r"agents\.scout: endpoints is None"),
            (json.loads('{"scout": {"agents": null}}'), r"agents\.scout: agents is None"),
            ({"a": {"agents": {"b": {"budget": None}}}}, r"agents\.a\.agents\.b: budget is None"),
        ],
    )
    def test_a_table_that_cannot_be_read_names_its_entry(self, table: Any, says: str) -> None:
        with pytest.raises(TypeError, match=says):
            open_family(mint(), table)

    def test_none_as_a_keyword_argument_of_delegate_limits_nothing(self, top: SigilHandle) -> None:
        child = top.delegate("x", budget="5 sat", max_uses=None)
        assert child.id == top.delegate("x", budget="5 sat").id

    def test_a_client_is_that_of_the_agent_s_own_credential(self) -> None:
        asked: list[tuple[Credential, str]] = []
        scout = open_family(mint(), TABLE, asked=asked).for_agent("scout")
        scout.run(lambda: sigil_fetch("https://api.example/a"))
        assert asked == [(scout.credential, "GET https://api.example/a")]
        assert scout.client is scout.client

    def test_an_agent_is_revoked_by_the_one_above_whose_own_time_may_have_moved_its_end(
        self,
    ) -> None:
        top = mint()
        table: Any = {"boss": {"expires_in": "15m", "agents": {"scout": {"expires_in": "5m"}}}}
        asked: list[tuple[Credential, str]] = []
        first, later = (
            open_family(top, table, clock=clock, asked=asked).for_agent("boss")
            for clock in (lambda: START, lambda: START + 60)
        )
        first.for_agent("scout").revoke()
        [(by, what)] = asked
        assert by.chain.lineage == ("boss",)
        below = what.removeprefix("revoke ").split(";")
        assert proven(later.credential).node_ids[:2] == proven(by).node_ids
        revoked = proven(by).revoke_below(below)
        assert revoked.node_id == proven(later.for_agent("scout").credential).node.id

    def test_the_handle_at_the_top_cannot_revoke_itself(self, top: SigilHandle) -> None:
        with pytest.raises(TypeError, match="sigil revoke NODE-ID"):
            top.revoke()


class TestRunning:
    def test_a_block_runs_as_its_handle_and_restores_the_one_around(self, top: SigilHandle) -> None:
        scout = top.for_agent("scout")
        seen = [_agent()]
        with top:
            seen.append(_agent())
            with scout as entered:
                assert entered is scout
                seen.append(_agent())
                with acting(None):
                    seen.append(_agent())
                with contextlib.suppress(ZeroDivisionError), scout.for_agent("runner"):
                    seen.append(_agent())
                    raise ZeroDivisionError
                seen.append(_agent())
            seen.append(_agent())
        assert seen == ["(none)", None, "scout", "(none)", "runner", "scout", None]
        assert current_handle() is None

    def test_run_calls_with_arguments_and_gives_the_result(self, top: SigilHandle) -> None:
        def act(a: int, *, b: int) -> tuple[str | None, int]:
            return _agent(), a + b

        assert top.for_agent("scout").run(act, 1, b=2) == ("scout", 3)

    async def test_run_and_arun_hold_across_every_await(self, top: SigilHandle) -> None:
        async def read() -> list[str | None]:
            seen = [_agent()]
            await asyncio.sleep(0)
            return [*seen, _agent()]

        scout, booker = top.for_agent("scout"), top.for_agent("Flight booker")
        waiting = scout.run(read)
        assert _agent() == "(none)"
        got = await asyncio.gather(waiting, booker.arun(read), top.arun(_agent), read())
        assert got == [["scout"] * 2, ["Flight booker"] * 2, None, ["(none)"] * 2]

    async def test_a_task_goes_on_as_the_agent_that_started_it(self, top: SigilHandle) -> None:
        go_on = asyncio.Event()

        async def read() -> str | None:
            await go_on.wait()
            return _agent()

        with top.for_agent("scout"):
            task = asyncio.create_task(read())
        go_on.set()
        assert await task == "scout"
        assert _agent() == "(none)"

    def test_a_generator_runs_as_its_agent_at_each_step_whoever_takes_it(
        self, top: SigilHandle
    ) -> None:
        closed: list[str | None] = []

        def steps() -> Generator[str | None, str, None]:
            try:
                sent = yield _agent()
                yield f"{sent} {_agent()}"
                yield _agent()
            finally:
                closed.append(_agent())

        scout = top.for_agent("scout")
        with top.for_agent("Flight booker"):
            generator: Any = scout.run(steps)
            assert next(generator) == "scout"
            assert _agent() == "Flight booker"
            assert generator.send("sent") == "sent scout"
            generator.close()
            assert _agent() == "Flight booker"
        assert closed == ["scout"]

    def test_a_generator_gets_what_is_thrown_and_gives_its_return_value(
        self, top: SigilHandle
    ) -> None:
        def steps() -> Iterator[str | None]:
            try:
                yield "first"
            except KeyError:
                yield _agent()
            return "end"

        generator: Any = top.for_agent("scout").run(steps)
        next(generator)
        assert generator.throw(KeyError("x")) == "scout"
        with pytest.raises(StopIteration) as end:
            next(generator)
        assert end.value.value == "end"

    async def test_an_asynchronous_generator_runs_as_its_agent_at_each_step(
        self, top: SigilHandle
    ) -> None:
        closed: list[str | None] = []

        async def steps() -> AsyncIterator[str | None]:
            try:
                yield _agent()
                await asyncio.sleep(0)
                try:
                    yield _agent()
                except KeyError:
                    yield f"thrown {_agent()}"
            finally:
                closed.append(_agent())

        scout = top.for_agent("scout")
        generator: Any = scout.run(steps)
        assert await anext(generator) == "scout"
        assert _agent() == "(none)"
        assert await asyncio.create_task(_next(generator)) == "scout"
        assert await generator.athrow(KeyError("x")) == "thrown scout"
        await generator.aclose()
        assert closed == ["scout"]
        assert [one async for one in await scout.arun(steps)] == ["scout", "scout"]


class TestThreads:
    async def test_to_thread_has_the_agent_of_its_caller(self, top: SigilHandle) -> None:
        with top.for_agent("scout"):
            assert await asyncio.to_thread(_agent) == "scout"

    def test_a_thread_without_the_context_has_no_agent_and_is_denied(
        self, top: SigilHandle
    ) -> None:
        def act() -> str | None:
            return code_of(lambda: sigil_fetch("https://api.example/"))

        got: list[object] = []
        with top.for_agent("scout"), ThreadPoolExecutor(1) as pool:
            assert pool.submit(act).result() == "ERR_AGENT_UNKNOWN"
            thread = threading.Thread(target=lambda: got.append(act()))
            thread.start()
            thread.join()
        assert got == ["ERR_AGENT_UNKNOWN"]

    def test_a_thread_of_a_pool_never_has_the_agent_of_its_last_task(
        self, top: SigilHandle
    ) -> None:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(top.for_agent("scout").run, _agent).result() == "scout"
            assert pool.submit(_agent).result() == "(none)"
            with top.for_agent("scout"):
                context = contextvars.copy_context()
            assert pool.submit(context.run, _agent).result() == "scout"
            assert pool.submit(_agent).result() == "(none)"

    def test_threads_that_ask_for_an_agent_at_the_same_time_get_one_agent(
        self, top: SigilHandle
    ) -> None:
        barrier = threading.Barrier(4)

        def ask(name: str) -> SigilHandle:
            barrier.wait()
            return top.for_agent(name)

        with ThreadPoolExecutor(4) as pool:
            for at in range(100):
                waiting = [pool.submit(ask, f"agent {at}") for _ in range(4)]
                assert len({id(one.result()) for one in waiting}) == 1


class TestShown:
    def test_a_handle_shows_a_name(self, top: SigilHandle) -> None:
        for handle in (top, top.for_agent("scout"), top.for_agent("stranger")):
            for shown in (repr(handle), str(handle), f"{handle}", json.dumps(handle.to_dict())):
                assert handle.id in shown
                assert len(shown) < 80

    def test_a_pickle_is_the_name_which_grants_nothing(self, top: SigilHandle) -> None:
        scout = top.for_agent("scout")
        stored = pickle.dumps({"context": sigil_context(scout)})
        assert scout.credential.text[-40:].encode() not in stored
        restored = pickle.loads(stored)["context"]
        assert restored == {"sigil": SigilName(scout.id, "scout")}
        assert handle_in(restored) is None
        assert top.for_agent(restored["sigil"].agent) is scout

    def test_a_copy_is_the_handle_itself(self, top: SigilHandle) -> None:
        context = sigil_context(top)
        assert copy.copy(top) is top
        assert handle_in(copy.deepcopy(context)) is top

    def test_a_handle_has_no_attributes_that_a_dump_would_walk(self, top: SigilHandle) -> None:
        assert not hasattr(top, "__dict__")
        with pytest.raises(TypeError):
            json.dumps(top)

    def test_a_context_is_a_mapping_an_object_or_the_handle(self, top: SigilHandle) -> None:
        class Deps:
            sigil = top

        assert handle_in({"mine": 1, **sigil_context(top)}) is top
        assert handle_in(Deps()) is top
        assert handle_in(top) is top
        for nothing in (None, {}, {"sigil": "x"}, "sigil", 5):
            assert handle_in(nothing) is None


async def _next(generator: AsyncIterator[str | None]) -> str | None:
    return await anext(generator)


def test_an_entry_is_what_was_checked_whatever_happens_to_its_lists() -> None:
    def table() -> dict[str, Any]:
        runner = {"endpoints": ["GET https://api.example/x"], "budget": ["1 sat"]}
        return {
            "scout": {
                "endpoints": ["GET https://api.example/x"],
                "budget": ["10 sat"],
                "capabilities": {"weather": ["read"]},
                "agents": {"runner": runner},
            }
        }

    given, credential = table(), mint()
    changed = open_family(credential, given)
    scout = given["scout"]
    scout["endpoints"][0] = "* https://api.example/**"
    scout["budget"][0] = "90 sat"
    scout["capabilities"]["weather"].append("admin")
    scout["capabilities"]["other"] = ["read"]
    scout["agents"]["runner"]["budget"][0] = "9 sat"
    scout["agents"]["other"] = {}
    scout["max_uses"] = 1
    kept = open_family(credential, table())
    for path in (["scout"], ["scout", "runner"]):
        one, other = changed, kept
        for name in path:
            one, other = one.for_agent(name), other.for_agent(name)
        assert one.credential.text == other.credential.text
    assert (
        code_of(changed.for_agent("scout").for_agent("other").assert_allowed) == "ERR_AGENT_UNKNOWN"
    )
