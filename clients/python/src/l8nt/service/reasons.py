"""Why a service does not serve a request, and which refusals a new credential helps with.
spec/3-challenge.md §5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Protocol

from ..amount import Amount, format_amount
from ..caveat.window import format_window
from ..errors import AdapterError, BudgetError, DeniedError, Refusal, RefusalNode, TokenError
from .counting import Counted, Usage

__all__ = [
    "MISSING_CREDENTIAL",
    "bad_target",
    "budget_error",
    "guarded_twice",
    "is_unproven",
    "needs_new_credential",
    "several_hosts",
    "unknown_mount",
]

MISSING_CREDENTIAL: Final = (
    "This endpoint takes an L402 credential, and sells none. Bring one that its owner minted, or "
    "one derived from it."
)

# Credentials that read well and prove nothing here. One of a retired secret cannot be told from a
# forged one. What cannot be read is the fault of its sender, who would make it again.
_UNPROVEN = frozenset(
    {
        "ERR_TOKEN_FORGED",
        "ERR_TOKEN_PREIMAGE",
        "ERR_TOKEN_ROOT",
        "ERR_TOKEN_ISSUER",
        "ERR_TOKEN_KEY",
    }
)
# What a new credential is not, or has enough of, whichever node said no.
_USED_UP = frozenset({"ERR_EXPIRED", "ERR_REVOKED", "ERR_BUDGET", "ERR_USES"})


def is_unproven(error: TokenError) -> bool:
    """Whether a request with this credential is answered like one without any."""
    return error.code in _UNPROVEN


def needs_new_credential(error: DeniedError) -> bool:
    """Whether only another credential would help with every refusal: the answer is 401 then."""
    return all(
        one.code in _USED_UP
        or (one.code == "ERR_PRICE" and (one.node is None or one.node.agent is None))
        for one in error.refusals
    )


def bad_target() -> AdapterError:
    return AdapterError(
        "ERR_REQUEST",
        "The request's method or path can be read in two ways, so it is not served. Send the path "
        "without encoded slashes, dots or backslashes.",
    )


def unknown_mount() -> AdapterError:
    return AdapterError(
        "ERR_REQUEST",
        "The server says that the application is mounted below a path (SCRIPT_NAME, root_path) "
        "that the service's location does not have, so the request is not served. If the operator "
        "has mounted it there: give Service(location=…) the path that clients call, or "
        "Sigil(mount=…) the one that the application itself mounts it at.",
    )


def several_hosts() -> AdapterError:
    return AdapterError(
        "ERR_REQUEST", "The request has several Host fields, so it is not served. Send one."
    )


def guarded_twice() -> AdapterError:
    return AdapterError(
        "ERR_PRICE_FUNCTION",
        "This request is guarded twice, on different terms or as another request, so its price "
        "cannot be determined. Nothing was charged. The operator should remove one of the two, or "
        "change the request before both.",
    )


class _Node(Protocol):
    @property
    def id(self) -> str | None: ...
    @property
    def agent(self) -> str | None: ...


class NodeLimit(Counted, Protocol):
    """A counted limit, with the node and the condition that it comes from."""

    @property
    def condition(self) -> str: ...
    @property
    def node(self) -> _Node: ...


def budget_error(
    limits: Sequence[NodeLimit], used_up: Sequence[Usage], amount: Amount
) -> BudgetError:
    """The ledger's refusal as an error for people."""
    of = {one.id: one for one in used_up}
    refusals = [_refusal(one, of[one.id], amount) for one in limits if one.id in of]
    return BudgetError(refusals)


def _refusal(limit: NodeLimit, usage: Usage, amount: Amount) -> Refusal:
    most = 0 if limit.max is None else limit.max
    left = max(0, most - usage.used)
    window = format_window(limit.window_seconds)
    node = None if limit.node.id is None else RefusalNode(limit.node.id, limit.node.agent)
    resets_at = None if usage.resets_at is None else math.ceil(usage.resets_at)
    if limit.kind == "uses" or limit.unit is None:
        have = f"{left} of {most} uses{window} left"
        return Refusal("ERR_USES", limit.condition, have, "1", node, resets_at)
    shown = [format_amount(Amount(limit.unit, value)) for value in (left, most)]
    have = f"{shown[0]} left of {shown[1]}{window}"
    return Refusal("ERR_BUDGET", limit.condition, have, format_amount(amount), node, resets_at)
