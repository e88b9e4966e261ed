"""Google ADK with a scripted ``BaseLlm``: agents as tools, transfers, sub-agents that are called,
tasks, parallel and sequential agents, workflows.
"""

# ruff: noqa: E402
from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from tests.frameworks import quiet

pytest.importorskip("google.adk")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

from google.adk.agents import (
    BaseAgent,
    InvocationContext,
    LlmAgent,
    ParallelAgent,
    RunConfig,
    SequentialAgent,
)
from google.adk.agents.run_config import StreamingMode
from google.adk.events import Event
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import InMemoryRunner
from google.adk.tools import AgentTool, ToolContext
from google.adk.workflow import Workflow
from google.genai import types
from tests.contract import AgentContract, Get, GetAll, Hand, Script, Stage
from tests.frameworks.example import run_example
from tests.frameworks.lineages import Lineages
from tests.frameworks.page import run_snippet

from l8nt.agents.run_place import RunPlace
from l8nt.google_adk import sigil_tools, with_sigil

Calls = list[tuple[str, dict[str, Any]]]


class Scripted(BaseLlm):
    """A model that makes these calls, one message after another, and then is done."""

    model: str = "scripted"
    messages: list[Calls]
    asked: list[Any] = []  # noqa: RUF012

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        self.asked.append(llm_request.model_dump(exclude={"tools_dict"}))
        calls = self.messages.pop(0) if self.messages else []
        parts = [
            types.Part(function_call=types.FunctionCall(name=name, args=args))
            for name, args in calls
        ] or [types.Part(text="done")]
        if stream and not calls:
            yield _said([types.Part(text="do")], partial=True)
        yield _said(parts, partial=False)


def _said(parts: list[types.Part], *, partial: bool) -> LlmResponse:
    return LlmResponse(partial=partial, content=types.Content(role="model", parts=parts))


WORK = types.Content(role="user", parts=[types.Part(text="work")])


def call(name: str, **arguments: Any) -> Calls:
    return [(name, arguments)]


def get(*urls: str) -> Calls:
    return [("get", {"url": url}) for url in urls]


def ask(*names: str) -> Calls:
    return [(name, {"request": "work"}) for name in names]


def transfer(name: str) -> Calls:
    return call("transfer_to_agent", agent_name=name)


async def runner_of(agent: Any, state: dict[str, Any] | None = None) -> InMemoryRunner:
    runner = InMemoryRunner(agent=agent, app_name="app")
    await runner.session_service.create_session(
        app_name="app", user_id="u", session_id="s", state=state
    )
    return runner


async def ended(runs: Any, **more: Any) -> list[Event]:
    params: dict[str, Any] = {"user_id": "u", "session_id": "s", "new_message": WORK, **more}
    return [event async for event in runs.run_async(**params)]


def actor(tool: Callable[..., Any], name: str, *messages: Calls, **more: Any) -> LlmAgent:
    """An agent with scripted messages, whose tool ``get`` notes the agent that calls it."""
    tools = [tool, *more.pop("tools", [])]
    return LlmAgent(name=name, model=Scripted(messages=list(messages)), tools=tools, **more)


class _Contract(AgentContract):
    """Plays a script. A subclass says how work is handed on."""

    run_config: RunConfig | None = None
    mode: str | None = None
    """Of the agents below the first."""

    def below(self, scripts: list[LlmAgent]) -> dict[str, Any]:
        return {"tools": [AgentTool(agent) for agent in scripts]}

    def hand(self, name: str) -> Calls:
        return ask(name)

    def back(self, above: str | None) -> list[Calls]:
        return []

    def agent(self, script: Script, tool: Any, asked: list[Any], above: str | None) -> LlmAgent:
        messages: list[Calls] = []
        handed: list[Any] = []
        for act in script.acts:
            if isinstance(act, Get):
                messages.append(get(act.url))
            elif isinstance(act, GetAll):
                messages.append(get(*act.urls))
            elif isinstance(act, Hand):
                handed.append(self.agent(act.script, tool, asked, script.agent))
                messages.append(self.hand(act.script.agent))
            else:
                agents = [self.agent(one, tool, asked, script.agent) for one in act.scripts]
                handed.append(self.together(agents))
                messages.append(ask("all"))
        below = self.below(handed)
        return LlmAgent(
            name=script.agent,
            description=script.agent,
            model=Scripted(messages=[*messages, *self.back(above)], asked=asked),
            tools=[tool, *below.pop("tools", [])],
            **below,
            **({} if above is None else {"mode": self.mode}),
        )

    def together(self, agents: list[LlmAgent]) -> Any:
        return ParallelAgent(name="all", sub_agents=agents)

    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        agent = self.agent(script, stage.tool(is_async=self.is_async), asked, None)
        runner = await runner_of(agent, {"user:sigil": str(stage.handle)})
        events = await ended(with_sigil(runner, stage.handle), run_config=self.run_config)
        session = await runner.session_service.get_session(
            app_name="app", user_id="u", session_id="s"
        )
        assert session is not None
        return [asked, events, session.model_dump_json(), runner.agent.name]


