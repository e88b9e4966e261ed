"""LangChain with its own fake model: the laws of the contract for each way to run an agent and to
hand work on.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
    text_of,
)

pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from tests.frameworks import quiet  # noqa: F401
from tests.frameworks.example import run_example
from tests.frameworks.page import start_snippet
from tests.town import Town

from l8nt.agents import SigilHandle, asigil_fetch, current_handle
from l8nt.langchain import sigil_context, sigil_tools, with_sigil

TASK: Any = {"messages": [{"role": "user", "content": "do your acts"}]}


class Model(BaseChatModel):
    """Gives one of these answers each turn. LangChain's own fake streams no calls of tools."""

    answers: Iterator[AIMessage]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=next(self.answers))])

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def model_of(*messages: list[tuple[str, dict[str, Any]]]) -> Model:
    """A model that makes these calls, one message after another, and then is done."""
    said: list[AIMessage] = []
    for calls in messages:
        made: list[Any] = [
            {"name": name, "args": arguments, "id": uuid.uuid4().hex} for name, arguments in calls
        ]
        said.append(AIMessage("", tool_calls=made))
    return Model(answers=iter([*said, AIMessage("done")]))


def _calls(script: Script) -> list[list[tuple[str, dict[str, Any]]]]:
    calls: list[list[tuple[str, dict[str, Any]]]] = []
    for act in script.acts:
        if isinstance(act, Get):
            calls.append([("get", {"url": act.url})])
        elif isinstance(act, GetAll):
            calls.append([("get", {"url": url}) for url in act.urls])
        else:
            calls.append([(f"ask_{id(one)}", {}) for one in scripts_below(Script("", (act,)))])
    return calls


class _Contract(AgentContract):
    hands_on_context = False
    """Whether a sub-agent gets a context of its own, or none, so that it inherits its caller's."""

    async def once(self, agent: Any, options: Any) -> object:
        return await agent.ainvoke(TASK, **options)

    async def run(self, script: Script, stage: Stage) -> object:
        checkpointer = InMemorySaver()
        collector = RunCollectorCallbackHandler()
        agent = self._agent(script, stage, None, checkpointer=checkpointer)
        config = {"configurable": {"thread_id": "1"}, "callbacks": [collector]}
        options = {"context": sigil_context(stage.handle), "config": config}
        shown = await self.once(agent, options)
        return [
            shown,
            [one.model_dump() for one in collector.traced_runs],
            checkpointer.storage,
            checkpointer.writes,
            checkpointer.blobs,
        ]

    def _agent(self, script: Script, stage: Stage, name: str | None, **more: Any) -> Any:
        get = stage.tool(is_async=self.is_async)
        tools = [
            StructuredTool.from_function(
                **({"coroutine": get} if self.is_async else {"func": get}),
                name="get",
                description="Gets a URL.",
            ),
            *(self._asking(one, stage) for one in scripts_below(script)),
        ]
        config = {"model": model_of(*_calls(script)), "tools": tools, **more}
        if name is not None:
            config["name"] = name
        return create_agent(**with_sigil(**config))

    def _asking(self, script: Script, stage: Stage) -> BaseTool:
        async def ask(runtime: ToolRuntime[Any, Any]) -> str:
            child = self._agent(script, stage, script.agent)
            sigil: SigilHandle = runtime.context["sigil"]
            narrowed = {"context": sigil_context(sigil.for_agent(script.agent))}
            return repr(await self.once(child, narrowed if self.hands_on_context else {}))

        return StructuredTool.from_function(
            coroutine=ask, name=f"ask_{id(script)}", description=f"Asks {script.agent}."
        )


class TestInvoked(_Contract):
    pass


class TestOwnContext(_Contract):
    hands_on_context = True


class TestStreamed(_Contract):
    async def once(self, agent: Any, options: Any) -> object:
        modes = ["updates", "messages", "values", "debug", "tasks", "checkpoints"]
        return [part async for part in agent.astream(TASK, stream_mode=modes, **options)]


class TestEvents(_Contract):
    async def once(self, agent: Any, options: Any) -> object:
        return [part async for part in agent.astream_events(TASK, version="v2", **options)]


class TestSynchronousTools(_Contract):
    is_async = False


class TestThreads(_Contract):
    """``invoke`` in a thread, whose tools run in a pool of threads."""

    is_async = False
    is_cancellable = False

    async def once(self, agent: Any, options: Any) -> object:
        return await asyncio.to_thread(agent.invoke, TASK, **options)

    def _asking(self, script: Script, stage: Stage) -> BaseTool:
        def ask() -> str:
            return repr(self._agent(script, stage, script.agent).invoke(TASK))

        return StructuredTool.from_function(
            ask, name=f"ask_{id(script)}", description=f"Asks {script.agent}."
        )


