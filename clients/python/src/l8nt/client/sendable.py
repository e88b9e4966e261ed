"""What can be sent as it is given: header fields that HTTP can carry, and extensions of httpx and
httpx2 that leave a request what it was judged as.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from ..errors import AdapterError
from .fields import Fields
from .presents import ADDED_FIELDS

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PLAIN_VALUE = re.compile(rb"(?:[^\x00-\x20\x7f](?:[\t\x20-\x7e\x80-\xff]*[^\x00-\x20\x7f])?)?\Z")


def sendable(fields: Fields) -> Fields:
    """The fields without white space around their values. HTTP libraries refuse other ones in ways
    of their own: with the value in the message, or after the connection is there.

    Raises AdapterError ``ERR_REQUEST``.
    """
    # No variable has a value: tools that show a traceback show those.
    if not all(_NAME.match(name) for name, _ in fields):
        raise _unsendable("The name of a header field is no name of HTTP's.")
    wrong = [name for name, value in fields if _CONTROL.search(value.strip(" \t"))]
    if wrong:
        raise _unsendable(
            f"The header field {wrong[0]} has a character that HTTP cannot carry, such as the line "
            "break at the end of a file: strip() the value."
        )
    if all(value == value.strip(" \t") for _, value in fields):
        return fields
    return Fields((name, value.strip(" \t")) for name, value in fields)


def is_sendable(name: bytes, value: bytes) -> bool:
    """Whether a field can be sent as it is."""
    is_value = _PLAIN_VALUE.match(value) is not None
    return is_value and _NAME.match(name.decode("latin-1")) is not None


def judged_extensions(
    given: Mapping[str, Any], fields: list[tuple[bytes, bytes]]
) -> Mapping[str, Any]:
    """The extensions of a request that may present a credential. ``fields``: those that the caller
    gave it, which its ``trace`` is shown.

    Raises AdapterError ``ERR_REQUEST`` for a ``target``; TypeError for a ``timeout`` that is none.
    """
    if "target" in given:
        raise _unsendable(
            "extensions={'target': …} sends a request to another path than that of its URL, which "
            "a credential is judged by. Give the URL."
        )
    _check_timeouts(given.get("timeout"))
    trace = given.get("trace")
    return given if trace is None else {**given, "trace": _hiding(trace, fields)}


def _check_timeouts(given: object) -> None:
    steps = cast("Mapping[str, object]", given).values() if isinstance(given, Mapping) else (given,)
    is_whole = given is None or isinstance(given, Mapping)
    for step in steps:
        is_step = step is None or (isinstance(step, (int, float)) and step >= 0)
        if not is_whole or not is_step:
            raise TypeError(
                "timeout must be a number of seconds, None, or a Timeout of the library"
            )


def _hiding(trace: Callable[[str, Any], Any], fields: list[tuple[bytes, bytes]]) -> Any:
    """The same function of the caller's, which sees no credential."""
    added = {name.encode() for name in ADDED_FIELDS}
    given = [field for field in fields if field[0].lower() in added]

    def told(name: str, info: Mapping[str, Any]) -> Any:
        request = info.get("request")
        if request is not None:
            shown = copy.copy(request)
            shown.headers = [one for one in request.headers if one[0].lower() not in added] + given
            info = {**info, "request": shown}
        return trace(name, info)

    return told


def _unsendable(why: str) -> AdapterError:
    return AdapterError("ERR_REQUEST", f"{why} Nothing was sent.")
