"""How long a revocation is remembered, and the laws of those by holders: spec/1-credential.md §6,
cases 109, 111 and 118 of spec/cases.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l8nt import AdapterError
from l8nt.caveat import Node
from l8nt.credential import Revocation, RevocationList

NOW = 1_900_000_000
_made = itertools.count(1)


def fresh() -> str:
    return f"{next(_made):032x}"


class Place:
    """The id of a node, as the places of a chain give it."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id

    def at(self, count: int, /) -> str:
        return self.node_id


class World:
    """A list whose clock the test sets. Time passes as the clock shows it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.list = RevocationList(clock=lambda: self.now, elapsed=lambda: self.now)

    def revoke_below(
        self, *above: str, node: str | None = None, ends_at: float | None = None
    ) -> bool:
        """Whether the holder of the last node above may revoke a node."""
        return self.try_revocation(Revocation(node or fresh(), above, above[-1], ends_at))

    def try_revocation(self, revocation: Revocation) -> bool:
        try:
            self.list.revoke_below(revocation)
        except AdapterError as error:
            if error.code != "ERR_RATE_LIMITED":
                raise
            return False
        return True

    def is_revoked(self, path: Sequence[str]) -> bool:
        nodes = [Node(Place(one), 0) for one in path]
        return self.list.refusal_of(lambda: nodes, self.now) is not None


def test_an_entry_is_kept_until_the_end_of_what_is_below_it_that_second_included() -> None:
    world = World(0)
    past, present, for_good = fresh(), fresh(), fresh()
    world.list.revoke(past, 99)
    world.list.revoke(present, 100)
    world.list.revoke(for_good)
    world.now = 100
    for _ in range(3000):
        world.list.revoke(fresh(), 100)
    assert [one in world.list for one in (past, present, for_good)] == [False, True, True]
    assert len(world.list) == 2 + 3000
    assert world.list.certain_from == 99


@pytest.mark.parametrize("ends", [(50, 200), (200, 50), (None, 50), (50, None)])
def test_the_later_of_two_ends_holds(ends: tuple[float | None, float | None]) -> None:
    world = World(0)
    node = fresh()
    for end in ends:
        world.list.revoke(node, end)
    world.now = 150
    for _ in range(1100):
        world.list.revoke(fresh(), 150)
    assert node in world.list


def test_memory_is_bounded_by_what_can_be_valid() -> None:
    world = World(0)
    for now in range(20_000):
        world.now = now
        world.list.revoke(fresh(), now + 10)
    assert len(world.list) <= 1024 + 11


@pytest.mark.parametrize(("elapsed", "is_known"), [(60, True), (7 * 86_400, False)])
def test_a_clock_that_was_a_month_ahead_is_told_when_it_is_right_again(
    elapsed: float, is_known: bool
) -> None:
    times = {"now": float(NOW), "elapsed": 0.0}
    revocations = RevocationList(clock=lambda: times["now"], elapsed=lambda: times["elapsed"])
    node = fresh()
    revocations.revoke(node, NOW + 86_400)
    times.update(now=NOW + 31 * 86_400, elapsed=elapsed)
    for _ in range(3000):
        revocations.revoke(fresh(), times["now"] + 60)
    times["now"] = NOW + 120
    other = [Node(Place(fresh()), 0)]
    assert (revocations.refusal_of(lambda: other, times["now"]) is None) is is_known
    # What would be denied is not sold.
    assert (revocations.standstill(times["now"]) is None) is is_known
    assert (node in revocations) is is_known


@pytest.mark.parametrize("text", ["", "ab", "AB" * 16, "ab" * 16 + "0", "ab" * 16 + "\n", "agent"])
def test_a_text_that_is_no_node_id_is_refused(text: str) -> None:
    world = World()
    with pytest.raises(TypeError):
        world.list.revoke(text)
    assert len(world.list) == 0


bursts = st.lists(
    st.tuples(
        st.integers(0, 20), st.integers(1, 4), st.sampled_from([1, 7, 1000, 1050]), st.booleans()
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bursts, st.integers(0, 4), st.integers(0, 4))
def test_whatever_nodes_below_revoke_a_node_and_its_ancestors_can_revoke_each_of_them(
    floods: list[tuple[int, int, int, bool]], depth: int, pick: int
) -> None:
    world = World()
    revoked: set[str] = set()
    line: list[tuple[str, ...]] = [(fresh(),)]
    for _ in range(depth):
        line.append((*line[-1], fresh()))
    top = line[-1]
    nodes, children = [top], list[tuple[str, ...]]()

    def revoke(by: Sequence[str], path: Sequence[str]) -> bool:
        done = world.try_revocation(Revocation(path[-1], tuple(path[:-1]), by[-1], NOW + 60))
        if done:
            revoked.add(path[-1])
        return done

    def misjudged(paths: Sequence[Sequence[str]]) -> list[Sequence[str]]:
        return [one for one in paths if world.is_revoked(one) is not any(i in revoked for i in one)]

    for at, steps, count, is_deep in floods:
        by = nodes[at % len(nodes)]
        for _ in range(steps if by == top else steps - 1):
            by = (*by, fresh())
            nodes.append(by)
        for _ in range(count):
            child = (*by, fresh(), fresh()) if is_deep else (*by, fresh())
            revoke(by, child)
            children.append(child)
    assert len(world.list) <= 25_000
    assert misjudged(children + nodes) == []
    revoker = line[pick % len(line)]
    # Nothing of it was used up by the flood.
    assert all(revoke(revoker, (*revoker, fresh())) for _ in range(500))
    for path in reversed(nodes[1:]):
        assert revoke(revoker, path)
        assert world.is_revoked(path)
    # And more once the flood is folded.
    assert all(revoke(revoker, (*top, fresh())) for _ in range(100))
    assert misjudged([*children, *nodes, *line]) == []
    assert not world.is_revoked(top)
    branches = {path[len(top)] for path in nodes[1:]}
    assert len(world.list) == 600 + len(branches)


def test_a_node_has_a_thousand_and_room_comes_back_when_they_end_or_are_folded() -> None:
    world = World()
    root, by, branch = fresh(), fresh(), fresh()
    for _ in range(500):
        assert world.revoke_below(root, by, ends_at=NOW + 10)
        world.list.revoke_below(Revocation(fresh(), (root, by, branch), by, NOW + 90))
    assert not world.revoke_below(root, by)
    world.now = NOW + 11
    assert world.revoke_below(root, by, ends_at=NOW + 90)
    assert len(world.list) == 501
    assert world.revoke_below(root, by, node=branch, ends_at=NOW + 90)
    assert len(world.list) == 2
    assert all(world.revoke_below(root, by, ends_at=NOW + 90) for _ in range(998))
    assert not world.revoke_below(root, by)
    # A node with revoked ones below it fits all the same.
    flooder = fresh()
    assert world.revoke_below(root, by, flooder)
    assert world.revoke_below(root, by, node=flooder)
    assert flooder in world.list
    assert len(world.list) == 1001
    world.list.revoke(by)
    assert len(world.list) == 1


def test_the_owners_revocation_fits_in_a_tree_that_is_full() -> None:
    world = World()
    root = fresh()
    fits = [
        world.revoke_below(root, by) for by in (fresh() for _ in range(24)) for _ in range(1000)
    ]
    # The first hundred of each child, and what is not kept for the root.
    assert (len(world.list), fits.count(False)) == (24 * 100 + 19_000, 2600)
    one, other = fresh(), fresh()
    world.list.revoke(one)
    world.list.revoke(other, NOW + 5, above=[root])
    assert one in world.list
    assert other in world.list
    world.list.revoke(root)
    assert len(world.list) == 2


def test_a_child_that_floods_leaves_its_siblings_a_hundred_each() -> None:
    world = World()
    root, evil = fresh(), fresh()
    for below in (fresh() for _ in range(30)):
        for _ in range(1000):
            world.revoke_below(root, evil, below)
    for _ in range(1000):
        world.revoke_below(root, evil)
    assert not world.revoke_below(root, evil)
    assert not world.revoke_below(root, evil, fresh())
    good, under = fresh(), fresh()
    for _ in range(50):
        assert world.revoke_below(root, good)
        assert world.revoke_below(root, good, under)
    assert not world.revoke_below(root, good)
    assert all(world.revoke_below(root) for _ in range(1000))


def test_the_holders_of_other_trees_leave_950_to_each_tree() -> None:
    world = World()

    def flood() -> int:
        root, revoked = fresh(), 0
        for child in [None, *(fresh() for _ in range(24))]:
            above = (root,) if child is None else (root, child)
            for _ in range(1000):
                if not world.revoke_below(*above):
                    break
                revoked += 1
        return revoked

    trees = [flood() for _ in range(7)]
    assert trees[0] == 24 * 100 + 19_000
    assert min(trees) >= 950
    assert len(world.list) < 100_000 + 7 * 5000


def test_a_revocation_above_19000_deep_entries_is_in_force_at_once() -> None:
    world = World()
    line = [fresh() for _ in range(60)]
    for at in range(19_000):
        world.list.revoke(fresh(), NOW + 9, above=line, by=line[at % 20])
    world.list.revoke(line[0], NOW + 9)
    assert world.is_revoked(line)
    assert len(world.list) == 1
    for _ in range(300):
        world.list.revoke(fresh(), NOW + 5)
    world.now = NOW + 20
    for _ in range(1024):
        world.list.revoke(fresh())
    assert len(world.list) == 1024
    # What was removed takes no room of the tree, and takes the place of nothing.
    assert all(world.revoke_below(line[0]) for _ in range(1000))


@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_order_of_two_revocations_on_one_line_does_not_matter(
    first_end: int, second_end: int, is_reversed: bool, is_known: bool
) -> None:
    world = World()
    root, upper, lower = fresh(), fresh(), fresh()

    def revoke_upper() -> None:
        above = (root,) if is_known else ()
        world.list.revoke(upper, NOW + first_end, above=above, by=root if is_known else None)

    def revoke_lower() -> None:
        world.list.revoke(lower, NOW + second_end, above=(root, upper), by=upper)

    for act in (revoke_lower, revoke_upper) if is_reversed else (revoke_upper, revoke_lower):
        act()
    assert len(world.list) == 1
    for now, is_kept in (
        (max(first_end, second_end), True),
        (max(first_end, second_end) + 1, False),
    ):
        world.now = NOW + now
        for _ in range(1100):
            world.list.revoke(fresh(), NOW + 99)
        assert (upper in world.list) is is_kept


def test_a_watch_is_called_once_and_not_after_it_was_stopped() -> None:
    world = World()
    root, child, other = fresh(), fresh(), fresh()
    called: list[str] = []
    world.list.watch([root, child], lambda: called.append("one"))
    stop = world.list.watch([root, other], lambda: called.append("two"))
    stop()
    world.list.revoke(child)
    world.list.revoke(root)
    world.list.revoke(other)
    assert called == ["one"]
    assert world.list.stops([root])
    assert not world.list.stops([fresh()])


def test_before_a_feed_is_followed_nothing_can_be_missed() -> None:
    world = World()
    assert world.list.standstill(NOW) is None
    world.list.heard(NOW - 11, 10)
    assert world.list.standstill(NOW) is not None
    assert world.is_revoked([fresh()])
    world.list.heard(NOW + 10, 10)
    assert world.list.standstill(NOW) is None
    world.list.heard(-inf, inf)
    assert world.list.standstill(NOW) is None
