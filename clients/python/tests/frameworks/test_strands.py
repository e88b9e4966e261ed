"""Strands Agents with a scripted ``Model``: agents as tools, swarms, graphs."""

# ruff: noqa: E402
from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest
from tests.frameworks import quiet

pytest.importorskip("strands")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

from strands import Agent, tool
from strands.models import Model
from strands.multiagent import GraphBuilder, Swarm
from strands.session import FileSessionManager
from tests.contract import AgentContract, Get, GetAll, Hand, Script, Stage
from tests.frameworks.example import run_example
from tests.frameworks.lineages import Lineages
from tests.frameworks.page import run_snippet

from l8nt.strands import sigil_context, sigil_tools, with_sigil

Calls = list[tuple[str, dict[str, Any]]]
ids = itertools.count()


class Scripted(Model):
    """A model that makes these calls, one message after another, and then is done."""

    def __init__(self, messages: list[Calls], asked: list[Any] | None = None) -> None:
        self.messages = messages
        self.asked: list[Any] = [] if asked is None else asked

    def update_config(self, **_: Any) -> None:
        pass

    def get_config(self) -> dict[str, Any]:
        return {}

    async def structured_output(self, *_: Any, **__: Any) -> AsyncGenerator[Any, None]:
        yield {}

    async def stream(self, messages: Any, *_: Any, **__: Any) -> AsyncGenerator[Any, None]:
        self.asked.append(json.loads(json.dumps(messages)))
        calls = self.messages.pop(0) if self.messages else []
        yield {"messageStart": {"role": "assistant"}}
        for name, arguments in calls:
            use = {"name": name, "toolUseId": f"call{next(ids)}"}
            yield {"contentBlockStart": {"start": {"toolUse": use}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(arguments)}}}}
            yield {"contentBlockStop": {}}
        if not calls:
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": "done"}}}
            yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if calls else "end_turn"}}


def get(*urls: str) -> Calls:
    return [("get", {"url": url}) for url in urls]


def ask(*names: str) -> Calls:
    return [(name, {"input": "work"}) for name in names]


def hand(name: str) -> Calls:
    return [("handoff_to_agent", {"agent_name": name, "message": "work"})]


DONE: Calls = []


def actor(
    function: Any, name: str, *messages: Calls, tools: Sequence[Any] = (), **more: Any
) -> Agent:
    asked = more.pop("asked", None)
    model = Scripted(list(messages), asked)
    own = [tool(function, name="get"), *tools]
    return Agent(model=model, name=name, tools=own, callback_handler=None, **more)


RUNS: dict[str, Callable[..., Any]] = {}


async def _streamed(runs: Any, **more: Any) -> Any:
    return [event async for event in runs.stream_async("work", **more)]


async def _called(runs: Any, **more: Any) -> Any:
    return await asyncio.to_thread(runs, "work", **more)


async def _invoked(runs: Any, **more: Any) -> Any:
    return await runs.invoke_async("work", **more)


RUNS = {"invoked": _invoked, "called": _called, "streamed": _streamed}


class _Contract(AgentContract):
    """Agents as tools."""

    begin = staticmethod(_invoked)

    def agent(self, script: Script, function: Any, asked: list[Any]) -> Agent:
        messages: list[Calls] = []
        below: list[Any] = []
        for act in script.acts:
            if isinstance(act, Get):
                messages.append(get(act.url))
            elif isinstance(act, GetAll):
                messages.append(get(*act.urls))
            else:
                scripts = (act.script,) if isinstance(act, Hand) else act.scripts
                below += [self.agent(one, function, asked).as_tool() for one in scripts]
                messages.append(ask(*(one.agent for one in scripts)))
        return actor(function, script.agent, *messages, tools=below, asked=asked)

    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        boss = self.agent(script, stage.tool(is_async=self.is_async), asked)
        result = await self.begin(with_sigil(boss, stage.handle))
        return [
            asked,
            result,
            boss.messages,
            boss.state.get(),
            boss.take_snapshot(preset="session"),
        ]


class TestAgentsAsTools(_Contract):
    pass


class TestStreamedAgentsAsTools(_Contract):
    begin = staticmethod(_streamed)


