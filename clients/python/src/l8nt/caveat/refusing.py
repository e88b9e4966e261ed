"""The refusals of caveats. spec/2-caveats.md §5."""

from __future__ import annotations

import re
from typing import Any, Final

from ..errors import Refusal, RefusalNode
from .condition import AnyCondition, Denial
from .node import Node

UNKNOWN: Final = "ERR_CAVEAT_UNKNOWN"
_SHOWN: Final = re.compile(r"[a-z0-9_]{1,63}")


def refusal_of(node: Node, code: Any, condition: str, have: str, need: str) -> Refusal:
    """The refusal of a caveat of a node."""
    own = None if node.id is None else RefusalNode(node.id, node.agent)
    return Refusal(code, condition, have, need, own)


def denied(node: Node, condition: AnyCondition, denial: Denial) -> Refusal:
    """The refusal of a caveat that denies an access."""
    return refusal_of(node, condition.code, condition.name, *denial)


# The value and a strange name are the sender's text: neither is repeated. 64 characters might be a
# preimage.
def unknown(node: Node, name: str) -> Refusal:
    """The refusal of a condition that is not known here."""
    return refusal_of(
        node,
        UNKNOWN,
        name if _SHOWN.fullmatch(name) else "(unprintable)",
        "a condition that is not enforced here",
        "conditions that are",
    )


def unreadable(node: Node, name: str) -> Refusal:
    """The refusal of a caveat that cannot be read."""
    return refusal_of(
        node, "ERR_CAVEAT_MALFORMED", name, "a value that cannot be read", "a well-formed one"
    )