class TestThreadsStreamed(TestThreads):
    async def once(self, agent: Any, options: Any) -> object:
        def collect() -> list[object]:
            return list(agent.stream(TASK, stream_mode=["updates", "messages"], **options))

        return await asyncio.to_thread(collect)


def _seen(stage: Stage) -> list[tuple[str | None, str]]:
    return [(one.agent, "served" if one.is_served else one.got) for one in stage.seen]


def _told(ended: Any) -> list[str]:
    return [one.text for one in ended["messages"] if isinstance(one, ToolMessage)]


def each_once(*tools: Any, **config: Any) -> Any:
    """The configuration of an agent that calls each of its tools once, one after another."""
    calls = [[(one.__name__ if callable(one) else one.name, {})] for one in tools]
    return {"model": model_of(*calls), "tools": list(tools), **config}


class TestHandOffs(Staged):
    @pytest.mark.parametrize("given", ["nothing", "its caller's", "one above", "no handle"])
    async def test_a_sub_agent_without_a_name_is_denied(self, stage: Stage, given: str) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {}})
        get = stage.tool()

        async def buy() -> str:
            """Buys."""
            return await get(shop.url)

        async def ask(runtime: ToolRuntime[Any, Any]) -> str:
            """Asks."""
            sigil: SigilHandle = runtime.context["sigil"]
            contexts: dict[str, Any] = {
                "nothing": {},
                "its caller's": {"context": sigil_context(sigil)},
                "one above": {"context": sigil_context(handle)},
                "no handle": {"context": {"mine": 1}},
            }
            child = create_agent(**with_sigil(**each_once(buy)))
            return repr(await child.ainvoke(TASK, **contexts[given]))

        scout = create_agent(**with_sigil(**each_once(ask, name="scout")))
        await scout.ainvoke(TASK, context=sigil_context(handle))
        assert _seen(stage) == [("nameless", "ERR_AGENT_UNKNOWN")]
        assert stage.town.paid() == (0, 0)

    async def test_the_model_reads_a_denial_and_the_run_goes_on(self, stage: Stage) -> None:
        handle = stage.open({"scout": {"max_price": "1 sat"}})
        shop = stage.open_shop()

        async def buy() -> str:
            """Buys."""
            return (await asigil_fetch(shop.url)).text

        agent = create_agent(
            **with_sigil(handle.for_agent("scout"), **each_once(buy, *sigil_tools[1:]))
        )
        [denied, budget] = _told(await agent.ainvoke(TASK))
        assert denied.startswith("ERR_PRICE: ")
        assert budget.startswith("everybody here: ")

    async def test_an_error_that_is_not_sigil_s_ends_the_run_as_without_the_middleware(
        self, stage: Stage
    ) -> None:
        def fail() -> str:
            """Fails."""
            raise ZeroDivisionError("mine")

        stage.open({})
        for config in (each_once(fail), with_sigil(stage.handle, **each_once(fail))):
            with pytest.raises(ZeroDivisionError, match="mine"):
                await create_agent(**config).ainvoke(TASK)

    async def test_without_a_handle_a_tool_is_denied(self, stage: Stage) -> None:
        stage.open({})
        get = stage.tool()

        async def buy() -> str:
            """Buys."""
            return await get("http://127.0.0.1:9/")

        await create_agent(**with_sigil(**each_once(buy, name="scout"))).ainvoke(TASK)
        assert _seen(stage) == [("(none)", "ERR_AGENT_UNKNOWN")]

    @pytest.mark.parametrize("kind", ["mapping", "frozen dataclass"])
    async def test_the_handle_in_a_tool_s_context_is_the_calling_agent_s(
        self, stage: Stage, kind: str
    ) -> None:
        handle = stage.open({"scout": {}})
        met: list[object] = []

        def look(runtime: ToolRuntime[Any, Any]) -> str:
            """Looks."""
            context = runtime.context
            sigil = context["sigil"] if kind == "mapping" else context.sigil
            mine = context["mine"] if kind == "mapping" else context.mine
            met.append((sigil is current_handle(), sigil.agent, mine))
            return "looked"

        async def ask() -> str:
            """Asks."""
            scout = create_agent(**with_sigil(**each_once(look, name="scout")))
            return repr(await scout.ainvoke(TASK))

        boss = create_agent(**with_sigil(**each_once(look, ask)))
        context: Any = {"mine": 7, "sigil": handle} if kind == "mapping" else Context(handle, 7)
        await boss.ainvoke(TASK, context=context)
        assert met == [(True, None, 7), (True, "scout", 7)]

    async def test_a_transfer_by_command_gives_each_agent_its_own_entry(self, stage: Stage) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"max_price": "5 sat"}})
        get = stage.tool()

        async def buy() -> str:
            """Buys."""
            return await get(shop.url)

        def transfer(to: str) -> BaseTool:
            def go(runtime: ToolRuntime[Any, Any]) -> Command[Any]:
                said = ToolMessage("transferred", tool_call_id=runtime.tool_call_id or "")
                messages = [*runtime.state["messages"], said]
                return Command(goto=to, graph=Command.PARENT, update={"messages": messages})

            return StructuredTool.from_function(go, name=f"to_{to}", description="Transfers.")

        boss = create_agent(
            **with_sigil(
                **{
                    **each_once(transfer("scout")),
                    "model": model_of([("to_scout", {})], [("buy", {})]),
                    "tools": [transfer("scout"), buy],
                }
            )
        )
        scout = create_agent(**with_sigil(**each_once(buy, transfer("boss"), name="scout")))
        graph = StateGraph(MessagesState)
        graph.add_node("boss", boss)
        graph.add_node("scout", scout)
        graph.add_edge(START, "boss")
        await graph.compile().ainvoke(TASK, context=sigil_context(handle))  # pyright: ignore
        assert _seen(stage) == [("scout", "ERR_PRICE"), (None, "served")]

    async def test_an_interrupt_reaches_the_caller_and_a_resumed_run_goes_on_as_the_same_agent(
        self, stage: Stage
    ) -> None:
        shop = stage.open_shop()
        handle = stage.open({"scout": {"budget": "20 sat"}})
        get = stage.tool()

        async def buy() -> str:
            """Buys."""
            interrupt("may I?")
            return await get(shop.url)

        saver = InMemorySaver()
        scout = create_agent(**with_sigil(**each_once(buy, name="scout", checkpointer=saver)))
        config: Any = {"configurable": {"thread_id": "1"}}
        context = sigil_context(handle.for_agent("scout"))
        ended = await scout.ainvoke(TASK, config, context=context)
        assert ended["__interrupt__"]
        shown = text_of(saver.storage, saver.writes, saver.blobs)
        assert handle.for_agent("scout").credential.text.split(":")[0][-40:] not in shown
        await scout.ainvoke(Command(resume="yes"), config, context=context)
        assert _seen(stage) == [("scout", "served")]

    async def test_a_thread_that_a_tool_starts_without_the_context_is_denied(
        self, stage: Stage
    ) -> None:
        stage.open({"scout": {}})
        get = stage.tool(is_async=False)

        def buy() -> str:
            """Buys."""
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(get, "http://127.0.0.1:9/").result()

        agent = create_agent(**with_sigil(stage.handle.for_agent("scout"), **each_once(buy)))
        await agent.ainvoke(TASK)
        assert _seen(stage) == [("(none)", "ERR_AGENT_UNKNOWN")]


