"""What a caller gave as an option, checked before anything is sent or paid. No message repeats a
value: it may be a secret.
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any

__all__ = ["check_callable", "check_http", "check_text", "kind_of"]

_LIBRARIES = ("httpx2", "httpx")
_VOWELS = ("a", "e", "i", "o", "httpx", "l8nt")


def kind_of(given: object) -> str:
    """What a value is, for messages."""
    if isinstance(given, type):
        return f"the class {given.__name__} itself"
    if given is None:
        return "None"
    kind = type(given)
    module = kind.__module__.split(".", 1)[0]
    name = kind.__name__ if module == "builtins" else f"{module}.{kind.__name__}"
    return f"{'an' if name.startswith(_VOWELS) else 'a'} {name}"


def check_text(given: object, option: str, what: str) -> None:
    """Raises TypeError for what is no text. ``what``: what the text is."""
    if not isinstance(given, str):
        raise TypeError(f"{option} must be {what}, and is {kind_of(given)}")


def check_callable(given: object, option: str, what: str) -> None:
    """Raises TypeError for what is neither a plain function nor ``None``: nobody would await one of
    ``async def``.
    """
    if given is None:
        return
    if not callable(given):
        raise TypeError(f"{option} must be {what}, and is {kind_of(given)}")
    if iscoroutinefunction(given) or iscoroutinefunction(type(given).__call__):
        raise TypeError(f"{option} must be {what}, and is one of async def: it is not awaited")


def check_http(given: Any, option: str, *, is_async: bool | None) -> None:
    """Raises TypeError for what cannot send requests: nothing else may be taken for a failure of
    the network, after which a payment is not known. ``is_async``: ``None`` for either.
    """
    if given is None:
        return
    kinds = {(kind.__module__.split(".", 1)[0], kind.__name__) for kind in type(given).__mro__}
    either = ("Client", "AsyncClient")
    wanted = either if is_async is None else either[is_async : is_async + 1]
    if any((library, name) in kinds for library in _LIBRARIES for name in wanted):
        return
    listed = " or ".join(f"an {library}.{name}" for name in wanted for library in _LIBRARIES)
    owner = {True: " of an AsyncClient", False: " of a Client", None: ""}[is_async]
    raise TypeError(f"{option}{owner} must be {listed}, and is {kind_of(given)}")
