"""Microsoft Agent Framework with a scripted chat client: agents as tools, hand-offs, workflows."""

# ruff: noqa: E402
from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.frameworks import quiet

pytest.importorskip("agent_framework")
pytest.importorskip("agent_framework_orchestrations")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    FileCheckpointStorage,
    FunctionInvocationLayer,
    Message,
    ResponseStream,
    tool,
)
from agent_framework.orchestrations import ConcurrentBuilder, HandoffBuilder, SequentialBuilder
from tests.contract import AgentContract, Get, GetAll, Hand, Script, Stage
from tests.frameworks.example import run_example
from tests.frameworks.lineages import Lineages
from tests.frameworks.page import run_snippet

from l8nt.agent_framework import sigil_context, sigil_tools, with_sigil

Calls = list[tuple[str, dict[str, Any]]]
ids = itertools.count()


class _Says(BaseChatClient):
    """Makes these calls, one message after another, and then is done."""

    messages: list[Calls]
    asked: list[Any]

    def _inner_get_response(
        self, *, messages: Sequence[Message], stream: bool, options: Any, **_: Any
    ) -> Any:
        self.asked.append([message.to_dict() for message in messages])
        calls = self.messages.pop(0) if self.messages else []
        contents = [
            Content.from_function_call(
                call_id=f"call{next(ids)}", name=name, arguments=json.dumps(arguments)
            )
            for name, arguments in calls
        ] or [Content.from_text("done")]

        async def updates() -> Any:
            yield ChatResponseUpdate(role="assistant", contents=contents)

        async def response() -> ChatResponse:
            return ChatResponse(messages=[Message(role="assistant", contents=contents)])

        if stream:
            return ResponseStream(updates(), finalizer=ChatResponse.from_updates)
        return response()


class Scripted(FunctionInvocationLayer[Any], ChatMiddlewareLayer[Any], _Says):
    def __init__(self, messages: list[Calls], asked: list[Any] | None = None) -> None:
        super().__init__()
        self.messages = messages
        self.asked = [] if asked is None else asked


def get(*urls: str) -> Calls:
    return [("get", {"url": url}) for url in urls]


def ask(*names: str) -> Calls:
    return [(name, {"task": "work"}) for name in names]


def hand(name: str) -> Calls:
    return [(f"handoff_to_{name}", {})]


def tool_of(function: Any) -> Any:
    return tool(function, name="get", approval_mode="never_require")


def actor(
    function: Any, name: str, *messages: Calls, tools: Sequence[Any] = (), asked: Any = None
) -> Agent[Any]:
    client = Scripted(list(messages), asked)
    return Agent(
        client=client,
        name=name,
        tools=[tool_of(function), *tools],
        require_per_service_call_history_persistence=True,
    )


async def ended(runs: Any, *, stream: bool = False, **more: Any) -> Any:
    if not stream:
        return await runs.run("work", **more)
    response = runs.run("work", stream=True, **more)
    seen = [update async for update in response]
    return [seen, await response.get_final_response()]


class _Contract(AgentContract):
    """Agents as tools."""

    stream = False

    def agent(self, script: Script, function: Any, asked: list[Any]) -> Agent[Any]:
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
        return await self.begin(boss, stage, asked)

    async def begin(self, boss: Agent[Any], stage: Stage, asked: list[Any]) -> object:
        session = boss.create_session()
        runs = with_sigil(boss, stage.handle)
        result = await ended(runs, stream=self.stream, session=session)
        return [asked, result, session.to_dict(), boss.to_dict()]


class TestAgentsAsTools(_Contract):
    pass


class TestStreamedAgentsAsTools(_Contract):
    stream = True


class TestSynchronousTools(_Contract):
    is_async = False


class TestHandlesThatComeWithTheRun(_Contract):
    async def begin(self, boss: Agent[Any], stage: Stage, asked: list[Any]) -> object:
        session, context = boss.create_session(), sigil_context(stage.handle)
        runs = with_sigil(boss)
        result = await ended(runs, session=session, function_invocation_kwargs=context)
        return [asked, result, session.to_dict()]


