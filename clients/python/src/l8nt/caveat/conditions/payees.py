"""``payees``: the only nodes that may be paid."""

from __future__ import annotations

import re
from typing import Final

from ..access import Access
from ..condition import Condition, Denial, Place
from ..field import entry_like, read_list, write_list

_NAME: Final = "payees"
_NODE: Final = re.compile(r"0[23][0-9a-f]{64}")
_ENTRY: Final = entry_like(_NODE, "public keys of nodes, 66 hex digits in lower case")


def _prohibits(nodes: tuple[str, ...], access: Access, _: Place) -> Denial | None:
    if access.payee is None or access.payee in nodes:
        return None
    return Denial(", ".join(nodes) or "no payee at all", access.payee)


payees: Final = Condition[tuple[str, ...]](
    name=_NAME,
    # A service does not see the invoices that others pay.
    judged_by="treasury",
    hand_over="dropped",
    fields=(write_list("payees", _NAME, _ENTRY),),
    code="ERR_PAYEE",
    parse=lambda text: read_list(text, _NODE),
    prohibits=_prohibits,
    covers=lambda outer, inner: set(outer).issuperset(inner),
    words=lambda nodes, _now: [f"pays only {node}" for node in nodes] or ["pays nobody"],
)
