"""What every object that holds a secret has in common: nothing that copies or shows it."""

from __future__ import annotations

from typing import Any, NoReturn

from typing_extensions import Self


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
