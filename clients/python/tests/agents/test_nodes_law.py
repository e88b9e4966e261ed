"""The law of a handle's nodes, over random tables of agents: one name with one scope under one
parent is one node with the same counters, whenever and in however many handles it is made;
everything else is another node. The judge is the verifier of the credentials.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from l8nt.agents import SigilHandle

from .credentials import mint, proven
from .family import START, open_family

_DAY: Final = 86_400
_CREDENTIAL: Final = mint()

# Two of the names are one name in a caveat.
_names = st.sampled_from(("scout", "Flight booker", "Flight-booker", "研究员", "运行者"))
_limits = st.fixed_dictionaries(
    {},
    optional={
        "budget_per_day": st.just("15 sat"),
        "max_uses_per_day": st.just(3),
        "purpose": st.sampled_from(("a", "b")),
    },
)
_times = st.sampled_from(
    (
        {},
        {"expires_in": "15m"},
        {"expires_at": datetime.fromtimestamp(START + 9 * _DAY, timezone.utc)},
    )
)


@dataclass(frozen=True)
class Row:
    """One agent. ``above`` is the row above it; itself or a later one stands for the top."""

    name: str
    limits: dict[str, Any]
    times: dict[str, Any]
    above: int


_rows = st.lists(
    st.builds(Row, _names, _limits, _times, st.integers(0, 12)), min_size=1, max_size=8
)


def _open(table: list[Row], now: float, *, is_timed: bool = True) -> list[SigilHandle]:
    """The handle of each row, all under one new handle at the top."""
    top = open_family(_CREDENTIAL, clock=lambda: now)
    made: list[SigilHandle] = []
    for row in table:
        parent = made[row.above] if row.above < len(made) else top
        scope: Any = {**row.limits, **(row.times if is_timed else {})}
        made.append(parent.delegate(row.name, **scope))
    return made


def _nodes(made: list[SigilHandle]) -> list[tuple[str, ...]]:
    return [proven(one.credential).node_ids for one in made]


def _counters(made: list[SigilHandle]) -> list[list[str | None]]:
    return [[limit.id for limit in proven(one.credential).limits] for one in made]


def _key(table: list[Row], at: int) -> object:
    """What makes an agent, written down: the names and limits from the top."""
    row = table[at]
    parent = _key(table, row.above) if row.above < at else "top"
    return (parent, row.name, sorted(row.limits.items()))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_rows, st.integers(1, 8 * _DAY), st.booleans())
def test_an_agent_has_one_node_and_one_set_of_counters_in_every_handle_and_at_every_time(
    table: list[Row], later: int, is_timed: bool
) -> None:
    first, second = _open(table, START), _open(table, START + later, is_timed=is_timed)
    assert _nodes(second) == _nodes(first)
    assert _counters(second) == _counters(first)
    assert [one.id for one in second] == [one.id for one in first]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_rows)
def test_an_agent_shares_its_node_with_none_of_another_name_scope_or_parent(
    table: list[Row],
) -> None:
    ids = [path[-1] for path in _nodes(_open(table, START))]
    keys = [_key(table, at) for at in range(len(table))]
    for a in range(len(table)):
        for b in range(len(table)):
            assert (ids[a] == ids[b]) is (keys[a] == keys[b])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_rows, st.integers(0, 8 * _DAY))
def test_an_agent_ends_with_its_entry_and_with_every_agent_above_from_when_its_handle_was_made(
    table: list[Row], later: int
) -> None:
    now = START + later
    for at, handle in enumerate(_open(table, now)):
        ends = [START + 30 * _DAY]
        row = at
        while True:
            times = table[row].times
            if "expires_in" in times:
                ends.append(now + 900)
            if "expires_at" in times:
                ends.append(int(times["expires_at"].timestamp()))
            if table[row].above >= row:
                break
            row = table[row].above
        chain = proven(handle.credential).chain
        assert chain.valid_until_of(chain.nodes[-1]) == min(ends)


def test_an_agent_is_a_twin_each_time_where_no_handle_makes_it() -> None:
    one, other = (_CREDENTIAL.delegate(agent="scout", budget="9 sat") for _ in range(2))
    assert proven(one).node.id != proven(other).node.id


def test_a_nonce_is_derived_by_nobody_without_the_parent_s_credential() -> None:
    tops = (_CREDENTIAL, mint(), _CREDENTIAL.append(["purpose=x"]))
    nonces = {
        next(
            one.value
            for one in open_family(top).delegate("scout").credential.caveats
            if one.condition == "agent"
        )
        for top in tops
    }
    assert len(nonces) == 3
