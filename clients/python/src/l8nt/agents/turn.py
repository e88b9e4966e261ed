"""The one rule that decides which handle a call of a tool or of an agent runs as.
docs/guides/agents.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .handle import SigilHandle


def turn(
    *,
    given: Sequence[SigilHandle | None] = (),
    around: SigilHandle | None,
    name: str | None = None,
) -> SigilHandle | None:
    """The innermost handle of what was given and what runs now; ``None`` only if there is neither.

    If two of them are unrelated, the result is a handle that is denied everything: an agent never
    spends what was handed to a sibling. A call that starts an agent, and was given nothing below
    the running agent, gets the running agent's entry for ``name``.

    :param given: what the call was given: a handle in its configuration, in its run's context, or
        both
    :param around: handle of the agent that runs now; ``None`` outside of any
    :param name: name of the agent that the call starts; ``None`` if the call is a tool's
    """
    handles = [handle for handle in (around, *given) if handle is not None]
    if not handles:
        return None
    innermost = next((one for one in handles if all(map(one.is_within, handles))), None)
    if innermost is None:
        why = "a handle that the running agent was not handed"
        return handles[0].nobody("agent" if name is None else name, why)
    # Frameworks pass a caller's context on to the agent it starts. That agent gets its own entry,
    # never its caller's handle.
    if innermost is around and name is not None:
        return innermost.for_agent(name)
    return innermost
