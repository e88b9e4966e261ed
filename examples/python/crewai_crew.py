"""CrewAI: a boss delegates to a scout, who may spend 25 sat of the boss's 100. The models are
scripted, and the money is play money: `python examples/python/crewai_crew.py`
"""

from __future__ import annotations

import itertools
import json
import os
from typing import Any

# CrewAI reports runs to its makers unless it is told not to before it is imported.
os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", OTEL_SDK_DISABLED="true"
)

from crewai import Agent, Crew, Task  # noqa: E402
from crewai.llms.base_llm import BaseLLM  # noqa: E402
from l8nt.agents import SigilHandle, budget_text  # noqa: E402
from l8nt.crewai import sigil_tools, with_sigil  # noqa: E402
from market import market  # noqa: E402

ids = itertools.count()


class Scripted(BaseLLM):
    """A scripted model. With a real model, only ``llm`` changes."""

    says: list[Any] = []  # noqa: RUF012

    def supports_function_calling(self) -> bool:
        return True

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        seen.append(json.dumps(messages, default=str))
        return self.says.pop(0)


def scripted(*says: Any) -> Scripted:
    model = Scripted(model="scripted")
    model.says = list(says)
    return model


def call(name: str, **arguments: str) -> list[dict[str, Any]]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return [{"id": f"call{next(ids)}", "type": "function", "function": function}]


seen: list[str] = []
words = {"goal": "Reports on metals.", "backstory": "Reads a lot.", "tools": list(sigil_tools)}

with market(price="10 sat", budget="100 sat") as place:
    # The credential stands in SIGIL_CREDENTIAL where it is not given.
    sigil = SigilHandle.open(
        credential=place.credential,
        agents={"boss": {"agents": {"scout": {"budget": "25 sat", "expires_in": "15m"}}}},
    )

    def buys(on: str) -> Any:
        return call("fetch_url", url=f"{place.url}/{on}")

    asks = call("delegate_work_to_coworker", task="Tin?", context="None.", coworker="scout")
    found = scripted(buys("tin"), buys("zinc"), buys("lead"), "Two of three.")
    scout = Agent(role="scout", llm=found, **words)
    says = scripted(asks, buys("lead"), "All three.")
    boss = Agent(role="boss", llm=says, allow_delegation=True, **words)
    task = Task(description="What of metals?", expected_output="Three reports.", agent=boss)
    crew = with_sigil(Crew(agents=[boss, scout], tasks=[task]), sigil)
    result = crew.kickoff()

    # Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
    assert any("ERR_BUDGET" in text for text in seen)
    assert str(result) == "All three."
    assert place.served == ["/tin", "/zinc", "/lead"]
    assert place.payments == 3
    assert not any(place.credential[-40:] in text for text in seen)
    left = budget_text(sigil.for_agent("boss").for_agent("scout").standing())
    assert "scout: 4.98 sat left of 25 sat" in left
    print(left)
