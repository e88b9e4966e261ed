"""The ten laws of every adapter of an agent framework, and what a test of an adapter needs.

    from tests.contract import AgentContract, Script, Stage

    class TestTransfers(AgentContract):
        siblings = False

        async def run(self, script: Script, stage: Stage) -> object:
            result = await run_in_the_framework(script, stage.handle, stage.tool())
            return [result.messages, result.state]

The framework's own mock model makes the calls of the script; a real paywall and a real treasury on
loopback are paid. Their books are the judges, not the framework.
"""

from .laws import AgentContract, Staged
from .script import Act, Get, GetAll, Hand, HandAll, Script, scripts_below
from .shown import text_of
from .stage import SERVED, Seen, Stage, note_opened

__all__ = [
    "SERVED",
    "Act",
    "AgentContract",
    "Get",
    "GetAll",
    "Hand",
    "HandAll",
    "Script",
    "Seen",
    "Stage",
    "Staged",
    "note_opened",
    "scripts_below",
    "text_of",
]
