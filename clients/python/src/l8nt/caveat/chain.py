"""A chain of caveats: its nodes, conditions and counted limits, and its verdict on an access.
spec/2-caveats.md §2, §5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from ..errors import Refusal
from .access import Access
from .chain_entries import CaveatText, ChainEntry, ChainLimit
from .condition import AnyCondition, Condition, Place
from .node import Node, PlaceIds
from .refusing import UNKNOWN, denied, refusal_of, unknown, unreadable
from .vocabulary import ReadCaveat, Vocabulary

__all__ = [
    "CaveatChain",
    "CaveatText",
    "ChainEntry",
    "ChainLimit",
    "Node",
    "PlaceIds",
    "refusal_of",
]

Value = TypeVar("Value")


class CaveatChain:
    """The caveats of one credential.

    ``payment_hash`` is hex, from the identifier. Without ``places`` the chain is not verified, and
    its nodes and limits have no ids.
    """

    __slots__ = ("_broken", "_ends", "_facts", "_read", "limits", "nodes", "valid_until")

    nodes: tuple[Node, ...]
    """Root first, this credential's own node last."""
    limits: tuple[ChainLimit, ...]
    """Every counted limit, root first."""
    valid_until: int | None
    """Unix seconds of the earliest end; ``None`` for a credential without an end."""

    # Verifiers keep thousands of chains, so nothing is made here that can be made when it is asked
    # for.
    def __init__(
        self,
        caveats: Sequence[bytes],
        vocabulary: Vocabulary,
        payment_hash: str,
        places: PlaceIds | None = None,
    ) -> None:
        read = tuple(map(vocabulary.read, caveats))
        agents_after = sum(one is not None and _opens(one) for one in read)
        node = Node(places, 0)
        nodes = [node]
        self._facts = [Place(payment_hash, agents_after)]
        """The facts that hold from the start of the chain, and from each ``agent`` caveat on."""
        self._broken: list[Refusal] = []
        """The refusals of every access: unknown conditions and unreadable values."""
        self._ends: list[int | None] = [None]
        """By node: the earliest end up to its last caveat."""
        limits: list[ChainLimit] = []
        earliest: int | None = None
        for count, caveat in enumerate(read, 1):
            if caveat is None:
                self._broken.append(unreadable(node, "(no condition=value text)"))
                continue
            name, _, condition, value = caveat
            if condition is None:
                self._broken.append(unknown(node, name))
                continue
            if condition.opens is not None:
                agents_after -= 1
                self._facts.append(Place(payment_hash, agents_after))
                if value is not None:
                    node = Node(places, count, condition.opens(value))
                    nodes.append(node)
                    self._ends.append(earliest)
            if value is None:
                self._broken.append(unreadable(node, name))
                continue
            if condition.limit is not None:
                kind, most, unit, window = condition.limit(value)
                place = "" if places is None else places.at(count)
                limits.append(ChainLimit(kind, place, most, unit, window, earliest, name, node))
            if condition.ends is not None:
                end = condition.ends(value)
                if earliest is None or end < earliest:
                    self._ends[-1] = earliest = end
        self._read = read
        self.nodes = tuple(nodes)
        self.limits = tuple(limits)
        self.valid_until = earliest

    def __repr__(self) -> str:
        return f"CaveatChain(nodes={len(self.nodes)}, caveats={len(self._read)})"

    @property
    def texts(self) -> tuple[CaveatText, ...]:
        """The caveats as texts, in order."""
        return tuple(
            # Texts are shown and logged, and a preimage is half of a credential.
            CaveatText(one.name, "(not shown)", node, is_secret=True)
            if one.condition is not None and one.condition.is_secret
            else CaveatText(one.name, one.text, node)
            for one, node, _ in self._walk()
        )

    @property
    def entries(self) -> tuple[ChainEntry, ...]:
        """The caveats that could be read, in order."""
        return tuple(
            ChainEntry(one.condition, one.value, place, node)
            for one, node, place in self._walk()
            if one.condition is not None and one.value is not None
        )

    def _walk(self) -> Iterator[tuple[ReadCaveat, Node, Place]]:
        """Goes along the caveats with the node and the facts that hold at each."""
        nodes, places = iter(self.nodes), iter(self._facts)
        node, place = next(nodes), next(places)
        for caveat in self._read:
            if caveat is None:
                continue
            if _opens(caveat):
                place = next(places)
                if caveat.value is not None:
                    node = next(nodes)
            yield caveat, node, place

    @property
    def node(self) -> Node:
        """This credential's own node."""
        return self.nodes[-1]

    @property
    def lineage(self) -> tuple[str, ...]:
        """The agent names from the root to this node."""
        return tuple(node.agent for node in self.nodes if node.agent is not None)

    def has(self, condition: AnyCondition) -> bool:
        """Whether a caveat of this condition is on the chain."""
        return self.has_name(condition.name)

    def has_name(self, name: str) -> bool:
        """Whether a caveat of the condition of this name is on the chain."""
        return any(caveat is not None and caveat.name == name for caveat in self._read)

    def values(self, condition: Condition[Value]) -> list[Value]:
        """The values of this condition's caveats on the chain, root first."""
        return [
            caveat.value
            for caveat in self._read
            if caveat is not None and caveat.name == condition.name and caveat.value is not None
        ]

    @property
    def is_single_use(self) -> bool:
        """Whether the credential serves a single request. Such a credential belongs to that request
        and is worth nothing afterwards.
        """
        return any(
            limit.kind == "uses" and limit.window_seconds is None and limit.max == 1
            for limit in self.limits
        )

    @property
    def is_used_up_by_use(self) -> bool:
        """Whether a use reduces what the credential allows. A pass for a time is not used up."""
        return len(self.limits) > 0

    @property
    def last_end(self) -> ChainEntry | None:
        """The caveat that ends the credential at the last of the services that it is for. ``None``
        if it names no service, or has no end at one of them.
        """
        lists: list[Sequence[str]] = []
        ends: dict[str, tuple[int, ChainEntry]] = {}
        for entry in self.entries:
            condition = entry.condition
            if condition.services_of is not None:
                lists.append(condition.services_of(entry.value))
            if condition.ends_at is not None:
                service, until = condition.ends_at(entry.value)
                if service not in ends or until < ends[service][0]:
                    ends[service] = (until, entry)
        if not lists:
            return None
        services = set(lists[0]).intersection(*lists[1:])
        if not services or not services <= ends.keys():
            return None
        # Of two that end together, the one that the first list names first.
        last = max((ends[name] for name in lists[0] if name in services), key=lambda end: end[0])
        return last[1]

    def valid_until_of(self, node: Node) -> int | None:
        """Unix seconds of the earliest end among the caveats of the nodes from the root to
        ``node``.
        """
        return self._ends[self.nodes.index(node)]

    def refusals(self, access: Access) -> list[Refusal]:
        """Every caveat that denies this access; empty if it is allowed. Counted limits are the
        ledger's to judge.
        """
        return self._judge(list(self._broken), access, is_foretold=False)

    def certain_refusals(self, access: Access) -> list[Refusal]:
        """The refusals that hold whatever service judges: a service may know conditions that are
        unknown here, and knows its own name. A credential that has ended at every service that it
        is for is refused by each of them.
        """
        broken = [one for one in self._broken if one.code != UNKNOWN]
        refusals = self._judge(broken, access, is_foretold=True)
        end = self.last_end
        if end is not None and end.condition.ends_at and end.condition.prohibits:
            service = end.condition.ends_at(end.value).service
            denial = end.condition.prohibits(end.value, replace(access, service=service), end.place)
            if denial is not None:
                refusals.append(denied(end.node, end.condition, denial))
        return refusals

    def _judge(
        self, refusals: list[Refusal], access: Access, *, is_foretold: bool
    ) -> list[Refusal]:
        """Adds to ``refusals``. ``is_foretold`` leaves out what only a service can judge."""
        node = place = 0
        # Not `_walk`: every request takes this way.
        for caveat in self._read:
            if caveat is None:
                continue
            _, _, condition, value = caveat
            if condition is None:
                continue
            if condition.opens is not None:
                place += 1
                if value is not None:
                    node += 1
            if value is None or condition.prohibits is None:
                continue
            if is_foretold and condition.judged_by == "service":
                continue
            denial = condition.prohibits(value, access, self._facts[place])
            if denial is not None:
                refusals.append(denied(self.nodes[node], condition, denial))
        return refusals


def _opens(caveat: ReadCaveat) -> bool:
    return caveat.condition is not None and caveat.condition.opens is not None
