"""What a module needs that the package does not bring: a framework, or an HTTP library."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires
from types import TracebackType

__all__ = ["Extra"]


class Extra:
    """Names the command that installs an extra if an import inside of the block fails::

    with Extra("flask"):
        from flask import g
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        """``name``: as ``pyproject.toml`` has it."""
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, ImportError):
            # A program that does without it catches the same class, and may ask for its name.
            kind = ModuleNotFoundError if isinstance(error, ModuleNotFoundError) else ImportError
            raise kind(self._message(error), name=error.name, path=error.path) from error

    def _message(self, error: ImportError) -> str:
        return f"{error.msg}. This module of l8nt needs it: {command_of(self._name)}"


def command_of(extra: str) -> str:
    """The command that installs what an extra of this package needs."""
    try:
        wanted = [one for one in map(_wanted, requires("l8nt") or ()) if one[1] == extra]
    except PackageNotFoundError:  # The sources, not installed.
        wanted = []
    if not wanted:
        return f'install the extra "{extra}" of l8nt'
    return "pip install " + " ".join(f'"{what}"' for what, _ in wanted)


def _wanted(requirement: str) -> tuple[str, str | None]:
    """What is required, and the extra that requires it, of a line such as
    ``flask>=3; extra == 'flask'``.
    """
    what, _, marker = requirement.partition(";")
    is_extra = marker.strip().startswith("extra ==")
    return what.strip(), marker.partition("==")[2].strip(" '\"") if is_extra else None
