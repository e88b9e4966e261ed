"""What every object that holds a secret has in common: nothing that copies or shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

from typing_extensions import Self

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


class HoldsSecret:
    """Base of objects that hold a secret. Their attributes are slots, which ``vars`` does not list;
    ``repr`` and ``str`` do not show them; pickling raises TypeError. They are immutable, so a copy
    is the object itself.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, whose secret is not shown>"

    def __str__(self) -> str:
        return self.__repr__()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self._refuse_to_pickle()

    def __getstate__(self) -> NoReturn:
        self._refuse_to_pickle()

    def _refuse_to_pickle(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} holds a secret and is not pickled: {self._instead}"
        )

    @property
    def _instead(self) -> str:
        """What to do in place of pickling."""
        return "make it anew where it is needed"


def without_frames(error: E) -> E:
    """The error, without the frames of its traceback and of what caused it: tools show the values
    of their variables.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            waiting += [one.__cause__, one.__context__]
    return error


def takes_secrets(function: Callable[P, T]) -> Callable[P, T]:
    """Makes a function whose errors do not have the frames in which its arguments were read."""

    @wraps(function)
    def guarded(*args: P.args, **options: P.kwargs) -> T:
        try:
            return function(*args, **options)
        except Exception as error:
            failed = without_frames(error)
        del args, options
        raise failed

    return guarded
