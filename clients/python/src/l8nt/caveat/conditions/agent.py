"""``agent``: opens a node of the tree of delegations. spec/2-caveats.md §4."""

from __future__ import annotations

import re
from os import urandom
from typing import Final, NamedTuple

from ...errors import Refusal
from ..condition import Condition
from ..field import Field, WriteTerms


class Agent(NamedTuple):
    """A value of the condition."""

    name: str
    nonce: str
    """Distinguishes the nodes of two agents with the same name."""


_NAME: Final = "agent"
_AGENT: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.([0-9a-f]{8,32})")
# Not like a node id: owners name agents by either, and must not stop the wrong one.
_NEW: Final = re.compile(r"(?![0-9a-fA-F]{32}\Z)[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def agent_caveat(name: str, nonce: str) -> str:
    """The caveat that opens a node. ``nonce`` has 8 to 32 hex digits in lower case."""
    return f"{_NAME}={name}.{nonce}"


def agent_name_of(text: str) -> str:
    """A framework's name as the caveat spells it. Frameworks allow names such as "Flight booker",
    and number their agents with 32 hex digits.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text).lstrip("_-")[:64]
    if _NEW.fullmatch(plain):
        return plain
    return f"{_NAME}-{plain}" if plain else _NAME


def agent_unknown(have: str, need: str) -> Refusal:
    """The refusal of a request whose agent is not known."""
    return Refusal("ERR_AGENT_UNKNOWN", _NAME, have, need)


def _write(name: object, terms: WriteTerms) -> list[str]:
    if not isinstance(name, str) or not _NEW.fullmatch(name):
        kind = ValueError if isinstance(name, str) else TypeError
        raise kind(
            f'{_NAME} must be 1 to 64 letters, digits, "-" or "_", no node id, '
            'such as "flight-booker"'
        )
    return [agent_caveat(name, urandom(8).hex() if terms.nonce is None else terms.nonce)]


def _parse(text: str) -> Agent | None:
    match = _AGENT.fullmatch(text)
    return None if match is None else Agent(match[1], match[2])


# It never denies: a name is for people, and gives its bearer nothing.
agent: Final = Condition[Agent](
    name=_NAME,
    judged_by="both",
    # The owner's names are not shown to services. A hand-over opens a node of its own.
    hand_over="dropped",
    fields=(Field("agent", _write),),
    parse=_parse,
    opens=lambda value: value.name,
    # The name is shown as the heading of the node's other conditions.
    words=lambda _value, _now: (),
)
