"""CrewAI with a scripted ``BaseLLM``: delegation, crews of both processes, single agents, flows."""

# ruff: noqa: E402
from __future__ import annotations

import asyncio
import gc
import itertools
import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.frameworks import quiet

pytest.importorskip("crewai")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

from crewai import Agent, Crew, Process, Task
from crewai.flow.flow import Flow, listen, start
from crewai.llms.base_llm import BaseLLM
from crewai.tools import BaseTool
from crewai.tools.agent_tools.agent_tools import AgentTools
from tests.contract import AgentContract, Get, GetAll, Hand, Script, Stage
from tests.frameworks.example import run_example
from tests.frameworks.lineages import Lineages
from tests.frameworks.page import start_snippet

from l8nt.crewai import sigil_tools, with_sigil

Calls = list[tuple[str, dict[str, Any]]]
ids = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def _what_crewai_leaves_open() -> Iterator[None]:
    """CrewAI leaves event loops of its own open, which pytest would find after the last test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


class Scripted(BaseLLM):
    """A model that makes these calls, one message after another, and then is done."""

    messages: list[Calls] = []  # noqa: RUF012
    asked: list[Any] = []  # noqa: RUF012

    def __init__(self, messages: list[Calls], asked: list[Any] | None = None) -> None:
        super().__init__(model="scripted")
        self.messages = messages
        self.asked = [] if asked is None else asked

    def supports_function_calling(self) -> bool:
        return True

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        self.asked.append(json.loads(json.dumps(messages, default=str)))
        calls = self.messages.pop(0) if self.messages else []
        return [
            {
                "id": f"call{next(ids)}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for name, arguments in calls
        ] or "done"

    async def acall(self, messages: Any, *_: Any, **__: Any) -> Any:
        return self.call(messages)


class GetTool(BaseTool):
    name: str = "get"
    description: str = "Gets a URL."
    act: Any = None

    def _run(self, url: str) -> str:
        return self.act(url)


class AsyncGetTool(BaseTool):
    name: str = "get"
    description: str = "Gets a URL."
    act: Any = None

    def _run(self, url: str) -> str:
        return asyncio.run(self.act(url))

    async def _arun(self, url: str) -> str:
        return await self.act(url)


def get(*urls: str) -> Calls:
    return [("get", {"url": url}) for url in urls]


def delegate(*roles: str) -> Calls:
    name = "delegate_work_to_coworker"
    return [(name, {"task": "work", "context": "none", "coworker": role}) for role in roles]


def task_of(agent: Agent, **more: Any) -> Task:
    return Task(description="work", expected_output="done", agent=agent, **more)


def actor(tool: Any, role: str, *messages: Calls, coworkers: Any = (), asked: Any = None) -> Agent:
    """An agent with scripted messages, which delegates work to its coworkers."""
    tools = [tool, *(AgentTools(agents=list(coworkers)).tools() if coworkers else [])]
    model = Scripted(list(messages), asked)
    return Agent(role=role, goal="work", backstory="none", llm=model, tools=tools)


class _Contract(AgentContract):
    """A boss who has the handle delegates to coworkers. A subclass says how the boss is run."""

    is_async = False

    def tool(self, stage: Stage) -> Any:
        return GetTool(act=stage.tool(is_async=False))

    def agent(self, script: Script, tool: Any, asked: list[Any]) -> Agent:
        messages: list[Calls] = []
        coworkers: list[Agent] = []
        for act in script.acts:
            if isinstance(act, Get):
                messages.append(get(act.url))
            elif isinstance(act, GetAll):
                messages.append(get(*act.urls))
            else:
                scripts = (act.script,) if isinstance(act, Hand) else act.scripts
                coworkers += [self.agent(one, tool, asked) for one in scripts]
                messages.append(delegate(*(one.agent for one in scripts)))
        return actor(tool, script.agent, *messages, coworkers=coworkers, asked=asked)

    async def begin(self, boss: Agent) -> object:
        return await asyncio.to_thread(boss.kickoff, "work")

    async def run(self, script: Script, stage: Stage) -> object:
        asked: list[Any] = []
        boss = with_sigil(self.agent(script, self.tool(stage), asked), stage.handle)
        result = await self.begin(boss)
        return [asked, result, boss.model_dump(), str(boss)]


class TestSingleAgents(_Contract):
    pass


class TestCrews(_Contract):
    async def begin(self, boss: Agent) -> object:
        crew = Crew(agents=[boss], tasks=[task_of(boss)])
        return await asyncio.to_thread(crew.kickoff)


class TestStreamedCrews(_Contract):
    async def begin(self, boss: Agent) -> object:
        crew = Crew(agents=[boss], tasks=[task_of(boss)], stream=True)
        return await asyncio.to_thread(lambda: list(crew.kickoff()))


class TestAsynchronousSingleAgents(_Contract):
    async def begin(self, boss: Agent) -> object:
        return await boss.kickoff_async("work")


class TestAsynchronousCrews(_Contract):
    async def begin(self, boss: Agent) -> object:
        return await Crew(agents=[boss], tasks=[task_of(boss)]).akickoff()


class TestAsynchronousTools(_Contract):
    def tool(self, stage: Stage) -> Any:
        return AsyncGetTool(act=stage.tool())


def _get(seen: Lineages) -> Any:
    return GetTool(act=seen.tool(is_async=False))


RUNS: dict[str, Callable[[Any], Any]] = {
    "kickoff": lambda crew: crew.kickoff(),
    "akickoff": lambda crew: asyncio.run(crew.akickoff()),
    "kickoff_async": lambda crew: asyncio.run(crew.kickoff_async()),
    "kickoff_for_each": lambda crew: crew.kickoff_for_each([{}]),
    "akickoff_for_each": lambda crew: asyncio.run(crew.akickoff_for_each([{}])),
    "kickoff_for_each_async": lambda crew: asyncio.run(crew.kickoff_for_each_async([{}])),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_agents_of_a_crew_have_the_entries_of_their_roles(run: Callable[[Any], Any]) -> None:
    seen = Lineages({"left": {}, "right": {}})
    agents = [actor(_get(seen), role, get(role)) for role in ("left", "right", "other")]
    crew = with_sigil(Crew(agents=agents, tasks=[task_of(one) for one in agents]), seen.handle)
    run(crew)
    assert seen.lines == ["left /left", "right /right", "other ERR_AGENT_UNKNOWN"]


def test_tasks_of_a_crew_at_the_same_time_are_kept_apart() -> None:
    seen = Lineages({"left": {}, "right": {}})
    agents = [actor(_get(seen), role, get(role, role)) for role in ("left", "right")]
    last = actor(_get(seen), "other", get("other"))
    tasks = [*(task_of(one, async_execution=True) for one in agents), task_of(last)]
    with_sigil(Crew(agents=[*agents, last], tasks=tasks), seen.handle).kickoff()
    expected = ["left /left"] * 2 + ["other ERR_AGENT_UNKNOWN"] + ["right /right"] * 2
    assert sorted(seen.lines) == expected


def test_the_manager_of_a_hierarchical_crew_has_the_crew_s_handle() -> None:
    seen = Lineages({"scout": {"agents": {"runner": {}}}})
    runner = actor(_get(seen), "runner", get("run"))
    scout = actor(_get(seen), "scout", get("s"), delegate("runner"), coworkers=[runner])
    manager = Agent(role="boss", goal="g", backstory="b", llm=Scripted([delegate("scout")]))
    for given in ({"manager_agent": manager}, {"manager_llm": Scripted([delegate("scout")])}):
        task = Task(description="work", expected_output="done")
        crew = Crew(agents=[scout], tasks=[task], process=Process.hierarchical, **given)
        with_sigil(crew, seen.handle).kickoff()
        assert seen.lines[:2] == ["s /scout", "run /scout/runner"]


def test_a_role_with_blanks_around_it_is_one_name() -> None:
    seen = Lineages({"Senior researcher": {}})
    agent = actor(_get(seen), "Senior\n  researcher\n", get("a"))
    with_sigil(Crew(agents=[agent], tasks=[task_of(agent)]), seen.handle).kickoff()
    assert seen.lines == ["a /Senior-researcher"]


def test_the_agents_of_a_flow_that_runs_as_a_handle_have_the_entries_of_their_roles() -> None:
    seen = Lineages({"left": {}, "right": {}})
    left = with_sigil(actor(_get(seen), "left", get("a")))
    right = actor(_get(seen), "right", get("b"))

    class Work(Flow[Any]):
        @start()
        def one(self) -> Any:
            return Crew(agents=[left], tasks=[task_of(left)]).kickoff()

        @listen(one)
        async def two(self) -> Any:
            return await right.kickoff_async("work")

    with seen.handle:
        Work().kickoff()
    assert seen.lines == ["a /left", "b /right"]


def test_a_crew_that_a_tool_runs_is_below_the_agent_that_calls() -> None:
    seen = Lineages({"left": {"agents": {"scout": {}}}, "right": {}})
    right = seen.handle.for_agent("right")

    def crew_of(handle: Any) -> Crew:
        scout = actor(_get(seen), "scout", get("s"))
        return with_sigil(Crew(agents=[scout], tasks=[task_of(scout)]), handle)

    with seen.handle.for_agent("left"):
        crew_of(None).kickoff()
        crew_of(seen.handle).kickoff()
        crew_of(right).kickoff()
    assert seen.lines == ["s /left/scout", "s /left/scout", "s ERR_AGENT_UNKNOWN"]


def test_an_agent_without_a_handle_has_none_and_copies_of_one_with_a_handle_have_none() -> None:
    seen = Lineages({})
    actor(_get(seen), "boss", get("alone")).kickoff("work")
    boss = with_sigil(actor(_get(seen), "boss", get("a"), [], get("b")), seen.handle)
    boss.copy().kickoff("work")
    boss.kickoff("work")
    assert seen.lines == ["alone nobody", "a nobody", "b "]


async def test_a_method_that_calls_another_one_of_its_agent_is_one_run() -> None:
    seen = Lineages({})
    boss = with_sigil(actor(_get(seen), "boss", get("a")), seen.handle)
    await boss.akickoff("work")
    assert seen.lines == ["a "]


def test_a_crew_that_gives_one_agent_the_results_of_another_is_refused() -> None:
    seen = Lineages({})
    agent = actor(_get(seen), "boss", get("a"))
    crew = Crew(agents=[agent], tasks=[task_of(agent)], cache=True)
    with pytest.raises(TypeError, match="cache=False"):
        with_sigil(crew, seen.handle)


def test_the_ready_tools_run_as_the_agent_that_calls_and_a_denial_is_a_text() -> None:
    seen = Lineages({"scout": {"endpoints": ["GET https://open.example/**"]}})
    asked: list[Any] = []
    turns: list[Calls] = [[("fetch_url", {"url": "https://closed.example/"})]]
    model = Scripted(turns, asked)
    scout = Agent(role="scout", goal="g", backstory="b", llm=model, tools=list(sigil_tools))
    with_sigil(Crew(agents=[scout], tasks=[task_of(scout)]), seen.handle).kickoff()
    assert "ERR_ENDPOINT" in json.dumps(asked)
    model = Scripted([[("show_budget", {})]], asked)
    lone = Agent(role="lone", goal="g", backstory="b", llm=model, tools=list(sigil_tools))
    lone.kickoff("work")
    assert "ERR_AGENT_UNKNOWN" in json.dumps(asked)


def test_the_snippet_of_the_page_runs_as_it_stands() -> None:
    seen = Lineages({"Scout": {}})
    shown: list[object] = []
    start_snippet(
        "python-crewai",
        handle=seen.handle,
        report=_get(seen),
        llm=Scripted([get("by the scout")]),
        print=shown.append,
    )
    assert seen.lines == ["by the scout /Scout"]
    assert shown


def test_the_example_runs() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("crewai_crew")


def test_nothing_left_this_machine() -> None:
    assert quiet.attempts == []