class TestAgentsAsTools(_Contract):
    pass


class TestStreamedAgentsAsTools(_Contract):
    run_config = RunConfig(streaming_mode=StreamingMode.SSE)


class TestSynchronousTools(_Contract):
    is_async = False


class TestTransfers(_Contract):
    siblings = False

    def below(self, scripts: list[LlmAgent]) -> dict[str, Any]:
        return {"sub_agents": scripts}

    def hand(self, name: str) -> Calls:
        return transfer(name)

    def back(self, above: str | None) -> list[Calls]:
        return [] if above is None else [transfer(above)]


class TestStreamedTransfers(TestTransfers):
    run_config = RunConfig(streaming_mode=StreamingMode.SSE)


class TestCalledSubAgents(_Contract):
    """A sub-agent of the mode ``single_turn``, which ADK offers to its parent as a tool."""

    siblings = False
    mode = "single_turn"

    def below(self, scripts: list[LlmAgent]) -> dict[str, Any]:
        return {"sub_agents": scripts}


class TestTasks(_Contract):
    """A sub-agent of the mode ``task``."""

    siblings = False
    mode = "task"

    def below(self, scripts: list[LlmAgent]) -> dict[str, Any]:
        return {"sub_agents": scripts}

    def back(self, above: str | None) -> list[Calls]:
        return [] if above is None else [call("finish_task", result="done")]


async def test_a_transfer_to_a_peer_is_denied_unless_the_agent_has_an_entry_for_it() -> None:
    for agents, expected in (
        ({"left": {}, "right": {}}, "by right ERR_AGENT_UNKNOWN"),
        ({"left": {"agents": {"right": {}}}, "right": {}}, "by right /left/right"),
    ):
        seen = Lineages(agents)
        left = actor(seen.tool(), "left", transfer("right"))
        right = actor(seen.tool(), "right", get("by right"))
        boss = actor(seen.tool(), "boss", transfer("left"), sub_agents=[left, right])
        await ended(with_sigil(await runner_of(boss), seen.handle))
        assert seen.lines == [expected]


def test_two_agents_that_transfer_to_one_at_the_same_time_give_it_nothing() -> None:
    seen = Lineages({"left": {"agents": {"helper": {}}}, "right": {"agents": {"helper": {}}}})
    for names, expected in (
        (("left", "right"), "ERR_AGENT_UNKNOWN"),
        (("left",) * 2, "/left/helper"),
    ):
        top = RunPlace(seen.handle, "boss")
        context = object()
        for name in names:
            top.below(name, "i", name, lambda giver: seen.handle.for_agent(name)).hand_to("helper")  # noqa: B023
        helper = top.below("helper", "i", context, lambda giver: giver.handle.for_agent("helper"))
        with helper.handle:
            seen.note("a")
        assert seen.lines.pop() == f"a {expected}"


