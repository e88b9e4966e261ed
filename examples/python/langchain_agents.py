"""LangChain: a boss asks a scout, who may spend 25 sat of the boss's 100. The models are scripted,
and the money is play money: `python examples/python/langchain_agents.py`
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

os.environ["LANGSMITH_TRACING"] = "false"

from l8nt.agents import SigilHandle, budget_text, sigil_fetch
from l8nt.langchain import sigil_context, with_sigil
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from market import market


class Scripted(BaseChatModel):
    """Gives one of its answers each turn. With a real model, only ``model`` changes."""

    answers: Iterator[AIMessage]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=next(self.answers))])

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def model(*calls: tuple[str, dict[str, str]], says: str) -> Scripted:
    answers = [
        AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{at}"}])
        for at, (name, arguments) in enumerate(calls)
    ]
    return Scripted(answers=iter([*answers, AIMessage(says)]))


with market(price="10 sat", budget="100 sat") as place:

    def report(metal: str) -> str:
        """Buys a report."""
        return sigil_fetch(f"{place.url}/{metal}").text

    scout = create_agent(
        **with_sigil(
            name="scout",
            model=model(
                *(("report", {"metal": metal}) for metal in ("tin", "zinc", "lead")),
                says="Tin and zinc; lead was too dear.",
            ),
            tools=[report],
        )
    )

    def ask_scout(question: str) -> str:
        """Has the scout look it up."""
        return scout.invoke({"messages": [question]})["messages"][-1].text

    boss = create_agent(
        **with_sigil(
            model=model(
                ("ask_scout", {"question": "Metals?"}),
                ("report", {"metal": "lead"}),
                says="All three.",
            ),
            tools=[ask_scout, report],
        )
    )
    table = {"scout": {"budget": "25 sat", "expires_in": "15m"}}
    sigil = SigilHandle.open(credential=place.credential, agents=table)
    ended = boss.invoke({"messages": ["What of metals?"]}, context=sigil_context(sigil))

    # Two reports at 10 sat fit into the scout's 25; a third did not. The boss had enough left.
    told = [one.text for one in ended["messages"] if isinstance(one, ToolMessage)]
    assert told[0] == "Tin and zinc; lead was too dear."
    assert told[1].startswith('{"served":')
    assert place.served == ["/tin", "/zinc", "/lead"]
    assert place.payments == 3
    left = budget_text(sigil.for_agent("scout").standing())
    assert "scout: 4.98 sat left of 25 sat" in left
    assert sigil.credential.text[-40:] not in repr(ended)
    sigil.close()

print(f"boss: {ended['messages'][-1].text}", left, sep="\n")
