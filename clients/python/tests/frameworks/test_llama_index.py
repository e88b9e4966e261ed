"""LlamaIndex with its ``MockFunctionCallingLLM``: hand-offs, agents that tools run."""

# ruff: noqa: E402
from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.frameworks import quiet

pytest.importorskip("llama_index.core")
pytestmark = pytest.mark.filterwarnings("ignore")

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context
from tests.contract import AgentContract, Get, GetAll, Hand, Script, Stage
from tests.frameworks.example import run_example
from tests.frameworks.lineages import Lineages
from tests.frameworks.page import run_snippet

from l8nt.agents import SigilHandle
from l8nt.llama_index import sigil_tools, with_sigil

Calls = list[tuple[str, dict[str, Any]]]
ids = itertools.count()


def scripted(messages: list[Calls], asked: list[Any] | None = None) -> MockFunctionCallingLLM:
    """A model that makes these calls, one message after another, and then is done."""

    def respond(shown: Sequence[ChatMessage], **_: Any) -> ChatMessage:
        if asked is not None:
            asked.append([message.model_dump(mode="json") for message in shown])
        calls = messages.pop(0) if messages else []
        blocks = [
            ToolCallBlock(tool_call_id=f"call{next(ids)}", tool_name=name, tool_kwargs=arguments)
            for name, arguments in calls
        ] or [TextBlock(text="done")]
        return ChatMessage(role="assistant", blocks=blocks)

    return MockFunctionCallingLLM(response_generator=respond)


def get(*urls: str) -> Calls:
    return [("get", {"url": url}) for url in urls]


def ask(*names: str) -> Calls:
    return [(f"ask_{name}", {"task": "work"}) for name in names]


def hand(name: str) -> Calls:
    return [("handoff", {"to_agent": name, "reason": "work"})]


def actor(
    function: Any, name: str, *messages: Calls, tools: Sequence[Any] = (), **more: Any
) -> FunctionAgent:
    llm = scripted(list(messages), more.pop("asked", None))
    own = [function, *tools]
    return FunctionAgent(name=name, description=name, llm=llm, tools=own, **more)


def asks(agent: FunctionAgent) -> FunctionTool:
    """A tool that runs an agent."""

    async def act(task: str) -> str:
        return str(await agent.run(task))

    return FunctionTool.from_defaults(async_fn=act, name=f"ask_{agent.name}", description="Asks.")


async def ended(runs: Any, **more: Any) -> Any:
    handler = runs.run("work", **more)
    try:
        events = [event async for event in handler.stream_events()]
        return [events, await handler]
    except asyncio.CancelledError:
        await handler.cancel_run()
        raise


class TestAgentsThatToolsRun(AgentContract):
    streaming = True

    def agent(self, script: Script, function: Any, asked: list[Any]) -> FunctionAgent:
        messages: list[Calls] = []
        below: list[Any] = []
        for act in script.acts:
            if isinstance(act, Get):
                messages.append(get(act.url))
            elif isinstance(act, GetAll):
                messages.append(get(*act.urls))
            else:
                scripts = (act.script,) if isinstance(act, Hand) else act.scripts
                below += [asks(self.agent(one, function, asked)) for one in scripts]
                messages.append(ask(*(one.agent for one in scripts)))
        return actor(
            function,
            script.agent,
            *messages,
            tools=below,
            asked=asked,
            streaming=self.streaming,
        )

    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        boss = self.agent(script, stage.tool(is_async=self.is_async), asked)
        context = Context(with_sigil(boss, stage.handle))
        return [asked, await ended(boss, ctx=context), json.dumps(context.to_dict())]


class TestAgentsThatDoNotStream(TestAgentsThatToolsRun):
    streaming = False


class TestSynchronousTools(TestAgentsThatToolsRun):
    is_async = False


class TestHandOffs(AgentContract):
    """A workflow of agents, there and back."""

    siblings = False
    streaming = True

    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        agents: list[FunctionAgent] = []

        def add(one: Script, above: str | None) -> None:
            messages: list[Calls] = []
            place = len(agents)
            for act in one.acts:
                if isinstance(act, Get):
                    messages.append(get(act.url))
                elif isinstance(act, GetAll):
                    messages.append(get(*act.urls))
                elif isinstance(act, Hand):
                    messages.append(hand(act.script.agent))
                    add(act.script, one.agent)
            if above is not None:
                messages.append(hand(above))
            agents.insert(
                place,
                actor(stage.tool(), one.agent, *messages, asked=asked, streaming=self.streaming),
            )

        add(script, None)
        flow = AgentWorkflow(agents=list(agents), root_agent=script.agent)
        context = Context(with_sigil(flow, stage.handle))
        return [asked, await ended(flow, ctx=context), json.dumps(context.to_dict())]


class TestHandOffsOfAgentsThatDoNotStream(TestHandOffs):
    streaming = False


async def test_an_agent_is_handed_what_the_agent_before_has_for_it() -> None:
    for table, expected in (
        ({"left": {}, "right": {}}, "a ERR_AGENT_UNKNOWN"),
        ({"left": {"agents": {"right": {}}}, "right": {}}, "a /left/right"),
    ):
        seen = Lineages(table)
        right = actor(seen.tool(), "right", get("a"))
        left = actor(seen.tool(), "left", hand("right"))
        boss = actor(seen.tool(), "boss", hand("left"))
        flow = AgentWorkflow(agents=[boss, left, right], root_agent="boss")
        await ended(with_sigil(flow, seen.handle))
        assert seen.lines == [expected]


