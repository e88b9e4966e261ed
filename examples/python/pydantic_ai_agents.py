"""Pydantic AI: a boss asks a scout, who may spend 25 sat of the boss's 100. The models are
scripted, and the money is play money: `python examples/python/pydantic_ai_agents.py`
"""

from __future__ import annotations

import asyncio

from l8nt.agents import SigilHandle, asigil_fetch, budget_text
from l8nt.pydantic_ai import sigil_context, with_sigil
from market import market
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


def model(*calls: tuple[str, dict[str, str]], says: str) -> FunctionModel:
    """Gives one of its answers each turn. With a real model, only ``model`` changes."""
    parts = iter([*(ToolCallPart(*one) for one in calls), TextPart(says)])

    def answer(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[next(parts)])

    return FunctionModel(answer)


async def main() -> None:
    with market(price="10 sat", budget="100 sat") as place:

        async def report(metal: str) -> str:
            """Buys a report."""
            return (await asigil_fetch(f"{place.url}/{metal}")).text

        scout = Agent(
            model(
                *(("report", {"metal": metal}) for metal in ("tin", "zinc", "lead")),
                says="Tin and zinc; lead was too dear.",
            ),
            name="scout",
            tools=[report],
            capabilities=[with_sigil()],
        )

        async def ask_scout(question: str) -> str:
            """Has the scout look it up."""
            return (await scout.run(question)).output

        boss = Agent(
            model(
                ("ask_scout", {"question": "Metals?"}),
                ("report", {"metal": "lead"}),
                says="All three.",
            ),
            name="boss",
            tools=[ask_scout, report],
            capabilities=[with_sigil()],
        )
        table = {"scout": {"budget": "25 sat", "expires_in": "15m"}}
        sigil = SigilHandle.open(credential=place.credential, agents=table)
        result = await boss.run("What of metals?", deps=sigil_context(sigil))

        # Two reports at 10 sat fit into the scout's 25; a third did not. The boss had enough left.
        assert result.output == "All three."
        assert place.served == ["/tin", "/zinc", "/lead"]
        assert place.payments == 3
        left = budget_text(await sigil.for_agent("scout").astanding())
        assert "scout: 4.98 sat left of 25 sat" in left
        assert sigil.credential.text[-40:] not in repr(result.all_messages())
        await sigil.aclose()
    print(f"boss: {result.output}", left, sep="\n")


asyncio.run(main())
