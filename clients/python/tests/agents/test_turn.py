"""Every relation of what a call was given and what runs around it, as a table."""

from __future__ import annotations

import pytest

from l8nt import DeniedError
from l8nt.agents import AgentPolicies, SigilHandle
from l8nt.agents.turn import turn

from .credentials import mint
from .family import code_of, open_family

_AGENTS: AgentPolicies = {
    "scout": {"budget": "50 sat", "agents": {"runner": {"budget": "10 sat"}}},
    "rich": {"budget": "90 sat", "agents": {"runner": {"budget": "80 sat"}}},
}


def _open() -> SigilHandle:
    return open_family(mint(budget="100 sat"), _AGENTS)


_top = _open()
_scout = _top.for_agent("scout")
_rich = _top.for_agent("rich")
_HANDLES = {
    "top": _top,
    "scout": _scout,
    "rich": _rich,
    "scout/runner": _scout.for_agent("runner"),
    "rich/runner": _rich.for_agent("runner"),
    "another top": _open(),
    "stranger": _top.for_agent("stranger"),
    "scout/stranger": _scout.for_agent("stranger"),
}
_DENIED = "denied: ERR_AGENT_UNKNOWN"


def _of(name: str | None) -> SigilHandle | None:
    return None if name is None else _HANDLES[name]


def _name_of(handle: SigilHandle | None) -> str:
    """Which of the handles above it is; else "denied", or "a new agent" with its lineage."""
    if handle is None:
        return "none"
    for name, one in _HANDLES.items():
        if one is handle:
            return name
    code = code_of(handle.assert_allowed)
    if code is not None:
        return f"denied: {code}"
    return f"a new agent {'/'.join(handle.credential.chain.lineage)}"


@pytest.mark.parametrize(
    ("given", "around", "expected"),
    [
        (None, None, "none"),
        (None, "scout", "scout"),
        ("scout", None, "scout"),
        ("scout", "scout", "scout"),
        ("top", "scout", "scout"),
        ("top", "scout/runner", "scout/runner"),
        ("scout", "top", "scout"),
        ("scout/runner", "top", "scout/runner"),
        ("rich", "scout", _DENIED),
        ("rich/runner", "scout/runner", _DENIED),
        ("rich/runner", "scout", _DENIED),
        ("rich", "scout/runner", _DENIED),
        ("another top", "top", _DENIED),
        ("stranger", "top", "stranger"),
        ("top", "stranger", "stranger"),
        ("scout", "stranger", _DENIED),
        ("stranger", "scout", _DENIED),
    ],
)
def test_a_tool_runs_as_the_innermost(given: str | None, around: str | None, expected: str) -> None:
    assert _name_of(turn(given=[_of(given)], around=_of(around))) == expected


@pytest.mark.parametrize(
    ("given", "around", "expected"),
    [
        ([], None, "none"),
        ([None, None], None, "none"),
        (["top", "scout"], None, "scout"),
        (["scout", "top"], None, "scout"),
        (["scout", None], "top", "scout"),
        (["top", "scout"], "scout/runner", "scout/runner"),
        (["scout/runner", "top"], "scout", "scout/runner"),
        (["scout", "rich"], None, _DENIED),
        (["scout", "rich"], "top", _DENIED),
        (["scout", "rich"], "scout/runner", _DENIED),
        (["scout", "another top"], "scout", _DENIED),
        (["scout", "scout/stranger"], "top", "scout/stranger"),
    ],
)
def test_a_tool_that_is_given_several_runs_as_the_innermost_of_all(
    given: list[str | None], around: str | None, expected: str
) -> None:
    assert _name_of(turn(given=[_of(one) for one in given], around=_of(around))) == expected


@pytest.mark.parametrize(
    ("given", "around", "expected"),
    [
        (None, None, "none"),
        ("scout", None, "scout"),
        (None, "scout", "scout/runner"),
        ("scout", "scout", "scout/runner"),
        ("top", "scout", "scout/runner"),
        ("scout", "top", "scout"),
        ("scout/runner", "scout", "scout/runner"),
        ("top", "top", _DENIED),
        (None, "scout/runner", _DENIED),
        ("rich", "scout", _DENIED),
        ("rich/runner", "scout", _DENIED),
        (None, "scout/stranger", _DENIED),
    ],
)
def test_a_call_that_starts_an_agent_called_runner_gives_it_its_caller_s_entry(
    given: str | None, around: str | None, expected: str
) -> None:
    handle = turn(given=[_of(given)], around=_of(around), name="runner")
    assert _name_of(handle) == expected


def test_the_denied_handle_is_below_the_running_agent_is_named_and_says_why() -> None:
    denied = turn(given=[_rich], around=_scout, name="runner")
    assert denied is not None
    assert denied.parent is _scout
    assert denied.agent == "runner"
    with pytest.raises(DeniedError, match="a handle that the running agent was not handed"):
        denied.assert_allowed()
