"""The texts of a token's blocks by their numbers, which each block continues.
spec/9-public-key.md §1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .protobuf import malformed

# fmt: off
_DEFAULT = (
    "read", "write", "resource", "operation", "right", "time", "role", "owner", "tenant",
    "namespace", "user", "team", "service", "admin", "email", "group", "member", "ip_address",
    "client", "client_ip", "domain", "path", "version", "cluster", "node", "hostname", "nonce",
    "query",
)
# fmt: on
"""The symbols that every Biscuit library knows, by their numbers."""
_DEFAULT_NUMBERS = {text: number for number, text in enumerate(_DEFAULT)}
_FIRST = 1024


class Symbols:
    """The symbols of the blocks of one token."""

    __slots__ = ("_numbers", "_texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """``texts``: those that it begins with, without the default ones."""
        self._texts = list(texts)
        self._numbers = {text: _FIRST + at for at, text in enumerate(self._texts)}

    def copy(self) -> Symbols:
        return Symbols(self._texts)

    def __len__(self) -> int:
        """How many there are beside the default ones."""
        return len(self._texts)

    def since(self, count: int) -> list[str]:
        return self._texts[count:]

    def number(self, text: str) -> int:
        """The number of a text, which is added if it is new."""
        given = self._numbers.get(text)
        if given is None:
            given = _DEFAULT_NUMBERS.get(text)
        if given is not None:
            return given
        number = _FIRST + len(self._texts)
        self._texts.append(text)
        self._numbers[text] = number
        return number

    def add(self, text: str) -> None:
        """:raises TokenError: ``ERR_TOKEN_MALFORMED`` for a symbol that stands there before"""
        count = len(self._texts)
        if self.number(text) != _FIRST + count:
            raise malformed("a symbol stands twice")

    def text(self, number: int) -> str:
        """:raises TokenError: ``ERR_TOKEN_MALFORMED`` for a number without a symbol"""
        at = number if number < _FIRST else number - _FIRST
        texts: Sequence[str] = _DEFAULT if number < _FIRST else self._texts
        if at >= len(texts):
            raise malformed("a symbol is missing")
        return texts[at]
