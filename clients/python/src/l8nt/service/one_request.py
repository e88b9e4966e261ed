"""What a view returned for one request, as a value that no cache keeps for others."""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict
from typing import Any, Final, NoReturn, cast

__all__ = ["OfOneRequest", "of_one_request"]

_FIXED: Final[tuple[Any, ...]] = (tuple, str, bytes)
_KINDS: Final[tuple[Any, ...]] = (OrderedDict, dict, list, bytearray, *_FIXED)


class OfOneRequest:
    """Stands in an answer that must not be kept for others, or is the base of one. A cache that
    reads no header stores what a view returned, and cannot store this.
    """

    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(
            "this answer is of one request, and of one credential: put what caches below guarded()"
        )

    def __reduce__(self) -> NoReturn:
        self.__reduce_ex__(2)


def of_one_request(value: Any) -> Any:
    """A text, bytes, a mapping, a list or a tuple as an equal one of its own class that cannot be
    stored. Any other value is given back as it is.
    """
    if isinstance(value, OfOneRequest):
        return value
    for kind in _KINDS:
        if isinstance(value, kind):
            try:
                return _made(_class_of(cast("Any", type(value)), kind), kind, value)
            except TypeError:
                # A class that is made in its own way, such as defaultdict.
                return _made(_class_of(kind, kind), kind, value)
    return value


@functools.lru_cache(maxsize=256)
def _class_of(given: Any, kind: Any) -> Any:
    def copied(self: Any) -> Any:
        return _made(type(self), kind, self)

    def copied_whole(self: Any, memo: dict[int, Any]) -> Any:
        return _made(type(self), kind, copy.deepcopy(kind(self), memo))

    held: dict[str, Any] = {"__slots__": (), "__copy__": copied, "__deepcopy__": copied_whole}
    return type(given.__name__, (OfOneRequest, given), held)


def _made(made_of: Any, kind: Any, value: Any) -> Any:
    made: Any
    if kind in _FIXED:
        made = kind.__new__(made_of, value)
    else:
        made = kind.__new__(made_of)
        kind.__init__(made, value)
    if hasattr(value, "__dict__"):
        for name, own in cast("dict[str, Any]", vars(value)).items():
            vars(made)[name] = own
    return made