async def test_an_agent_that_is_a_tool_is_below_its_caller_even_if_it_is_above() -> None:
    seen = Lineages({"scout": {"agents": {"runner": {}}}})
    tools: list[Any] = []
    runner = actor(seen.tool(), "runner", get("run"), ask("scout"))
    turns = (ask("runner"), get("again"), get("back"))
    scout = actor(seen.tool(), "scout", *turns, tools=[AgentTool(runner)])
    tools = [*runner.tools, AgentTool(scout)]
    runner.tools = tools
    boss = actor(seen.tool(), "boss", ask("scout"), tools=[AgentTool(scout)])
    await ended(with_sigil(await runner_of(boss), seen.handle))
    # The runner has no entry for a scout. The scout that the boss called goes on as itself.
    assert seen.lines[:2] == ["run /scout/runner", "again ERR_AGENT_UNKNOWN"]


class _Starts(BaseAgent):
    """A custom agent, which runs another one itself."""

    other: Any

    async def _run_async_impl(self, ctx: InvocationContext) -> AsyncGenerator[Event, None]:
        async for event in self.other.run_async(ctx):
            yield event


@pytest.mark.parametrize("is_custom", [False, True])
@pytest.mark.parametrize(
    ("name", "expected"),
    [("boss", "ERR_AGENT_UNKNOWN"), ("scout", "ERR_AGENT_UNKNOWN"), ("runner", "/scout/runner")],
)
async def test_an_agent_that_a_tool_or_a_custom_agent_runs_is_below_it_whatever_its_name(
    name: str, expected: str, is_custom: bool
) -> None:
    seen = Lineages({"scout": {"agents": {"runner": {}}}})
    other = actor(seen.tool(), name, get("a"))

    async def start(tool_context: ToolContext) -> str:
        """Runs an agent within the run of its caller."""
        context = tool_context._invocation_context.model_copy(update={"agent": other})
        return str([event async for event in other.run_async(context)])

    scout: Any = _Starts(name="scout", other=other)
    if not is_custom:
        scout = actor(seen.tool(), "scout", call("start"), transfer("boss"), tools=[start])
    boss = actor(seen.tool(), "boss", transfer("scout"), get("back"), sub_agents=[scout])
    await ended(with_sigil(await runner_of(boss), seen.handle))
    assert seen.lines == [f"a {expected}", *([] if is_custom else ["back "])]


async def test_a_session_goes_on_with_the_agent_that_spoke_last_in_its_place_in_the_tree() -> None:
    seen = Lineages({"scout": {"agents": {"runner": {}}}, "runner": {}})
    runner = actor(seen.tool(), "runner", get("first"))
    scout = actor(seen.tool(), "scout", transfer("runner"), sub_agents=[runner])
    boss = actor(seen.tool(), "boss", transfer("scout"), sub_agents=[scout])
    company = await runner_of(boss)
    await ended(with_sigil(company, seen.handle))
    runner.model = Scripted(messages=[get("second")])
    await ended(with_sigil(company, seen.handle))
    assert seen.lines == ["first /scout/runner", "second /scout/runner"]


async def test_a_sequential_agent_hands_work_on_as_the_agent_that_handed_it_work() -> None:
    seen = Lineages({"left": {}, "right": {}})
    steps = [actor(seen.tool(), name, get(name)) for name in ("left", "right", "other")]
    both = SequentialAgent(name="all", sub_agents=steps)
    await ended(with_sigil(await runner_of(both), seen.handle))
    assert seen.lines == ["left /left", "right /right", "other ERR_AGENT_UNKNOWN"]


async def test_the_agents_of_a_workflow_have_the_entries_of_their_names() -> None:
    seen = Lineages({"left": {"agents": {"runner": {}}}, "right": {}})
    runner = actor(seen.tool(), "runner", get("run"))
    turns = (get("a"), ask("runner"), get("b"))
    left = actor(seen.tool(), "left", *turns, tools=[AgentTool(runner)])
    steps = [left, *(actor(seen.tool(), name, get(name)) for name in ("right", "other"))]
    flow = Workflow(name="flow", edges=[("START", *steps)])
    await ended(with_sigil(await runner_of(flow), seen.handle))
    expected = ["a /left", "run /left/runner", "b /left", "right /right"]
    assert seen.lines == [*expected, "other ERR_AGENT_UNKNOWN"]


