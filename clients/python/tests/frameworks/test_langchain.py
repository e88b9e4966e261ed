"""LangChain with its own fake model: the laws of the contract for each way to run an agent and to
hand work on.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract import AgentContract, Get, GetAll, Script, Stage, scripts_below

pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver

from l8nt.agents import SigilHandle
from l8nt.langchain import sigil_context, with_sigil

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