async def test_a_run_that_a_tool_begins_has_at_most_what_the_agent_around_it_has() -> None:
    seen = Lineages({"left": {"agents": {"boss": {}}}, "right": {}})
    left, right = seen.handle.for_agent("left"), seen.handle.for_agent("right")

    async def begin(url: str, handle: SigilHandle | None = None) -> None:
        await ended(with_sigil(actor(seen.tool(), "boss", get(url)), handle))

    with left:
        await begin("the top's", seen.handle)
        await begin("its sibling's", right)
        await begin("none")
    with seen.handle:
        await begin("one below", right)
    await begin("alone")
    expected = ["the top's /left/boss", "its sibling's ERR_AGENT_UNKNOWN", "none /left/boss"]
    assert seen.lines == [*expected, "one below /right", "alone nobody"]


NESTED: dict[str, Any] = {
    "boss": {"agents": {"scout": {"agents": {"helper": {}, "planner": {}}}}},
}
"""A crew that a tool of the scout runs has the scout's handle at most."""


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("boss", "ERR_AGENT_UNKNOWN"),
        ("scout", "ERR_AGENT_UNKNOWN"),
        ("helper", "/boss/scout/helper"),
    ],
)
async def test_a_workflow_inside_of_a_tool_reaches_no_agent_above_by_its_name(
    other: str, expected: str
) -> None:
    seen = Lineages(NESTED)

    async def plan(task: str) -> str:
        planner = actor(seen.tool(), "planner", get("first"), hand(other), get("back"))
        second = actor(seen.tool(), other, get("second"), hand("planner"))
        await ended(AgentWorkflow(agents=[planner, second], root_agent="planner"))
        return "planned"

    tools = [FunctionTool.from_defaults(async_fn=plan, name="ask_plan", description="Plans.")]
    scout = actor(seen.tool(), "scout", ask("plan"), tools=tools)
    boss = actor(seen.tool(), "boss", ask("scout"), tools=[asks(scout)])
    await ended(with_sigil(boss, seen.handle.for_agent("boss")))
    assert seen.lines == ["first /boss/scout", f"second {expected}", "back /boss/scout"]


async def test_one_workflow_serves_many_handles_each_in_its_own_run() -> None:
    one, two = Lineages({"scout": {}}), Lineages({})
    scout = actor(one.tool(), "scout", get("1"), get("2"), get("3"))
    boss = actor(one.tool(), "boss", hand("scout"), hand("scout"))
    flow = with_sigil(AgentWorkflow(agents=[boss, scout], root_agent="boss"))
    with one.handle:
        first = flow.run("work")
    with two.handle:
        second = flow.run("work")
    await first
    await second
    assert {line[2:] for line in one.lines} == {"/scout", "ERR_AGENT_UNKNOWN"}


async def test_agents_share_a_tool_and_each_call_is_its_own() -> None:
    seen = Lineages({"left": {}, "right": {}})
    shared = FunctionTool.from_defaults(async_fn=seen.tool())
    kids = [asks(actor(shared, name, get(name, name))) for name in ("left", "right", "other")]
    boss = actor(shared, "boss", ask("left", "right", "other"), get("b"), tools=kids)
    await ended(with_sigil(boss, seen.handle))
    expected = ["left /left", "right /right", "other ERR_AGENT_UNKNOWN"]
    assert sorted(seen.lines) == sorted([*expected * 2, "b "])


async def test_the_ready_tools_run_as_the_agent_that_calls_and_a_denial_is_a_text() -> None:
    seen = Lineages({"scout": {"endpoints": ["GET https://open.example/**"]}})
    asked: list[Any] = []
    turns: list[Calls] = [[("fetch_url", {"url": "https://closed.example/"})]]
    tools = list(sigil_tools)
    scout = FunctionAgent(
        name="scout", description="s", llm=scripted(turns, asked), tools=list(tools)
    )
    boss = actor(seen.tool(), "boss", hand("scout"))
    flow = AgentWorkflow(agents=[boss, scout], root_agent="boss")
    await ended(with_sigil(flow, seen.handle))
    assert "ERR_ENDPOINT" in json.dumps(asked)
    turns = [[("show_budget", {})]]
    lone = FunctionAgent(name="lone", description="l", llm=scripted(turns, asked), tools=tools)
    await ended(lone)
    assert "ERR_AGENT_UNKNOWN" in json.dumps(asked)


async def test_the_snippet_of_the_page_runs_as_it_stands() -> None:
    seen = Lineages({"scout": {}})
    shown: list[object] = []
    await run_snippet(
        "python-llama-index",
        handle=seen.handle,
        report=FunctionTool.from_defaults(async_fn=seen.tool(), name="get"),
        llm=scripted([hand("scout"), get("by the scout")]),
        print=shown.append,
    )
    assert seen.lines == ["by the scout /scout"]
    assert shown


def test_the_example_runs() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("llama_index_workflow")


def test_nothing_left_this_machine() -> None:
    assert quiet.attempts == []
