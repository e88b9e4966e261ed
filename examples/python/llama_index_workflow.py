"""LlamaIndex: a boss hands off to a scout, who may spend 25 sat of the boss's 100, and gets the work
back. The models are scripted, and the money is play money:
`python examples/python/llama_index_workflow.py`
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from l8nt.agents import SigilHandle, budget_text
from l8nt.llama_index import sigil_tools, with_sigil
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from market import market

ids = itertools.count()
seen: list[str] = []


def call(name: str, **arguments: str) -> ToolCallBlock:
    return ToolCallBlock(tool_call_id=f"call{next(ids)}", tool_name=name, tool_kwargs=arguments)


def agent(name: str, *says: ToolCallBlock | TextBlock) -> FunctionAgent:
    script = list(says)

    # A scripted model. With a real model, only ``llm`` changes.
    def respond(messages: Any, **_: Any) -> ChatMessage:
        seen.extend(str(message) for message in messages)
        return ChatMessage(role="assistant", blocks=[script.pop(0)])

    llm = MockFunctionCallingLLM(response_generator=respond)
    return FunctionAgent(name=name, description=name, llm=llm, tools=list(sigil_tools))


async def main() -> None:
    with market(price="10 sat", budget="100 sat") as place:
        # The credential stands in SIGIL_CREDENTIAL where it is not given.
        sigil = SigilHandle.open(
            credential=place.credential,
            agents={"scout": {"budget": "25 sat", "expires_in": "15m"}},
        )

        def buys(on: str) -> ToolCallBlock:
            return call("fetch_url", url=f"{place.url}/{on}")

        def hands(to: str) -> ToolCallBlock:
            return call("handoff", to_agent=to, reason="Go on.")

        scout = agent("scout", buys("tin"), buys("zinc"), buys("lead"), hands("boss"))
        boss = agent("boss", hands("scout"), buys("lead"), TextBlock(text="All three."))
        flow = with_sigil(AgentWorkflow(agents=[boss, scout], root_agent="boss"), sigil)
        result = await flow.run("What of metals?")

        # Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
        assert any("ERR_BUDGET" in text for text in seen)
        assert "All three." in str(result)
        assert place.served == ["/tin", "/zinc", "/lead"]
        assert place.payments == 3
        assert not any(place.credential[-40:] in text for text in seen)
        left = budget_text(await sigil.for_agent("scout").astanding())
        assert "scout: 4.98 sat left of 25 sat" in left
        print(left)


asyncio.run(main())
