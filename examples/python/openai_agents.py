"""The OpenAI Agents SDK: a boss transfers to a scout, who may spend 25 sat of the boss's 100, and
to a stranger, who is not in the table. The models are scripted, and the money is play money:
`python examples/python/openai_agents.py`
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from agents import Agent, Runner, ToolCallOutputItem, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call
from l8nt.agents import SigilHandle, budget_text
from l8nt.openai_agents import sigil_context, sigil_tools, with_sigil
from market import market

set_tracing_disabled(True)
ids = itertools.count()


def call(name: str, **arguments: str) -> list[Any]:
    return [function_call(name, arguments, call_id=f"call-{next(ids)}")]


def agent(name: str, *turns: list[Any]) -> Agent[Any]:
    # Each model gives one of its answers each turn. With a real model, only `model` changes.
    return Agent(name=name, model=ScriptedModel(turns), tools=[*sigil_tools])


async def main() -> None:
    with market(price="10 sat", budget="100 sat") as place:
        tin, zinc, lead = (
            call("fetch_url", url=f"{place.url}/{metal}") for metal in ("tin", "zinc", "lead")
        )
        again = call("fetch_url", url=f"{place.url}/lead")
        boss = agent(
            "boss",
            call("transfer_to_scout"),
            call("transfer_to_stranger"),
            [assistant_message("done")],
        )
        scout = agent("scout", tin, zinc, lead, call("transfer_to_boss"))
        stranger = agent("stranger", again, call("transfer_to_boss"))
        boss.handoffs = [scout, stranger]
        scout.handoffs = [boss]
        stranger.handoffs = [boss]

        table = {"scout": {"budget": "25 sat", "expires_in": "15m"}}
        sigil = SigilHandle.open(credential=place.credential, agents=table)
        result = await Runner.run(with_sigil(boss), "What of metals?", context=sigil_context(sigil))

        # Two reports at 10 sat fit into the scout's 25; a third did not.
        outputs = [
            f"{one.agent.name}: {str(one.output).split(':')[0]}"
            for one in result.new_items
            if isinstance(one, ToolCallOutputItem)
        ]
        assert [one for one in outputs if "ERR_" in one] == [
            "scout: ERR_BUDGET",
            "stranger: ERR_AGENT_UNKNOWN",
        ]
        assert place.served == ["/tin", "/zinc"]
        assert place.payments == 2
        left = budget_text(await sigil.for_agent("scout").astanding())
        assert "scout: 4.98 sat left of 25 sat" in left
        assert sigil.credential.text[-40:] not in repr(result.new_items)
        await sigil.aclose()
    print("\n".join(outputs), left, result.final_output, sep="\n")


asyncio.run(main())
