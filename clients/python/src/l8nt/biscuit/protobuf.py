"""Protocol Buffers, as far as Biscuit needs them: one spelling of each message. Fields stand in
the order of their numbers, integers have no byte too many, and nothing is unknown.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import TokenError

_VARINT = 0
_DELIMITED = 2
_MORE = 0x80
"""Of a byte of a varint: another one follows."""
_MAX_VARINT_BYTES = 10
_INTEGERS = 1 << 64
_MAX_SMALL = 0xFFFF_FFFF


def malformed(what: str) -> TokenError:
    """The error of bytes that no message of the profile has."""
    return TokenError(
        "ERR_TOKEN_MALFORMED", f"The credential is no Biscuit of the profile: {what}."
    )


def wrong_type() -> TokenError:
    return malformed("a field has the wrong type")


class ReadField(NamedTuple):
    """A field of a message, whose value is an integer or has a length."""

    number: int
    value: int | bytes

    @property
    def bytes(self) -> bytes:
        if isinstance(self.value, int):
            raise wrong_type()
        return self.value

    @property
    def integer(self) -> int:
        if not isinstance(self.value, int):
            raise wrong_type()
        return self.value


def _long_varint(message: bytes, start: int) -> tuple[int, int]:
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        if start + count >= len(message):
            raise malformed("it ends too early")
        byte = message[start + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < _MORE:
            if (byte == 0 and count > 0) or value >= _INTEGERS:
                break
            return value, start + count + 1
    raise malformed("an integer is too long")


def _varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    """An integer, and where it ends."""
    first = message[at]
    if first < _MORE:
        return first, at + 1
    second = message[at + 1] if at + 1 < end else 0
    if 0 < second < _MORE:
        return first & 0x7F | second << 7, at + 2
    return _long_varint(message, at)


def _read(message: bytes, known: frozenset[int]) -> list[tuple[int, int | bytes]]:
    fields: list[tuple[int, int | bytes]] = []
    last = at = 0
    end = len(message)
    while at < end:
        tag = message[at]
        at += 1
        # Nearly all have one byte.
        if tag >= _MORE:
            tag, at = _varint(message, at - 1, end)
        number = tag >> 3
        if number == 0 or number < last:
            raise malformed("its fields are out of order")
        if number not in known:
            raise malformed(f"it has a field {number} that it must not have")
        last = number
        kind = tag & 7
        if kind not in (_VARINT, _DELIMITED):
            raise malformed("it has a field of a type that Biscuit does not use")
        if at >= end:
            raise malformed("it ends too early")
        value, at = _varint(message, at, end)
        if kind == _VARINT:
            fields.append((number, value))
            continue
        start, at = at, at + value
        if at > end:
            raise malformed("it ends too early")
        fields.append((number, message[start:at]))
    return fields


class Fields:
    """The fields of a message, in the order of their numbers."""

    __slots__ = ("_fields",)

    def __init__(self, message: bytes, known: frozenset[int]) -> None:
        """``known``: the numbers that the message may have.

        :raises TokenError: ``ERR_TOKEN_MALFORMED``
        """
        self._fields = _read(message, known)

    def has(self, number: int) -> bool:
        return any(own == number for own, _ in self._fields)

    def integer(self, number: int) -> int | None:
        """``None`` where it is missing."""
        value = self._only(number)
        if isinstance(value, bytes):
            raise wrong_type()
        return value

    def small(self, number: int) -> int | None:
        """A 32-bit integer without a sign; ``None`` where it is missing."""
        value = self.integer(number)
        if value is not None and value > _MAX_SMALL:
            raise malformed("an integer is too large")
        return value

    def bytes(self, number: int) -> bytes:
        value = self._only(number)
        if isinstance(value, bytes):
            return value
        raise malformed("a field is missing")

    def message(self, number: int, known: frozenset[int]) -> Fields:
        return Fields(self.bytes(number), known)

    def all(self, number: int) -> list[bytes]:
        """The values of a field that may stand several times."""
        values: list[bytes] = []
        for own, value in self._fields:
            if own != number:
                continue
            if isinstance(value, int):
                raise wrong_type()
            values.append(value)
        return values

    @property
    def one(self) -> ReadField:
        """Of a message that has exactly one field."""
        if len(self._fields) != 1:
            raise malformed("a value is not one value")
        return ReadField(*self._fields[0])

    def _only(self, number: int) -> int | bytes | None:
        only: int | bytes | None = None
        for own, value in self._fields:
            if own != number:
                continue
            if only is not None:
                raise malformed("a field stands twice")
            only = value
        return only


def text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        # Without a cause: its message repeats bytes of the credential.
        raise malformed("a text is not UTF-8") from None


def _written_varint(value: int) -> bytes:
    if value < _MORE:
        return bytes((value,))
    written = bytearray()
    while value >= _MORE:
        written.append((value & 0x7F) | _MORE)
        value >>= 7
    written.append(value)
    return bytes(written)


def integer_field(number: int, value: int) -> bytes:
    """An integer of 64 bits, which a negative one is written as."""
    return _written_varint(number << 3) + _written_varint(value % _INTEGERS)


def bytes_field(number: int, value: bytes) -> bytes:
    return _written_varint((number << 3) | _DELIMITED) + _written_varint(len(value)) + value


def text_field(number: int, value: str) -> bytes:
    return bytes_field(number, value.encode())
