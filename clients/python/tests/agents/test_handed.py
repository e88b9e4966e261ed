"""The handle after a transfer: every relation of who transfers, and what the other agent had before
in the run.
"""

from __future__ import annotations

import pytest

from l8nt.agents import AgentPolicies, SigilHandle
from l8nt.agents.handed import handed

from .credentials import mint
from .family import code_of, open_family

_AGENTS: AgentPolicies = {
    "boss": {
        "budget": "90 sat",
        "agents": {"scout": {"budget": "5 sat", "agents": {"runner": {"budget": "1 sat"}}}},
    },
    "scout": {"budget": "50 sat"},
}
_top = open_family(mint(budget="100 sat"), _AGENTS)
_boss = _top.for_agent("boss")
_scout = _boss.for_agent("scout")
_HANDLES = {
    "top": _top,
    "boss": _boss,
    "boss/scout": _scout,
    "boss/scout/runner": _scout.for_agent("runner"),
    "scout": _top.for_agent("scout"),
}


def _name_of(handle: SigilHandle) -> str:
    code = code_of(handle.assert_allowed)
    return code or next(name for name, one in _HANDLES.items() if one is handle)


@pytest.mark.parametrize(
    ("giver", "before", "name", "expected"),
    [
        # To an agent that the run has seen, which is above.
        ("boss/scout", "boss", "boss", "boss"),
        ("boss/scout/runner", "boss", "boss", "boss"),
        ("boss/scout/runner", "boss/scout", "scout", "boss/scout"),
        ("boss/scout", "top", "anything", "top"),
        ("boss/scout", "boss/scout", "scout", "boss/scout"),
        # To an agent that the run has not seen, called like one above.
        ("boss/scout", None, "boss", "ERR_AGENT_UNKNOWN"),
        ("boss/scout/runner", None, "boss", "ERR_AGENT_UNKNOWN"),
        ("boss/scout/runner", None, "scout", "ERR_AGENT_UNKNOWN"),
        ("boss/scout", None, "scout", "ERR_AGENT_UNKNOWN"),
        # Down the table, seen or not.
        ("top", None, "boss", "boss"),
        ("boss", None, "scout", "boss/scout"),
        ("boss", "boss/scout", "scout", "boss/scout"),
        ("boss", None, "stranger", "ERR_AGENT_UNKNOWN"),
        # What an agent had from another giver is not handed on.
        ("boss", "scout", "scout", "boss/scout"),
        ("scout", "boss/scout", "scout", "ERR_AGENT_UNKNOWN"),
        ("scout", "boss", "boss", "ERR_AGENT_UNKNOWN"),
    ],
)
def test_a_transfer_goes_back_to_what_the_run_has_seen_and_else_down_the_table(
    giver: str, before: str | None, name: str, expected: str
) -> None:
    had = None if before is None else _HANDLES[before]
    assert _name_of(handed(_HANDLES[giver], had, name)) == expected