class TestSynchronousTools(_Contract):
    is_async = False


class TestHandlesThatComeWithTheRun(_Contract):
    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        boss = with_sigil(self.agent(script, stage.tool(), asked))
        result = await boss.invoke_async("work", invocation_state=sigil_context(stage.handle))
        return [asked, boss.messages, str(result)]


class TestSwarms(AgentContract):
    """A swarm, there and back."""

    siblings = False
    begin = staticmethod(_invoked)

    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        agents: list[Agent] = []

        def add(one: Script, above: str | None) -> None:
            messages: list[Calls] = []
            place = len(agents)
            for act in one.acts:
                if isinstance(act, Get):
                    messages.append(get(act.url))
                elif isinstance(act, GetAll):
                    messages.append(get(*act.urls))
                elif isinstance(act, Hand):
                    messages += [hand(act.script.agent), DONE]
                    add(act.script, one.agent)
            if above is not None:
                messages.append(hand(above))
            agents.insert(place, actor(stage.tool(), one.agent, *messages, asked=asked))

        add(script, None)
        swarm = with_sigil(Swarm(agents), stage.handle)
        result = await self.begin(swarm)
        return [asked, str(result), swarm.serialize_state(), [one.messages for one in agents]]


class TestStreamedSwarms(TestSwarms):
    begin = staticmethod(_streamed)


@pytest.mark.parametrize("begin", RUNS.values(), ids=RUNS)
async def test_the_nodes_of_a_graph_have_the_entries_of_their_names(begin: Any) -> None:
    seen = Lineages({"left": {"agents": {"x": {}}}, "right": {}, "swarm": {"agents": {"q": {}}}})
    runner = actor(seen.tool(), "x", get("x")).as_tool()
    swarm = Swarm([actor(seen.tool(), "p", get("p"), hand("q")), actor(seen.tool(), "q", get("q"))])
    nodes = {
        "left": actor(seen.tool(), "A", get("a"), ask("x"), get("b"), tools=[runner]),
        "right": actor(seen.tool(is_async=False), "B", get("right")),
        "other": actor(seen.tool(), "C", get("other")),
        "swarm": swarm,
    }
    builder = GraphBuilder()
    for name, node in nodes.items():
        builder.add_node(node, name)
    for edge in (("left", "right"), ("left", "other"), ("right", "swarm")):
        builder.add_edge(*edge)
    builder.set_entry_point("left")
    await begin(with_sigil(builder.build(), seen.handle))
    expected = ["a /left", "b /left", "x /left/x", "right /right", "other ERR_AGENT_UNKNOWN"]
    assert sorted(seen.lines) == sorted([*expected, "p /swarm", "q /swarm/q"])


@pytest.mark.parametrize("begin", RUNS.values(), ids=RUNS)
async def test_an_agent_of_a_swarm_is_handed_what_the_agent_before_has_for_it(begin: Any) -> None:
    for table, expected in (
        ({"left": {}, "right": {}}, "a ERR_AGENT_UNKNOWN"),
        ({"left": {"agents": {"right": {}}}, "right": {}}, "a /left/right"),
    ):
        seen = Lineages(table)
        right = actor(seen.tool(), "right", get("a"))
        left = actor(seen.tool(), "left", hand("right"))
        boss = actor(seen.tool(), "boss", hand("left"))
        await begin(with_sigil(Swarm([right, left, boss], entry_point=boss), seen.handle))
        assert seen.lines == [expected]


NESTED: dict[str, Any] = {
    "boss": {"agents": {"scout": {"agents": {"helper": {}, "planner": {}}}}},
}
"""A crew that a tool of the scout runs has the scout's handle at most."""


