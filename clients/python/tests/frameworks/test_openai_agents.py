"""The OpenAI Agents SDK with its own scripted model: the laws of the contract for both ways to hand
work on, streamed and not.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.contract import (
    SERVED,
    AgentContract,
    Get,
    GetAll,
    Script,
    Stage,
    Staged,
    note_opened,
    scripts_below,
)

pytest.importorskip("agents")

from agents.sandbox import SandboxAgent
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from tests.frameworks import quiet  # noqa: F401
from tests.frameworks.example import run_example
from tests.frameworks.page import run_snippet
from tests.town import Town

from agents import (
    Agent,
    AgentHooks,
    MultiProvider,
    RunConfig,
    RunContextWrapper,
    Runner,
    RunState,
    Tool,
    ToolCallOutputItem,
    TracingProcessor,
    function_tool,
    handoff,
    set_trace_processors,
    set_tracing_disabled,
)
from l8nt.agents import AgentPolicies, SigilHandle, SigilName, current_handle
from l8nt.openai_agents import sigil_context, sigil_tools, with_sigil

Turn = Sequence[Any]


class _Traces(TracingProcessor):
    """Everything that the SDK would have exported, with inputs and outputs."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def on_trace_start(self, trace: Any) -> None:
        self.seen.append(trace.export())

    on_trace_end = on_span_start = on_span_end = on_trace_start

    def shutdown(self) -> None: ...
    def force_flush(self) -> None: ...


_traces = _Traces()
set_tracing_disabled(False)
set_trace_processors([_traces])


def call(name: str, **arguments: str) -> Any:
    return function_call(name, arguments, call_id=uuid.uuid4().hex)


def said(text: str = "done") -> Turn:
    return [assistant_message(text)]


def actor(name: str, turns: Sequence[Turn], tools: Sequence[Tool] = ()) -> Agent[Any]:
    """An agent whose model gives one of these answers each turn."""
    return Agent(name=name, model=ScriptedModel([list(one) for one in turns]), tools=[*tools])


def _turns(script: Script, handing: Callable[[Script], Any]) -> list[Turn]:
    turns: list[Turn] = []
    for act in script.acts:
        if isinstance(act, Get):
            turns.append([call("get", url=act.url)])
        elif isinstance(act, GetAll):
            turns.append([call("get", url=url) for url in act.urls])
        else:
            turns.append([handing(one) for one in scripts_below(Script("", (act,)))])
    return turns


def as_tools(script: Script, get: Tool) -> Agent[Any]:
    """The agent at the top of a script; those below it are its tools."""
    others = [
        with_sigil(as_tools(one, get)).as_tool(one.agent, "Does its acts.")
        for one in scripts_below(script)
    ]
    turns = _turns(script, lambda one: call(one.agent, input="go"))
    return actor(script.agent, [*turns, said()], [get, *others])


def transferring(script: Script, get: Tool, parent: Agent[Any] | None = None) -> Agent[Any]:
    """The same; the conversation is transferred to those below it, and back."""
    turns = _turns(script, lambda one: call(f"transfer_to_{one.agent}"))
    last = said() if parent is None else [call(f"transfer_to_{parent.name}")]
    agent = actor(script.agent, [*turns, last], [get])
    agent.handoffs = [transferring(one, get, agent) for one in scripts_below(script)]
    if parent is not None:
        agent.handoffs.append(parent)
    return agent


class _Contract(AgentContract):
    is_streamed = False
    crew: Callable[..., Agent[Any]]

    async def run(self, script: Script, stage: Stage) -> object:
        get = function_tool(stage.tool(is_async=self.is_async))
        boss = with_sigil(type(self).crew(script, get))
        options: Any = {"context": sigil_context(stage.handle), "max_turns": 30}
        options["run_config"] = RunConfig(trace_include_sensitive_data=True)
        events: list[object] = []
        if self.is_streamed:
            result = Runner.run_streamed(boss, "go", **options)
            events = [event async for event in result.stream_events()]
        else:
            result = await Runner.run(boss, "go", **options)
        assert _traces.seen
        state = result.to_state()
        return [
            events,
            result.new_items,
            result.raw_responses,
            state.to_string(),
            result.context_wrapper,
            _traces.seen,
        ]


