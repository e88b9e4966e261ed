"""Methods of a framework's classes that are replaced, where it has no hook around an agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def replace_once(owner: type, name: str, made: Callable[[Any], Any]) -> None:
    """Replaces a method by what ``made`` makes of it, once for all objects of the class."""
    method = getattr(owner, name)
    if hasattr(method, "sigil"):
        return
    replaced = made(method)
    replaced.sigil = True
    setattr(owner, name, replaced)