@pytest.mark.parametrize("begin", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("boss", "ERR_AGENT_UNKNOWN"),
        ("scout", "ERR_AGENT_UNKNOWN"),
        ("helper", "/boss/scout/helper"),
    ],
)
async def test_a_swarm_inside_of_a_tool_reaches_no_agent_above_by_its_name(
    begin: Any, other: str, expected: str
) -> None:
    seen = Lineages(NESTED)

    @tool
    async def plan() -> str:
        """A model chooses the names of the agents, as with strands_tools.swarm."""
        turns = (get("first"), hand(other), DONE, get("back"), DONE)
        planner = actor(seen.tool(), "planner", *turns)
        second = actor(seen.tool(), other, get("second"), hand("planner"), DONE)
        await begin(Swarm([planner, second]))
        return "planned"

    scout = actor(seen.tool(), "scout", [("plan", {})], tools=[plan]).as_tool()
    boss = actor(seen.tool(), "boss", ask("scout"), tools=[scout])
    await begin(with_sigil(boss, seen.handle.for_agent("boss")))
    assert seen.lines == ["first /boss/scout", f"second {expected}", "back /boss/scout"]


async def test_agents_as_tools_at_the_same_time_are_kept_apart() -> None:
    seen = Lineages({"left": {}, "right": {}})
    kids = [actor(seen.tool(), name, get(name, name)) for name in ("left", "right", "other")]
    tools = [one.as_tool() for one in kids]
    boss = actor(seen.tool(), "boss", ask("left", "right", "other"), get("b"), tools=tools)
    await _invoked(with_sigil(boss, seen.handle))
    expected = ["left /left", "right /right", "other ERR_AGENT_UNKNOWN"]
    assert sorted(seen.lines) == sorted([*expected * 2, "b "])


async def test_a_run_that_a_tool_begins_has_at_most_what_the_agent_around_it_has() -> None:
    seen = Lineages({"left": {"agents": {"boss": {}}}, "right": {}})
    left, right = seen.handle.for_agent("left"), seen.handle.for_agent("right")

    async def begin(url: str, handle: Any = None) -> None:
        await _invoked(with_sigil(actor(seen.tool(), "boss", get(url)), handle))

    with left:
        await begin("the top's", seen.handle)
        await begin("its sibling's", right)
        await begin("none")
    with seen.handle:
        await begin("one below", right)
    await begin("alone")
    expected = ["the top's /left/boss", "its sibling's ERR_AGENT_UNKNOWN", "none /left/boss"]
    assert seen.lines == [*expected, "one below /right", "alone nobody"]


async def test_a_stored_session_holds_no_credential(tmp_path: Any) -> None:
    seen = Lineages({})
    manager = FileSessionManager(session_id="s", storage_dir=str(tmp_path))
    boss = with_sigil(actor(seen.tool(), "boss", get("a"), session_manager=manager))
    await boss.invoke_async("work", invocation_state=sigil_context(seen.handle))
    stored = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    assert seen.lines == ["a "]
    assert b"get" in stored
    assert seen.credential.split(":")[0][-40:].encode() not in stored


async def test_the_ready_tools_run_as_the_agent_that_calls_and_a_denial_is_a_text() -> None:
    seen = Lineages({"scout": {"endpoints": ["GET https://open.example/**"]}})
    turns: list[Calls] = [[("fetch_url", {"url": "https://closed.example/"})]]
    tools = list(sigil_tools)
    scout = Agent(model=Scripted(turns), name="scout", tools=tools, callback_handler=None)
    boss = actor(seen.tool(), "boss", ask("scout"), tools=[scout.as_tool(preserve_context=True)])
    await _invoked(with_sigil(boss, seen.handle))
    assert "ERR_ENDPOINT" in json.dumps(scout.messages)
    turns = [[("show_budget", {})]]
    lone = Agent(model=Scripted(turns), name="lone", tools=tools, callback_handler=None)
    await _invoked(lone)
    assert "ERR_AGENT_UNKNOWN" in json.dumps(lone.messages)


async def test_the_snippet_of_the_page_runs_as_it_stands() -> None:
    seen = Lineages({"scout": {}})
    shown: list[object] = []
    await run_snippet(
        "python-strands",
        handle=seen.handle,
        report=tool(seen.tool(is_async=False), name="get"),
        model=Scripted([hand("scout"), DONE, get("by the scout")]),
        print=shown.append,
    )
    assert seen.lines == ["by the scout /scout"]
    assert shown


def test_the_example_runs() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("strands_swarm")


def test_nothing_left_this_machine() -> None:
    assert quiet.attempts == []