class TestHandOffs(_Contract):
    """A workflow of hand-offs, there and back."""

    siblings = False

    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        agents: list[Agent[Any]] = []
        function = stage.tool(is_async=self.is_async)

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
            agents.insert(place, actor(function, one.agent, *messages, asked=asked))

        add(script, None)
        if len(agents) == 1:
            agents.append(actor(function, "nobody_else"))
        flow = HandoffBuilder(participants=agents).with_start_agent(agents[0]).build()
        result = await ended(with_sigil(flow, stage.handle), stream=self.stream)
        return [asked, result, flow.to_dict()]


class TestStreamedHandOffs(TestHandOffs):
    stream = True


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("builder", [SequentialBuilder, ConcurrentBuilder])
async def test_the_agents_of_a_workflow_have_the_entries_of_their_names(
    builder: Any, stream: bool
) -> None:
    seen = Lineages({"left": {"agents": {"runner": {}}}, "right": {}})
    runner = actor(seen.tool(), "runner", get("run")).as_tool()
    agents = [
        actor(seen.tool(), "left", get("a"), ask("runner"), get("b"), tools=[runner]),
        actor(seen.tool(is_async=False), "right", get("right")),
        actor(seen.tool(), "other", get("other")),
    ]
    flow = with_sigil(builder(participants=agents).build(), seen.handle)
    await ended(flow, stream=stream)
    expected = ["a /left", "b /left", "other ERR_AGENT_UNKNOWN", "right /right"]
    assert sorted(seen.lines) == sorted([*expected, "run /left/runner"])


async def test_a_hand_off_is_known_by_the_name_of_the_agent_and_not_of_the_tool() -> None:
    seen = Lineages({"left": {"agents": {"Flight booker": {}}}})
    booker = actor(seen.tool(), "Flight booker", get("a"))
    left = actor(seen.tool(), "left", hand("Flight_booker"))
    boss = actor(seen.tool(), "boss", hand("left"))
    flow = HandoffBuilder(participants=[boss, left, booker]).with_start_agent(boss).build()
    await ended(with_sigil(flow, seen.handle))
    assert seen.lines == ["a /left/Flight-booker"]


async def test_a_peer_is_handed_what_the_agent_that_hands_has_for_it() -> None:
    for table, expected in (
        ({"left": {}, "right": {}}, "a ERR_AGENT_UNKNOWN"),
        ({"left": {"agents": {"right": {}}}, "right": {}}, "a /left/right"),
    ):
        seen = Lineages(table)
        right = actor(seen.tool(), "right", get("a"))
        left = actor(seen.tool(), "left", hand("right"))
        boss = actor(seen.tool(), "boss", hand("left"))
        flow = HandoffBuilder(participants=[boss, left, right]).with_start_agent(boss).build()
        await ended(with_sigil(flow, seen.handle))
        assert seen.lines == [expected]


async def test_a_workflow_goes_on_with_the_agent_that_it_had_come_to() -> None:
    seen = Lineages({"scout": {"agents": {"runner": {}}}})
    runner = actor(seen.tool(), "runner", get("a"), [], get("b"))
    scout = actor(seen.tool(), "scout", hand("runner"))
    boss = actor(seen.tool(), "boss", hand("scout"))
    flow = HandoffBuilder(participants=[boss, scout, runner]).with_start_agent(boss).build()
    with_sigil(flow, seen.handle)
    result = await flow.run("work")
    [request] = result.get_request_info_events()
    answer = [Message(role="user", contents=["go on"])]
    await flow.run(responses={request.request_id: answer})
    assert seen.lines == ["a /scout/runner", "b /scout/runner"]


async def test_a_checkpoint_of_a_workflow_holds_no_credential(tmp_path: Any) -> None:
    seen = Lineages({"scout": {}})
    scout = actor(seen.tool(), "scout", get("a"))
    boss = actor(seen.tool(), "boss", hand("scout"))
    storage = FileCheckpointStorage(tmp_path)
    builder = HandoffBuilder(participants=[boss, scout], checkpoint_storage=storage)
    flow = with_sigil(builder.with_start_agent(boss).build(), seen.handle)
    await ended(flow)
    stored = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    assert stored
    assert seen.credential.split(":")[0][-40:].encode() not in stored


