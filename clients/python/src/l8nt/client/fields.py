"""Header fields of a request, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Fields:
    """Header fields of a request. Names are in lower case; a name may stand more than once."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = [(name.lower(), value) for name, value in pairs]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __contains__(self, name: str) -> bool:
        return any(known == name for known, _ in self.pairs)

    def __repr__(self) -> str:
        # Values may be credentials.
        return f"<Fields {', '.join(name for name, _ in self.pairs)}>"

    def get(self, name: str) -> str | None:
        """The value; several lines are joined by commas."""
        values = [value for known, value in self.pairs if known == name]
        return ", ".join(values) if values else None

    def with_(self, name: str, value: str) -> Fields:
        """The fields with this one in the place of all of its name."""
        return _made([*(pair for pair in self.pairs if pair[0] != name), (name, value)])

    def without(self, *names: str) -> Fields:
        return _made([pair for pair in self.pairs if pair[0] not in names])

    def and_(self, name: str, value: str) -> Fields:
        """The fields and one more."""
        return _made([*self.pairs, (name, value)])


def _made(pairs: list[tuple[str, str]]) -> Fields:
    """Of names that are in lower case already."""
    made = Fields()
    made.pairs = pairs
    return made
