"""Pydantic AI with its own function model: the laws of the contract for each way to run agents."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract import AgentContract, Get, GetAll, Script, Stage, scripts_below

pytest.importorskip("pydantic_ai")

from pydantic_ai import Agent, RunContext, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from l8nt.pydantic_ai import sigil_context, with_sigil

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
