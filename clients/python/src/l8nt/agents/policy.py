"""The owner's table of agents: who may be handed work, and what each is given.
docs/guides/agents.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ..caveat import (
    Scope,
    agent_name_of,
    agent_unknown,
    check_caveats,
    check_mapping,
    compile_scope,
    treasury_vocabulary,
    widenings,
)
from ..errors import DeniedError, Refusal

if TYPE_CHECKING:
    from ..credential import Credential

_VOCABULARY = treasury_vocabulary()
_NONCE_BYTES = 8
_TIMES = ("expires_in", "expires_at", "valid_from")


class AgentPolicy(Scope, total=False):
    """What one agent is given when work is handed to it, and to whom it may hand work in turn.

    The keys are those of a scope, without ``agent``: the name of the entry is the agent's name.
    """

    agents: Mapping[str, AgentPolicy]


AgentPolicies: TypeAlias = Mapping[str, AgentPolicy]
"""Keys are the names by which the framework knows its agents."""


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """An entry that was checked."""

    scope: Scope
    agents: PolicyTable


PolicyTable: TypeAlias = Mapping[str, PolicyEntry]


def read_policies(policies: AgentPolicies | None, what: str = "agents") -> PolicyTable:
    """The table, checked.

    :param what: names the table in errors
    :raises TypeError: for a table or an entry that cannot be read, with the entry's name
    """
    if policies is None:
        return {}
    table = cast("object", policies)
    if not isinstance(table, Mapping):
        raise TypeError(
            f"{what} must be a mapping, such as "
            '{"researcher": {"budget": "100 sat", "expires_in": "15m"}}'
        )
    read: dict[str, PolicyEntry] = {}
    for name, policy in policies.items():
        read[name] = read_policy(policy, f"{what}.{name}")
        check_mapping(policy, f"{what}.{name}")
    return read


def read_policy(policy: AgentPolicy, what: str) -> PolicyEntry:
    """One entry, checked.

    :raises TypeError: as ``read_policies``
    """
    entry = cast("object", policy)
    if not isinstance(entry, Mapping):
        raise TypeError(f'{what} must be a mapping, such as {{"budget": "100 sat"}}')
    words = cast("dict[str, Any]", _copied(policy))
    agents = words.pop("agents", None)
    if "agent" in words:
        raise TypeError(f'{what} has no "agent": the name of its entry is the agent\'s name')
    scope = cast("Scope", words)
    try:
        check_caveats(compile_scope(scope, now=0), _VOCABULARY)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what}: {error}") from error
    return PolicyEntry(scope, read_policies(agents, f"{what}.agents"))


def _copied(value: object) -> object:
    """What was given, as it was when it was checked: lists and mappings may change later."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return {key: _copied(one) for key, one in pairs}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return tuple(_copied(one) for one in cast("Sequence[object]", value))
    return value


@dataclass(frozen=True, slots=True)
class Held:
    """A credential whose times stand last, apart from the rest. The id of a node, and of a limit,
    covers all caveats before it, so with the times last both are the same whenever a handle is
    made.
    """

    lasting: Credential
    """Without the times. Never presented; delegations and revocations begin here."""
    times: tuple[str, ...]
    """The caveats that end it, its ancestors' first."""
    credential: Credential
    """What the agent presents."""


def narrowed(own: Held, name: str, entry: PolicyEntry, now: float) -> Held:
    """The credential of an agent below the one that holds ``own``. Its node is the same in every
    process, for one name and one scope without its times. spec/2-caveats.md §4.

    :raises DeniedError: ``ERR_SCOPE_WIDER`` for a scope that asks for more than ``own`` has
    """
    wider = widenings(own.credential.caveats, compile_scope(entry.scope, now=now))
    if wider:
        raise DeniedError(wider)
    rest, ends = _without_times(entry.scope)
    # The framework's name, because two of its names may be one name in a caveat.
    message = _json(["agent", name, *compile_scope(rest, now=now)])
    nonce = own.lasting.body.derive(message)[:_NONCE_BYTES].hex()
    rest["agent"] = agent_name_of(name)
    opened = compile_scope(rest, now=now, nonce=nonce)
    added = compile_scope(ends, now=now)
    check_caveats((*opened, *added), _VOCABULARY)
    lasting = own.lasting.append(opened)
    times = (*own.times, *added)
    return Held(lasting, times, lasting.append(times) if times else lasting)


def _without_times(scope: Scope) -> tuple[Scope, Scope]:
    """The scope without its times, and the times."""
    rest: dict[str, Any] = {}
    ends: dict[str, Any] = {}
    for key, value in scope.items():
        (ends if key in _TIMES else rest)[key] = value
    return cast("Scope", rest), cast("Scope", ends)


def unknown_agent(name: str, policies: PolicyTable) -> Refusal:
    """The refusal for an agent without an entry."""
    have = f"work for {', '.join(policies)}" if policies else "no agent that may be handed work"
    return agent_unknown(have, f"an entry for {agent_name_of(name)}")


def _json(value: list[str]) -> str:
    """JSON without spaces, in which only a surrogate without its pair is escaped, as in every
    language.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)
