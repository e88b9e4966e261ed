"""The event hooks of a caller's HTTP client. Those of a request are called once, with the request
as the caller made it; those of a response with the answer that the caller gets. Neither sees a
credential, or a 402 that is paid.
"""

from __future__ import annotations

import copy
from typing import Any


def without_hooks(http: Any) -> Any:
    """The same client of httpx2 or httpx, which calls no hooks. It shares all that it has."""
    if not any(http.event_hooks.values()):
        return http
    made = copy.copy(http)
    made.event_hooks = {}
    return made


def call_hooks(hooks: dict[str, list[Any]], of: str, given: Any) -> None:
    """Calls the hooks ``of`` a request or a response."""
    for hook in hooks.get(of, ()):
        hook(given)


async def acall_hooks(hooks: dict[str, list[Any]], of: str, given: Any) -> None:
    """Calls the hooks ``of`` a request or a response."""
    for hook in hooks.get(of, ()):
        await hook(given)
