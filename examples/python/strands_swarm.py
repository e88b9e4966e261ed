"""Strands Agents: a boss hands work to a scout, who may spend 25 sat of the boss's 100, and gets it
back. The models are scripted, and the money is play money:
`python examples/python/strands_swarm.py`
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import AsyncGenerator
from typing import Any

os.environ.setdefault("OTEL_SDK_DISABLED", "true")

from l8nt.agents import SigilHandle, budget_text  # noqa: E402
from l8nt.strands import sigil_tools, with_sigil  # noqa: E402
from market import market  # noqa: E402
from strands import Agent  # noqa: E402
from strands.models import Model  # noqa: E402
from strands.multiagent import Swarm  # noqa: E402

ids = itertools.count()
seen: list[str] = []


class Scripted(Model):
    """A scripted model. With a real model, only ``model`` changes."""

    def __init__(self, *says: tuple[str, dict[str, Any]] | str) -> None:
        self.says = list(says)

    def update_config(self, **_: Any) -> None:
        pass

    def get_config(self) -> dict[str, Any]:
        return {}

    async def structured_output(self, *_: Any, **__: Any) -> AsyncGenerator[Any, None]:
        yield {}

    async def stream(self, messages: Any, *_: Any, **__: Any) -> AsyncGenerator[Any, None]:
        seen.append(json.dumps(messages))
        said = self.says.pop(0)
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(said, str):
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": said}}}
        else:
            use = {"name": said[0], "toolUseId": f"call{next(ids)}"}
            yield {"contentBlockStart": {"start": {"toolUse": use}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(said[1])}}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if isinstance(said, str) else "tool_use"}}


def agent(name: str, *says: tuple[str, dict[str, Any]] | str) -> Agent:
    return Agent(model=Scripted(*says), name=name, tools=list(sigil_tools), callback_handler=None)


with market(price="10 sat", budget="100 sat") as place:
    # The credential stands in SIGIL_CREDENTIAL where it is not given.
    sigil = SigilHandle.open(
        credential=place.credential, agents={"scout": {"budget": "25 sat", "expires_in": "15m"}}
    )

    def buys(on: str) -> tuple[str, dict[str, Any]]:
        return "fetch_url", {"url": f"{place.url}/{on}"}

    def hands(to: str) -> tuple[str, dict[str, Any]]:
        return "handoff_to_agent", {"agent_name": to, "message": "Go on."}

    scout = agent("scout", buys("tin"), buys("zinc"), buys("lead"), hands("boss"), "Two of three.")
    boss = agent("boss", hands("scout"), "Over to the scout.", buys("lead"), "All three.")
    swarm = with_sigil(Swarm([boss, scout]), sigil)
    result = swarm("What of metals?")

    # Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
    assert any("ERR_BUDGET" in text for text in seen)
    assert "All three." in str(result.results["boss"].result)
    assert place.served == ["/tin", "/zinc", "/lead"]
    assert place.payments == 3
    assert not any(place.credential[-40:] in text for text in seen)
    left = budget_text(sigil.for_agent("scout").standing())
    assert "scout: 4.98 sat left of 25 sat" in left
    print(left)
