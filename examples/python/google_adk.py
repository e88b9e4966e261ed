"""Google ADK: a boss transfers to a scout, who may spend 25 sat of the boss's 100, and gets the work
back. The models are scripted, and the money is play money: `python examples/python/google_adk.py`
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Any

os.environ.setdefault("OTEL_SDK_DISABLED", "true")

from google.adk.agents import LlmAgent  # noqa: E402
from google.adk.models import BaseLlm, LlmRequest, LlmResponse  # noqa: E402
from google.adk.runners import InMemoryRunner  # noqa: E402
from google.genai import types  # noqa: E402
from l8nt.agents import SigilHandle, budget_text  # noqa: E402
from l8nt.google_adk import sigil_tools, with_sigil  # noqa: E402
from market import market  # noqa: E402


class Scripted(BaseLlm):
    """A scripted model. With a real model, only ``model`` changes."""

    model: str = "scripted"
    says: list[types.Part]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        yield LlmResponse(content=types.Content(role="model", parts=[self.says.pop(0)]))


def call(name: str, **arguments: Any) -> types.Part:
    return types.Part(function_call=types.FunctionCall(name=name, args=arguments))


async def main() -> None:
    with market(price="10 sat", budget="100 sat") as place:
        # The credential stands in SIGIL_CREDENTIAL where it is not given.
        sigil = SigilHandle.open(
            credential=place.credential,
            agents={"scout": {"budget": "25 sat", "expires_in": "15m"}},
        )

        def buys(on: str) -> types.Part:
            return call("fetch_url", url=f"{place.url}/{on}")

        def transfer(to: str) -> types.Part:
            return call("transfer_to_agent", agent_name=to)

        found = [buys("tin"), buys("zinc"), buys("lead"), transfer("boss")]
        scout = LlmAgent(name="scout", model=Scripted(says=found), tools=list(sigil_tools))
        says = [transfer("scout"), buys("lead"), types.Part(text="All three.")]
        boss = LlmAgent(
            name="boss", model=Scripted(says=says), tools=list(sigil_tools), sub_agents=[scout]
        )
        runner = InMemoryRunner(agent=boss, app_name="metals")
        whose = {"user_id": "owner", "session_id": "first"}
        await runner.session_service.create_session(app_name="metals", **whose)
        question = types.Content(role="user", parts=[types.Part(text="What of metals?")])
        runs = with_sigil(runner, sigil).run_async(**whose, new_message=question)
        seen = "".join([event.model_dump_json() async for event in runs])

        # Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
        assert "ERR_BUDGET" in seen
        assert "All three." in seen
        assert place.served == ["/tin", "/zinc", "/lead"]
        assert place.payments == 3
        assert place.credential[-40:] not in seen
        left = budget_text(await sigil.for_agent("scout").astanding())
        assert "scout: 4.98 sat left of 25 sat" in left
        print(left)


asyncio.run(main())
