"""The member of a framework's run context that carries a handle. docs/guides/agents.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

from .handle import SigilHandle


class SigilContext(TypedDict):
    """Goes into the context of a run, beside any other members."""

    sigil: SigilHandle


def sigil_context(handle: SigilHandle) -> SigilContext:
    """The members that a framework's run context needs: ``{**yours, **sigil_context(handle)}``.

    A context that is an object carries the same in its attribute ``sigil``.
    """
    return {"sigil": handle}


def handle_in(context: object) -> SigilHandle | None:
    """The handle in a context, under its key or attribute ``sigil``; ``None`` if there is none.

    Serialization turns a handle into its name, which grants nothing.
    """
    if isinstance(context, SigilHandle):
        return context
    if isinstance(context, Mapping):
        found = cast("Mapping[object, object]", context).get("sigil")
    else:
        found = getattr(context, "sigil", None)
    return found if isinstance(found, SigilHandle) else None