@dataclass(frozen=True)
class Context:
    sigil: SigilHandle
    mine: int


def test_the_page_s_snippet_runs_as_it_stands(
    open_town: Callable[..., Town],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage = Stage(open_town(now=None))
    shop = stage.open_shop()
    get = stage.tool(is_async=False)

    def look_up() -> str:
        """Looks it up."""
        return get(shop.url)

    def calls(name: str, **arguments: str) -> AIMessage:
        call: Any = {"name": name, "args": arguments, "id": uuid.uuid4().hex}
        return AIMessage("", tool_calls=[call])

    answers = [
        calls("ask_scout", question="How is the weather?"),
        calls("look_up"),
        AIMessage("sunny"),
        AIMessage("It is sunny."),
    ]
    monkeypatch.setenv("SIGIL_CREDENTIAL", stage.root)
    opened = note_opened(monkeypatch)
    names = {"look_up": look_up, "question": "How is the weather?"}
    start_snippet("python-langchain", model=Model(answers=iter(answers)), **names)
    opened[0].close()
    assert capsys.readouterr().out == "It is sunny.\n"
    assert _seen(stage) == [("scout", "served")]


def test_the_example_runs_and_its_own_assertions_hold() -> None:
    assert "scout: 4.98 sat left of 25 sat" in run_example("langchain_agents")
