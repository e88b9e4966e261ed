"""Sigil inside of MCP messages: the keys of ``_meta``, and the URL that stands for a tool call.
spec/8-mcp.md §1 and §2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

CREDENTIAL: Final = "dev.l8nt/credential"
"""Key in a request: the text of a credential."""
PROBLEM: Final = "dev.l8nt/problem"
"""Key in a result: problem details (RFC 9457) of a refusal."""
USE: Final = "dev.l8nt/use"
"""Key in a result: what became of the use, ``consumed`` or ``released``."""
IDEMPOTENCY_KEY: Final = "dev.l8nt/idempotency-key"
"""Key in a request: a text that a repeated call has, too."""
PAYMENT_CREDENTIAL: Final = "org.paymentauth/credential"
"""Key in a request: a credential in the form of the "Payment" scheme."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_UNREADABLE = "?"
"""Stands for a value of the wrong type: a malformed credential, and not none."""


def is_tool_name(name: object) -> bool:
    """MCP's rule for names, without the names that a URL path drops (``.`` and ``..``)."""
    return isinstance(name, str) and bool(_TOOL_NAME.fullmatch(name)) and bool(name.strip("."))


def tool_path(name: str) -> str:
    """The path that a call of the tool is judged as."""
    return f"/mcp/tools/{name}"


def members(value: object) -> Mapping[str, Any]:
    """The members of a JSON object; none of anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def authorization_in(meta: object) -> str | None:
    """The credentials under either key of a request's ``_meta``, as a value of
    ``Authorization``.
    """
    given = members(meta)
    texts: list[str] = []
    if (ours := given.get(CREDENTIAL)) is not None:
        texts.append(ours if isinstance(ours, str) else _UNREADABLE)
    if (theirs := given.get(PAYMENT_CREDENTIAL)) is not None:
        texts.append(_of_payment(theirs))
    return ", ".join(f"L402 {text}" for text in texts) or None


def _of_payment(value: object) -> str:
    """The challenge's id is the macaroon, the payload has the preimage. Nothing else is read."""
    given = members(value)
    challenge, payload = members(given.get("challenge")), members(given.get("payload"))
    macaroon, preimage = challenge.get("id"), payload.get("preimage")
    is_ours = challenge.get("method") == "lightning"
    if is_ours and isinstance(macaroon, str) and isinstance(preimage, str):
        return f"{macaroon}:{preimage}"
    return _UNREADABLE


def without_credential(meta: object) -> dict[str, Any]:
    """The ``_meta`` as a tool sees it."""
    ours = (CREDENTIAL, PAYMENT_CREDENTIAL)
    return {name: value for name, value in members(meta).items() if name not in ours}
