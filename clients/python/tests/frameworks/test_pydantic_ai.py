"""Pydantic AI with its own function model: the laws of the contract for each way to run agents."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.contract import (
    AgentContract,
    Get,
    GetAll,
    Script,
    Stage,
    Staged,
    note_opened,
    scripts_below,
)

pytest.importorskip("pydantic_ai")

from pydantic_ai import Agent, RunContext, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
from tests.frameworks import quiet  # noqa: F401
from tests.frameworks.example import run_example
from tests.frameworks.page import run_snippet
from tests.town import Town

from l8nt.agents import SigilHandle, asigil_fetch, current_handle
from l8nt.pydantic_ai import sigil_context, sigil_tools, with_sigil

Turn = list[tuple[str, dict[str, Any]]]


def model_of(*turns: Turn) -> FunctionModel:
    """A model that makes these calls, one message after another, and then is done."""
    waiting = iter(turns)

    def answer(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        calls = next(waiting, None)
        if calls is None:
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(
            parts=[ToolCallPart(name, arguments, uuid.uuid4().hex) for name, arguments in calls]
        )

    async def stream(
        messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | dict[int, DeltaToolCall]]:
        for at, part in enumerate(answer(messages, info).parts):
            if isinstance(part, ToolCallPart):
                yield {
                    at: DeltaToolCall(
                        name=part.tool_name,
                        json_args=part.args_as_json_str(),
                        tool_call_id=part.tool_call_id,
                    )
                }
            elif isinstance(part, TextPart):
                yield part.content

    return FunctionModel(answer, stream_function=stream)


def _turns(script: Script) -> list[Turn]:
    turns: list[Turn] = []
    for act in script.acts:
        if isinstance(act, Get):
            turns.append([("get", {"url": act.url})])
        elif isinstance(act, GetAll):
            turns.append([("get", {"url": url}) for url in act.urls])
        else:
            turns.append([(f"ask_{id(one)}", {}) for one in scripts_below(Script("", (act,)))])
    return turns


class _Contract(AgentContract):
    passes_deps_on = True

    async def once(self, agent: Agent[Any, str], deps: Any) -> object:
        result = await agent.run("go", deps=deps)
        return [result.all_messages(), result.all_messages_json(), repr(result)]

    async def run(self, script: Script, stage: Stage) -> object:
        return await self.once(self._agent(script, stage), sigil_context(stage.handle))

    def _agent(self, script: Script, stage: Stage) -> Agent[Any, str]:
        get = Tool(stage.tool(is_async=self.is_async), name="get")
        asking = [self._asking(one, stage) for one in scripts_below(script)]
        return Agent(
            model_of(*_turns(script)),
            name=script.agent,
            tools=[get, *asking],
            capabilities=[with_sigil()],
        )

    def _asking(self, script: Script, stage: Stage) -> Tool[Any]:
        async def ask(ctx: RunContext[Any]) -> str:
            child = self._agent(script, stage)
            return repr(await self.once(child, ctx.deps if self.passes_deps_on else None))

        return Tool(ask, name=f"ask_{id(script)}")


class TestRun(_Contract):
    pass


class TestNothingPassedOn(_Contract):
    passes_deps_on = False


class TestSynchronousTools(_Contract):
    is_async = False


class TestStreamed(_Contract):
    async def once(self, agent: Agent[Any, str], deps: Any) -> object:
        async with agent.run_stream("go", deps=deps) as result:
            parts = [part async for part in result.stream_text()]
            return [parts, result.all_messages()]


class TestEvents(_Contract):
    async def once(self, agent: Agent[Any, str], deps: Any) -> object:
        async with agent.run_stream_events("go", deps=deps) as events:
            return [event async for event in events]


class TestSteps(_Contract):
    async def once(self, agent: Agent[Any, str], deps: Any) -> object:
        async with agent.iter("go", deps=deps) as run:
            nodes = [node async for node in run]
            return [nodes, run.result]


class TestThreads(_Contract):
    """``run_sync`` in a thread, which has an event loop of its own."""

    is_async = False
    is_cancellable = False

    async def once(self, agent: Agent[Any, str], deps: Any) -> object:
        def work() -> object:
            try:
                return agent.run_sync("go", deps=deps).all_messages()
            finally:
                asyncio.get_event_loop().close()

        return await asyncio.to_thread(work)


def _seen(stage: Stage) -> list[tuple[str | None, str]]:
    return [(one.agent, "served" if one.is_served else one.got) for one in stage.seen]


def _returns(result: Any) -> list[str]:
    return [
        str(part.content)
        for message in result.all_messages()
        for part in message.parts
        if part.part_kind == "tool-return"
    ]


class TestRuns(Staged):
    def _buyer(self, stage: Stage, url: str, name: str | None, **more: Any) -> Agent[Any, str]:
        get = Tool(stage.tool(), name="get")
        options = {"capabilities": [with_sigil()], **more}
        return Agent(model_of([("get", {"url": url})]), name=name, tools=[get], **options)

    async def test_the_model_reads_a_denial_and_the_ready_tools_work(self, stage: Stage) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"budget": "15 sat"}}).for_agent("scout")

        async def buy() -> str:
            return (await asigil_fetch(shop.url.replace("127.0.0.1", "localhost"))).text

        model = model_of([("fetch_url", {"url": shop.url})], [("show_budget", {})], [("buy", {})])
        tools = [*sigil_tools, Tool(buy)]
        agent = Agent(model, name="any", tools=tools, capabilities=[with_sigil(handle)])
        fetched, budget, denied = _returns(await agent.run("go"))
        assert fetched == '{"served":1}'
        assert "scout: 4.99 sat left of 15 sat" in budget
        assert denied.startswith("ERR_ENDPOINT: ")

    async def test_an_agent_that_a_tool_runs_is_below_its_agent_whatever_deps_it_gets(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"max_price": "5 sat"}, "rich": {"budget": "50 sat"}})

        async def ask(ctx: RunContext[Any]) -> str:
            own = current_handle()
            assert own is handle
            for deps in (ctx.deps, None, sigil_context(handle)):
                await self._buyer(stage, shop.url, "scout").run("go", deps=deps)
            unrelated = SigilHandle.open(credential=stage.root)
            more = own.delegate("scout", budget="20 sat")
            for one in (unrelated, more):
                await self._buyer(stage, shop.url, "scout").run("go", deps=sigil_context(one))
            await more.aclose()
            await self._buyer(stage, shop.url, "boss").run("go", deps=ctx.deps)
            return "asked"

        boss = Agent(
            model_of([("ask", {})]), name="boss", tools=[Tool(ask)], capabilities=[with_sigil()]
        )
        await boss.run("go", deps=sigil_context(handle))
        assert _seen(stage) == [
            *[("scout", "ERR_PRICE")] * 3,
            ("scout", "ERR_AGENT_UNKNOWN"),
            ("scout", "served"),
            ("boss", "ERR_AGENT_UNKNOWN"),
        ]

    async def test_a_whole_run_inside_of_a_sibling_s_handle_is_denied(self, stage: Stage) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {}, "rich": {}})
        rich = self._buyer(stage, shop.url, "rich")
        await handle.for_agent("scout").arun(
            rich.run, "go", deps=sigil_context(handle.for_agent("rich"))
        )
        assert _seen(stage) == [("rich", "ERR_AGENT_UNKNOWN")]

    async def test_without_a_handle_a_tool_is_denied(self, stage: Stage) -> None:
        stage.open({})
        agent = self._buyer(stage, "http://127.0.0.1:9/", "scout")
        for deps in (None, {}, {"sigil": "a name"}):
            with agent.override(model=model_of([("get", {"url": "http://127.0.0.1:9/"})])):
                await agent.run("go", deps=deps)
        assert _seen(stage) == [("(none)", "ERR_AGENT_UNKNOWN")] * 3

    async def test_an_output_function_and_a_validator_run_as_the_agent(self, stage: Stage) -> None:
        handle = stage.open({"scout": {}})
        met: list[str | None] = []

        def note() -> None:
            own = current_handle()
            met.append("(none)" if own is None else own.agent)

        async def finish(text: str) -> str:
            note()
            return text

        async def ask() -> str:
            scout = Agent(
                model_of([("final_result", {"text": "x"})]),
                name="scout",
                output_type=finish,
                capabilities=[with_sigil()],
            )
            scout.output_validator(lambda text: note() or text)
            return (await scout.run("go")).output

        boss = Agent(
            model_of([("ask", {})]), name="boss", tools=[Tool(ask)], capabilities=[with_sigil()]
        )
        await boss.run("go", deps=sigil_context(handle))
        assert met == ["scout", "scout"]

    async def test_a_model_that_is_paid_for_is_paid_for_by_the_agent_that_asks_it(
        self, stage: Stage
    ) -> None:
        handle = stage.open({"scout": {}})
        asked: list[str | None] = []

        def answer(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
            own = current_handle()
            asked.append("(none)" if own is None else own.agent)
            return ModelResponse(parts=[TextPart("done")])

        async def ask() -> str:
            model = FunctionModel(answer)
            scout = Agent(model, name="scout", capabilities=[with_sigil()])
            return (await scout.run("go")).output

        boss = Agent(
            model_of([("ask", {})]), name="boss", tools=[Tool(ask)], capabilities=[with_sigil()]
        )
        await boss.run("go", deps=sigil_context(handle))
        assert asked == ["scout"]


async def test_the_page_s_snippet_runs_as_it_stands(
    open_town: Callable[..., Town],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage = Stage(open_town(now=None))
    shop = stage.open_shop()
    get = stage.tool()

    async def look_up() -> str:
        return await get(shop.url)

    monkeypatch.setenv("SIGIL_CREDENTIAL", stage.root)
    opened = note_opened(monkeypatch)
    model = model_of([("ask_scout", {"task": "Look it up."})], [("look_up", {})])
    names = {"look_up": look_up, "question": "How is the weather?"}
    await run_snippet("python-pydantic-ai", model=model, **names)
    await opened[0].aclose()
    assert capsys.readouterr().out == "done\n"
    assert _seen(stage) == [("scout", "served")]


def test_the_example_runs_and_its_own_assertions_hold() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("pydantic_ai_agents")
