"""The law of ``turn``, over random families of agents: the result never has more than the agent
that runs, nor more than anything that was given; unrelated handles give a denied one. The judges
are the agents' places in the family and the caveats of real credentials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import event, given, settings
from hypothesis import strategies as st

from l8nt.agents import AgentPolicies, SigilHandle
from l8nt.agents.turn import turn

from .credentials import mint
from .family import caveats_of, code_of, open_family

_OWN: Final[AgentPolicies] = {"a": {"budget": "9 sat", "agents": {"b": {"budget": "8 sat"}}}}
_NAMES: Final = ("a", "b", "c")
_CREDENTIAL: Final = mint(budget="100 sat")


@dataclass(frozen=True)
class Member:
    """An agent, in the order in which they are made: a top, or below one before it."""

    parent: int | None
    how: str
    name: str


_members = st.lists(
    st.builds(
        Member,
        st.one_of(st.none(), *[st.integers(0, 100)] * 7),
        st.sampled_from(("by table", "delegated", "nobody")),
        st.sampled_from(_NAMES),
    ),
    min_size=1,
    max_size=12,
)
_pick = st.one_of(st.none(), *[st.integers(0, 100)] * 5)


def _is_denied(handle: SigilHandle) -> bool:
    return code_of(handle.assert_allowed) is not None


def _grow(members: list[Member]) -> tuple[list[SigilHandle], list[int | None]]:
    handles: list[SigilHandle] = []
    parents: list[int | None] = []
    for at, member in enumerate(members):
        if member.parent is None or at == 0:
            handles.append(open_family(_CREDENTIAL, _OWN))
            parents.append(None)
            continue
        above = handles[member.parent % at]
        if member.how == "nobody":
            handles.append(above.nobody(member.name, "nothing"))
        elif member.how == "delegated" and not _is_denied(above):
            handles.append(above.delegate(member.name, max_uses=100 - at, agents=_OWN))
        else:
            handles.append(above.for_agent(member.name))
        parents.append(member.parent % at)
    return handles, parents


def _above(index: int, handles: list[SigilHandle], parents: list[int | None]) -> set[int]:
    """The handles above an agent and its own. A table's handle may stand at two indices."""
    found: set[int] = set()
    at: int | None = index
    while at is not None:
        found.add(id(handles[at]))
        at = parents[at]
    return found


@settings(max_examples=1_000, deadline=None, derandomize=True)
@given(_members, st.lists(_pick, max_size=3), _pick, st.one_of(st.none(), st.sampled_from(_NAMES)))
def test_the_result_has_at_most_what_runs_and_at_most_what_was_given(
    members: list[Member], picks: list[int | None], around: int | None, name: str | None
) -> None:
    handles, parents = _grow(members)
    gave = [None if pick is None else pick % len(members) for pick in picks]
    runs = None if around is None else around % len(members)
    result = turn(
        given=[None if one is None else handles[one] for one in gave],
        around=None if runs is None else handles[runs],
        name=name,
    )
    named = [one for one in (runs, *gave) if one is not None]
    if not named:
        assert result is None
        return
    assert result is not None
    lineages = [_above(one, handles, parents) for one in named]
    is_related = any(all(id(handles[one]) in lineage for one in named) for lineage in lineages)
    if not is_related or any(_is_denied(handles[one]) for one in named):
        event("unrelated" if not is_related else "below a denied one")
        assert _is_denied(result)
        return
    if _is_denied(result):
        event("without an entry")
        assert name is not None
        return
    event("allowed")
    # Without a name the result is one of them, and the work is not taken away from it.
    if name is None:
        assert any(handles[one] is result for one in named)
    caveats = caveats_of(result.credential)
    for one in named:
        outer = caveats_of(handles[one].credential)
        assert caveats[: len(outer)] == outer
    # An agent that is started never has its caller's own handle.
    if name is not None and runs is not None:
        assert result is not handles[runs]