async def test_runs_at_the_same_time_are_kept_apart_and_a_run_without_sigil_has_no_handle() -> None:
    one, two = Lineages({"scout": {}}), Lineages({})
    scout = actor(one.tool(), "scout", get("1"), get("2"), get("3"))
    boss = actor(one.tool(), "boss", ask("scout"), ask("scout"), tools=[AgentTool(scout)])
    company = await runner_of(boss)
    await company.session_service.create_session(app_name="app", user_id="u", session_id="t")
    import asyncio

    await asyncio.gather(
        ended(with_sigil(company, one.handle)),
        ended(with_sigil(company, two.handle), session_id="t"),
    )
    assert {line[2:] for line in one.lines} == {"/scout", "ERR_AGENT_UNKNOWN"}
    alone = Lineages({})
    await ended(await runner_of(actor(alone.tool(), "boss", get("alone"))))
    assert alone.lines == ["alone nobody"]


async def test_a_run_that_a_tool_begins_has_at_most_what_the_agent_around_it_has() -> None:
    seen = Lineages({"left": {}, "right": {}})
    left, right = seen.handle.for_agent("left"), seen.handle.for_agent("right")

    async def begin(url: str, handle: Any = None) -> None:
        await ended(with_sigil(await runner_of(actor(seen.tool(), "boss", get(url))), handle))

    with left:
        await begin("the top's", seen.handle)
        await begin("its sibling's", right)
        await begin("none")
    with seen.handle:
        await begin("one below", right)
    expected = ["the top's /left", "its sibling's ERR_AGENT_UNKNOWN", "none /left"]
    assert seen.lines == [*expected, "one below /right"]


def test_the_synchronous_run_has_the_handle_too() -> None:
    import asyncio

    seen = Lineages({"scout": {}})
    scout = actor(seen.tool(is_async=False), "scout", get("s"), transfer("boss"))
    turns = (transfer("scout"), get("b"))
    boss = actor(seen.tool(is_async=False), "boss", *turns, sub_agents=[scout])
    runner = asyncio.run(runner_of(boss))
    params: dict[str, Any] = {"user_id": "u", "session_id": "s", "new_message": WORK}
    assert list(with_sigil(runner, seen.handle).run(**params))
    assert seen.lines == ["s /scout", "b "]


async def test_a_run_that_is_left_early_leaves_no_agent_running() -> None:
    from l8nt.agents import current_handle

    seen = Lineages({"scout": {}})
    boss = actor(seen.tool(), "boss", get("a"), get("b"))
    runs = with_sigil(await runner_of(boss), seen.handle)
    events = runs.run_async(user_id="u", session_id="s", new_message=WORK)
    await anext(events)
    assert current_handle() is None
    await events.aclose()
    assert current_handle() is None


async def test_the_ready_tools_run_as_the_agent_that_calls_and_a_denial_is_a_text() -> None:
    seen = Lineages({"scout": {"endpoints": ["GET https://open.example/**"]}})
    scout = LlmAgent(
        name="scout",
        model=Scripted(messages=[call("fetch_url", url="https://closed.example/")]),
        tools=list(sigil_tools),
    )
    boss = actor(seen.tool(), "boss", transfer("scout"), sub_agents=[scout])
    events = await ended(with_sigil(await runner_of(boss), seen.handle))
    assert "ERR_ENDPOINT" in json.dumps([event.model_dump(mode="json") for event in events])
    lone = LlmAgent(
        name="lone",
        model=Scripted(messages=[call("show_budget")]),
        tools=list(sigil_tools),
    )
    events = await ended(await runner_of(lone))
    assert "ERR_AGENT_UNKNOWN" in json.dumps([event.model_dump(mode="json") for event in events])


async def test_the_snippet_of_the_page_runs_as_it_stands() -> None:
    seen = Lineages({"scout": {}})
    shown: list[Event] = []
    await run_snippet(
        "python-google-adk",
        handle=seen.handle,
        report=seen.tool(),
        model=Scripted(messages=[transfer("scout"), get("by the scout")]),
        question=WORK,
        show=shown.append,
    )
    assert seen.lines == ["by the scout /scout"]
    assert shown


def test_the_example_runs() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("google_adk")


def test_nothing_left_this_machine() -> None:
    assert quiet.attempts == []
