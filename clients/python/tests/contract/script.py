"""What the agents of a test do, independent of a framework."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Get:
    """One call of the tool ``get``."""

    url: str


@dataclass(frozen=True)
class GetAll:
    """Several calls of it in one message of the model."""

    urls: tuple[str, ...]


@dataclass(frozen=True)
class Hand:
    """Hands work to another agent, which does its acts; then this one goes on."""

    script: Script


@dataclass(frozen=True)
class HandAll:
    """Hands work to several in one message of the model. Only for adapters with ``siblings``."""

    scripts: tuple[Script, ...]


Act: TypeAlias = Get | GetAll | Hand | HandAll


@dataclass(frozen=True)
class Script:
    """What one agent does, in this order. ``agent`` is its name in the framework."""

    agent: str
    acts: tuple[Act, ...]


def scripts_below(script: Script) -> list[Script]:
    """The scripts that an agent hands to others, in order."""
    below: list[Script] = []
    for act in script.acts:
        if isinstance(act, Hand):
            below.append(act.script)
        elif isinstance(act, HandAll):
            below.extend(act.scripts)
    return below