class TestTransfers(_Contract):
    siblings = False
    crew = transferring


class TestAgentsAsTools(_Contract):
    crew = as_tools


class TestTransfersStreamed(TestTransfers):
    is_streamed = True


class TestAgentsAsToolsStreamed(TestAgentsAsTools):
    is_streamed = True


class TestSynchronousTools(TestAgentsAsTools):
    is_async = False


TABLE: AgentPolicies = {
    "scout": {"budget": "30 sat", "agents": {"runner": {"max_price": "5 sat"}}},
    # A runner below the top may spend more than a runner below the scout.
    "runner": {"budget": "500 sat"},
}


def _to(name: str) -> Turn:
    return [call(f"transfer_to_{name}")]


def _approved(state: RunState[Any]) -> RunState[Any]:
    for one in state.get_interruptions():
        state.approve(one)
    return state


def _seen(stage: Stage) -> list[tuple[str | None, str]]:
    return [(one.agent, "served" if one.is_served else one.got) for one in stage.seen]


class TestRuns(Staged):
    """One agent in many runs, stored runs, runs inside of tools."""

    def _get(self, stage: Stage, **options: Any) -> Tool:
        return function_tool(stage.tool(), **options)

    async def _interrupted(self, stage: Stage) -> tuple[Agent[Any], RunState[Any]]:
        """The boss transferred to the scout, and the scout to the runner, who needs approval."""
        shop = stage.open_shop()
        handle = stage.open(TABLE)
        get = self._get(stage, needs_approval=True)
        # Each agent is prepared by itself, too. Its place below the boss counts.
        runner = with_sigil(actor("runner", [[call("get", url=shop.url)], said()], [get]))
        scout = actor("scout", [_to("runner")])
        scout.handoffs = [runner]
        boss = actor("boss", [_to("scout")])
        boss.handoffs = [with_sigil(scout)]
        result = await Runner.run(with_sigil(boss), "go", context=sigil_context(handle))
        assert len(result.interruptions) == 1
        return boss, result.to_state()

    async def test_an_interrupted_run_goes_on_as_the_agent_that_it_had_come_to(
        self, stage: Stage
    ) -> None:
        boss, state = await self._interrupted(stage)
        await Runner.run(boss, _approved(state))
        assert _seen(stage) == [("runner", "ERR_PRICE")]

    async def test_a_stored_run_holds_no_credential_and_resumes_only_with_its_agent_s_handle(
        self, stage: Stage
    ) -> None:
        boss, state = await self._interrupted(stage)
        handle = stage.handle
        stored = state.to_string()
        scout = handle.hand_to("scout")
        for one in (handle, scout, scout.hand_to("runner")):
            assert one.credential.text.split(":")[0][-40:] not in stored
        for context in (None, {}, sigil_context(handle), sigil_context(scout)):
            restored = await RunState.from_string(boss, stored, context_override=context)
            with pytest.raises(Exception, match="the handle that runner is to have"):
                await Runner.run(boss, _approved(restored))
        assert stage.seen == []
        own = sigil_context(scout.hand_to("runner"))
        restored = await RunState.from_string(boss, stored, context_override=own)
        await Runner.run(boss, _approved(restored))
        assert _seen(stage) == [("runner", "ERR_PRICE")]
        assert stage.town.paid() == (0, 0)

    @pytest.mark.parametrize("is_transferred", [False, True])
    @pytest.mark.parametrize("is_stored", [False, True])
    async def test_an_agent_that_is_a_tool_resumes_as_itself_and_one_it_transferred_to_is_denied(
        self, stage: Stage, is_transferred: bool, is_stored: bool
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open(TABLE)
        get = self._get(stage, needs_approval=True)
        buying: list[Turn] = [[call("get", url=shop.url)], said()]
        scout = actor("scout", [_to("runner")] if is_transferred else buying, [get])
        scout.handoffs = [actor("runner", buying, [get])]
        tool = with_sigil(scout).as_tool("scout", "Scouts.")
        boss = with_sigil(actor("boss", [[call("scout", input="go")], said()], [tool]))
        result = await Runner.run(boss, "go", context=sigil_context(handle))
        state = result.to_state()
        if is_stored:
            state = await RunState.from_string(
                boss, state.to_string(), context_override=sigil_context(handle)
            )
        with contextlib.suppress(Exception):
            await Runner.run(boss, _approved(state))
        assert _seen(stage) == ([] if is_transferred else [("scout", "served")])

    async def test_two_runs_of_the_same_agents_at_the_same_time_are_kept_apart(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        stage.open({})
        inside = asyncio.Barrier(2)
        get = stage.tool()

        @function_tool
        async def get_together(url: str) -> str:
            await inside.wait()
            return await get(url)

        def answer(asked: Any) -> list[Any]:
            has_result = re.search("served|ERR_", str(asked.input[-1]))
            return [*said()] if has_result else [call("get_together", url=shop.url)]

        scout = Agent[Any](
            name="scout",
            model=ScriptedModel([ModelStep.respond(answer)] * 4),
            tools=[get_together],
        )
        boss = actor("boss", [_to("scout"), _to("scout")])
        boss.handoffs = [scout]
        with_sigil(boss)
        tables: list[AgentPolicies] = [
            {"scout": {"budget": "20 sat"}},
            {"scout": {"max_price": "5 sat"}},
        ]
        handles = [
            SigilHandle.open(credential=stage.root, agents=one, clock=stage.town.clock)
            for one in tables
        ]
        await asyncio.gather(
            *(Runner.run(boss, "go", context=sigil_context(one)) for one in handles)
        )
        for one in handles:
            await one.aclose()
        assert sorted(got for _, got in _seen(stage)) == ["ERR_PRICE", "served"]

    async def test_an_agent_that_is_a_tool_and_was_not_prepared_is_denied(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"budget": "30 sat"}})
        scout = actor("scout", [[call("get", url=shop.url)], said()], [self._get(stage)])
        boss = actor("boss", [[call("scout", input="go")], said()], [scout.as_tool("scout", "x")])
        await Runner.run(with_sigil(boss), "go", context=sigil_context(handle))
        assert _seen(stage) == [("(none)", "ERR_AGENT_UNKNOWN")]

    async def test_a_clone_of_a_prepared_agent_is_not_prepared(self, stage: Stage) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"budget": "30 sat"}})
        scout = actor("scout", [[call("get", url=shop.url)], said()], [self._get(stage)])
        boss = actor("boss", [_to("scout")])
        boss.handoffs = [scout]
        for copied in (with_sigil(boss).clone(), copy.copy(boss)):
            boss.model = copied.model = ScriptedModel([[*_to("scout")]])
            with contextlib.suppress(Exception):
                await Runner.run(copied, "go", context=sigil_context(handle))
        assert {got for _, got in _seen(stage)} <= {"ERR_AGENT_UNKNOWN"}
        assert stage.town.paid() == (0, 0)

    async def test_a_run_inside_of_a_tool_is_below_its_agent_whatever_context_is_passed_on(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"max_price": "5 sat"}, "rich": {"budget": "50 sat"}})

        def scout(name: str = "scout") -> Agent[Any]:
            turns = [[call("get", url=shop.url)], said()]
            return with_sigil(actor(name, turns, [self._get(stage)]))

        @function_tool
        async def ask(context: RunContextWrapper[Any]) -> str:
            for given in (context, context.context, None):
                await Runner.run(scout(), "go", context=given)
            own = current_handle()
            assert own is not None
            more = own.delegate("scout", budget="20 sat")
            await Runner.run(scout(), "go", context=sigil_context(more))
            await more.aclose()
            unrelated = sigil_context(SigilHandle.open(credential=stage.root))
            await Runner.run(scout(), "go", context=unrelated)
            return "asked"

        boss = actor("boss", [[call("ask")], said()], [ask])
        await Runner.run(with_sigil(boss), "go", context=sigil_context(handle))
        assert _seen(stage) == [
            *[("scout", "ERR_PRICE")] * 3,
            ("scout", "served"),
            ("scout", "ERR_AGENT_UNKNOWN"),
        ]

    async def test_the_agent_that_a_run_begins_with_has_the_run_s_handle_also_after_a_transfer_back(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open(
            {"crew": {"budget": "60 sat", "agents": {"scout": {"budget": "30 sat"}}}}
        )
        buys = [[call("get", url=shop.url)] for _ in range(2)]
        scout = actor("scout", [buys[0], _to("boss")], [self._get(stage)])
        boss = actor("boss", [_to("scout"), buys[1], said()], [self._get(stage)])
        boss.handoffs, scout.handoffs = [scout], [boss]
        context = sigil_context(handle.for_agent("crew"))
        await Runner.run(with_sigil(boss), "go", context=context)
        assert _seen(stage) == [("scout", "served"), ("crew", "served")]

    @pytest.mark.parametrize("inside", ["as a tool", "by a tool"])
    @pytest.mark.parametrize(
        ("other", "expected"),
        [
            ("boss", "ERR_AGENT_UNKNOWN"),
            ("scout", "ERR_AGENT_UNKNOWN"),
            ("helper", "served"),
        ],
    )
    async def test_a_run_inside_of_a_tool_reaches_no_agent_above_by_its_name(
        self, stage: Stage, other: str, expected: str, inside: str
    ) -> None:
        shop = stage.open_shop()
        scouts: AgentPolicies = {"scout": {"agents": {"helper": {}}}}
        handle = stage.open({"boss": {"agents": scouts}})
        get = self._get(stage)
        buys = [[call("get", url=shop.url)] for _ in range(3)]
        scout = actor("scout", [buys[0], _to(other), buys[2], said()], [get])
        second = actor(other, [buys[1], _to("scout")], [get])
        scout.handoffs, second.handoffs = [second], [scout]
        with_sigil(scout)

        @function_tool(name_override="scout")
        async def ask(input: str) -> str:  # noqa: A002
            await Runner.run(scout, input)
            return "asked"

        tool = scout.as_tool("scout", "Scouts.") if inside == "as a tool" else ask
        boss = with_sigil(actor("boss", [[call("scout", input="go")], said()], [tool]))
        await Runner.run(boss, "go", context=sigil_context(handle.for_agent("boss")))
        assert _seen(stage) == [("scout", "served"), (other, expected), ("scout", "served")]

    async def test_a_transfer_to_a_namesake_of_an_agent_above_is_no_transfer_back(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"boss": {"agents": {"scout": {}}}})
        namesake = actor("boss", [[call("get", url=shop.url)], said()], [self._get(stage)])
        scout, boss = actor("scout", [_to("boss")]), actor("boss", [_to("scout")])
        boss.handoffs, scout.handoffs = [scout], [namesake]
        context = sigil_context(handle.for_agent("boss"))
        await Runner.run(with_sigil(boss), "go", context=context)
        assert _seen(stage) == [("boss", "ERR_AGENT_UNKNOWN")]

    async def test_a_handoff_narrows_and_on_handoff_and_hooks_have_no_agent(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"budget": "30 sat"}})
        met: list[str] = []

        class Hooks(AgentHooks[Any]):
            async def on_handoff(self, context: Any, agent: Any, source: Any) -> None:
                met.append(f"{source.name} to {agent.name}")

            async def on_start(self, context: Any, agent: Any) -> None:
                met.append(f"{agent.name} starts")

        async def on_handoff(_: RunContextWrapper[Any]) -> None:
            await stage.tool()(shop.url)

        scout = actor("scout", [[call("get", url=shop.url)], said()], [self._get(stage)])
        boss = actor("boss", [_to("scout")])
        boss.hooks = Hooks()
        boss.handoffs = [handoff(scout, on_handoff=on_handoff)]
        await Runner.run(with_sigil(boss), "go", context=sigil_context(handle))
        assert _seen(stage) == [("(none)", "ERR_AGENT_UNKNOWN"), ("scout", "served")]
        assert met == ["boss starts", "boss to scout"]

    async def test_the_ready_tools_fetch_and_show_what_is_left_and_a_denial_is_a_text(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"budget": "15 sat"}})
        elsewhere = shop.url.replace("127.0.0.1", "localhost")
        turns: list[Turn] = [
            [call("fetch_url", url=shop.url)],
            [call("show_budget")],
            [call("fetch_url", url=elsewhere)],
            said(),
        ]
        boss = actor("boss", [_to("scout")])
        boss.handoffs = [actor("scout", turns, sigil_tools)]
        result = await Runner.run(with_sigil(boss), "go", context=sigil_context(handle))
        outputs = [one.output for one in result.new_items if isinstance(one, ToolCallOutputItem)]
        assert SERVED.match(outputs[0])
        assert re.search(r"^everybody here: .* left of 1,000 sat", outputs[1])
        assert "\nscout: 4.99 sat left of 15 sat" in outputs[1]
        assert outputs[2].startswith("ERR_ENDPOINT: ")

    async def test_needs_approval_gets_the_arguments_as_the_model_wrote_them(
        self, stage: Stage
    ) -> None:
        asked: list[object] = []

        async def needs_approval(_: Any, arguments: object, __: str) -> bool:
            asked.append(arguments)
            return False

        @function_tool(needs_approval=needs_approval)
        async def order(amount: int = 500) -> str:
            return f"{amount}"

        handle = stage.open({})
        boss = with_sigil(actor("boss", [[call("order")], said()], [order]))
        result = await Runner.run(boss, "go", context=sigil_context(handle))
        # With a default that the policy did not see, the SDK asks a person.
        assert len(result.interruptions) == 1
        assert asked == []

    async def test_an_agent_with_a_handle_of_its_own_needs_no_context(self, stage: Stage) -> None:
        shop = stage.open_shop()
        handle = stage.open(
            {"crew": {"budget": "60 sat", "agents": {"scout": {"budget": "30 sat"}}}}
        )
        buys = [[call("get", url=shop.url)] for _ in range(2)]
        boss = actor("boss", [buys[0], _to("scout")], [self._get(stage)])
        boss.handoffs = [actor("scout", [buys[1], said()], [self._get(stage)])]
        await Runner.run(with_sigil(boss, handle.for_agent("crew")), "go")
        assert _seen(stage) == [("crew", "served"), ("scout", "served")]

    async def test_a_whole_run_inside_of_another_agent_s_handle_has_at_most_what_that_agent_has(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"max_price": "5 sat"}, "rich": {"budget": "50 sat"}})

        def boss() -> Agent[Any]:
            return with_sigil(
                actor("boss", [[call("get", url=shop.url)], said()], [self._get(stage)])
            )

        for given in (handle, handle.for_agent("rich")):
            await handle.for_agent("scout").arun(
                Runner.run, boss(), "go", context=sigil_context(given)
            )
        assert [got for _, got in _seen(stage)] == ["ERR_PRICE", "ERR_AGENT_UNKNOWN"]

    @pytest.mark.parametrize("context", [None, {}, {"sigil": SigilName("x", "scout")}])
    async def test_a_run_without_a_handle_fails_at_the_first_call_and_says_what_to_do(
        self, stage: Stage, context: object
    ) -> None:
        shop = stage.open_shop()
        stage.open({})
        boss = with_sigil(actor("boss", [[call("get", url=shop.url)], said()], [self._get(stage)]))
        with pytest.raises(Exception, match=r"context=sigil_context\(handle\)"):
            await Runner.run(boss, "go", context=context)
        assert stage.seen == []

    def test_a_sandbox_agent_is_refused(self) -> None:
        sandbox = SandboxAgent[Any](name="box")
        with pytest.raises(TypeError, match="box is a sandbox agent"):
            with_sigil(sandbox)


async def test_the_page_s_snippet_runs_as_it_stands(
    open_town: Callable[..., Town],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage = Stage(open_town(now=None))
    shop = stage.open_shop()
    get = stage.tool()

    @function_tool
    async def report() -> str:
        return await get(shop.url)

    model = ScriptedModel([_to("scout"), [call("report")], said("sunny")])
    monkeypatch.setattr(MultiProvider, "get_model", lambda *_: model)
    monkeypatch.setenv("SIGIL_CREDENTIAL", stage.root)
    opened = note_opened(monkeypatch)
    await run_snippet("python-openai-agents", report=report, question="How is the weather?")
    await opened[0].aclose()
    assert capsys.readouterr().out == "sunny\n"
    assert _seen(stage) == [("scout", "served")]
    assert stage.town.spent(stage.root) == 10_010


def test_the_example_runs_and_its_own_assertions_hold() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("openai_agents")
