"""What tools and log handlers show of an error."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Final

_TESTS: Final = str(Path(__file__).resolve().parents[1])


def shown_of(error: BaseException) -> str:
    """Every variable of every frame but those of the tests, and what the error and its causes hold,
    with the requests of HTTP libraries.
    """
    shown: list[str] = []
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        shown += [repr(one), f"{one.args!r}", *_held_by(one)]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_code.co_filename.startswith(_TESTS):
                where = f"{frame.f_code.co_filename} {frame.f_code.co_name}"
                shown += [f"{where}: {name} = {value!r}" for name, value in frame.f_locals.items()]
    return "\n".join(shown)


def _held_by(error: BaseException) -> list[str]:
    held = [f"{name} = {value!r}" for name, value in vars(error).items()]
    for name in ("request", "_request", "request_info", "response"):
        one: Any = vars(error).get(name)
        for request in (one, getattr(one, "request", None), getattr(one, "request_info", None)):
            headers = getattr(request, "headers", None)
            held += [] if headers is None else [repr(list(headers.items()))]
            held.append(repr(getattr(request, "body", None)))
    return held