async def test_a_run_that_a_tool_begins_has_at_most_what_the_agent_around_it_has() -> None:
    seen = Lineages({"left": {"agents": {"boss": {}}}, "right": {}})
    left, right = seen.handle.for_agent("left"), seen.handle.for_agent("right")

    async def begin(url: str, handle: Any = None) -> None:
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


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("boss", "ERR_AGENT_UNKNOWN"),
        ("scout", "ERR_AGENT_UNKNOWN"),
        ("helper", "/boss/scout/helper"),
    ],
)
async def test_a_workflow_inside_of_a_tool_reaches_no_agent_above_by_its_name(
    other: str, expected: str, stream: bool
) -> None:
    seen = Lineages(NESTED)

    @tool(name="plan", approval_mode="never_require")
    async def plan(task: str) -> str:
        planner = actor(seen.tool(), "planner", get("first"), hand(other), get("back"))
        second = actor(seen.tool(), other, get("second"), hand("planner"))
        flow = HandoffBuilder(participants=[planner, second]).with_start_agent(planner).build()
        await ended(with_sigil(flow), stream=stream)
        return "planned"

    scout = actor(seen.tool(), "scout", ask("plan"), tools=[plan]).as_tool()
    boss = actor(seen.tool(), "boss", ask("scout"), tools=[scout])
    await ended(with_sigil(boss, seen.handle.for_agent("boss")), stream=stream)
    assert seen.lines == ["first /boss/scout", f"second {expected}", "back /boss/scout"]


@pytest.mark.parametrize(
    ("name", "expected"), [("boss", "ERR_AGENT_UNKNOWN"), ("helper", "/boss/scout/helper")]
)
async def test_an_agent_that_is_a_tool_in_a_workflow_is_below_its_caller_whatever_its_name(
    name: str, expected: str
) -> None:
    seen = Lineages(NESTED)
    own = actor(seen.tool(), name, get("a")).as_tool()
    boss = actor(seen.tool(), "boss", ask(name), tools=[own])
    other = actor(seen.tool(), "helper")
    flow = with_sigil(HandoffBuilder(participants=[boss, other]).with_start_agent(boss).build())
    with seen.handle.for_agent("boss").for_agent("scout"):
        await ended(flow)
    assert seen.lines == [f"a {expected}"]


async def test_the_ready_tools_run_as_the_agent_that_calls_and_a_denial_is_a_text() -> None:
    seen = Lineages({"scout": {"endpoints": ["GET https://open.example/**"]}})
    asked: list[Any] = []
    turns: list[Calls] = [[("fetch_url", {"url": "https://closed.example/"})]]
    scout = Agent(client=Scripted(turns, asked), name="scout", tools=list(sigil_tools))
    boss = actor(seen.tool(), "boss", ask("scout"), tools=[scout.as_tool()])
    await ended(with_sigil(boss, seen.handle))
    assert "ERR_ENDPOINT" in json.dumps(asked)
    lone = Agent(
        client=Scripted([[("show_budget", {})]], asked), name="lone", tools=list(sigil_tools)
    )
    await ended(lone)
    assert "ERR_AGENT_UNKNOWN" in json.dumps(asked)


async def test_the_snippet_of_the_page_runs_as_it_stands() -> None:
    seen = Lineages({"scout": {}})
    shown: list[object] = []
    await run_snippet(
        "python-agent-framework",
        handle=seen.handle,
        report=tool_of(seen.tool()),
        client=Scripted([ask("scout"), get("by the scout")]),
        question="work",
        print=shown.append,
    )
    assert seen.lines == ["by the scout /scout"]
    assert shown


def test_the_example_runs() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("agent_framework_handoff")


def test_nothing_left_this_machine() -> None:
    assert quiet.attempts == []
