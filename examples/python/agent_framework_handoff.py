"""Microsoft Agent Framework: a boss hands off to a scout, who may spend 25 sat of the boss's 100, and
gets the work back. The models are scripted, and the money is play money:
`python examples/python/agent_framework_handoff.py`
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
)
from agent_framework.orchestrations import HandoffBuilder
from l8nt.agent_framework import sigil_tools, with_sigil
from l8nt.agents import SigilHandle, budget_text
from market import market

ids = itertools.count()
seen: list[str] = []


class _Says(BaseChatClient):
    says: list[Content]

    def _inner_get_response(self, *, messages: Sequence[Message], **_: Any) -> Any:
        seen.append(json.dumps([message.to_dict() for message in messages]))
        contents = [self.says.pop(0)]

        async def response() -> ChatResponse:
            return ChatResponse(messages=[Message(role="assistant", contents=contents)])

        return response()


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, _Says):
    """A scripted model. With a real model, only ``client`` changes."""

    def __init__(self, *says: Content) -> None:
        super().__init__()
        self.says = list(says)


def call(name: str, **arguments: str) -> Content:
    return Content.from_function_call(
        call_id=f"call{next(ids)}", name=name, arguments=json.dumps(arguments)
    )


def agent(name: str, *says: Content) -> Agent:
    return Agent(
        client=Scripted(*says),
        name=name,
        tools=list(sigil_tools),
        require_per_service_call_history_persistence=True,
    )


async def main() -> None:
    with market(price="10 sat", budget="100 sat") as place:
        # The credential stands in SIGIL_CREDENTIAL where it is not given.
        sigil = SigilHandle.open(
            credential=place.credential,
            agents={"scout": {"budget": "25 sat", "expires_in": "15m"}},
        )

        def buys(on: str) -> Content:
            return call("fetch_url", url=f"{place.url}/{on}")

        found = [buys("tin"), buys("zinc"), buys("lead"), call("handoff_to_boss")]
        scout = agent("scout", *found)
        done = Content.from_text("All three.")
        boss = agent("boss", call("handoff_to_scout"), buys("lead"), done)
        builder = HandoffBuilder(participants=[boss, scout]).with_start_agent(boss)
        flow = with_sigil(builder.build(), sigil)
        await flow.run("What of metals?")

        # Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
        assert any("ERR_BUDGET" in text for text in seen)
        assert place.served == ["/tin", "/zinc", "/lead"]
        assert place.payments == 3
        assert not any(place.credential[-40:] in text for text in seen)
        left = budget_text(await sigil.for_agent("scout").astanding())
        assert "scout: 4.98 sat left of 25 sat" in left
        print(left)


asyncio.run(main())
