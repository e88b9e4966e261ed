"""The V2 binary form of a macaroon, as go-macaroon and libmacaroons write it.
spec/1-credential.md §1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import TokenError

MAX_PACKET_BYTES = 6093
"""The most that fits in a credential of 8,192 characters. [case 7]"""
MAX_CAVEATS = 64
MAX_CAVEAT_BYTES = 1024
SIGNATURE_BYTES = 32
_IDENTIFIER_BYTES = 66
"""Of a credential. spec/1-credential.md §2."""

VERSION = 2
END = 0
LOCATION = 1
IDENTIFIER = 2
VERIFICATION_ID = 4
SIGNATURE = 6

TRAILER = bytes([END, SIGNATURE, SIGNATURE_BYTES])
"""What stands between the last caveat and the 32 bytes of the signature."""


class Fields(NamedTuple):
    """The fields of a packet, not verified."""

    head: bytes
    """Everything up to the end of the last caveat, without an empty location."""
    location: str
    identifier: bytes
    caveats: tuple[bytes, ...]
    signature: bytes


def malformed(why: str) -> TokenError:
    return TokenError("ERR_TOKEN_MALFORMED", f"The macaroon is malformed: {why}.")


def too_large() -> TokenError:
    return TokenError(
        "ERR_TOKEN_TOO_LARGE",
        f"A macaroon has at most {MAX_CAVEATS} caveats of {MAX_CAVEAT_BYTES} bytes, and "
        f"{MAX_PACKET_BYTES} bytes in all. Delegate less deep, or say less in each scope.",
    )


def field(kind: int, data: bytes) -> bytes:
    """A field of at most 16,383 bytes."""
    size = len(data)
    if size < 0x80:
        return bytes((kind, size)) + data
    return bytes((kind, size & 0x7F | 0x80, size >> 7)) + data


def caveat_field(caveat: bytes) -> bytes:
    """A caveat with its end. Raises ``ERR_TOKEN_TOO_LARGE``."""
    size = len(caveat)
    if size < 0x80:
        return b"\x02%c%b\0" % (size, caveat)
    if size > MAX_CAVEAT_BYTES:
        raise too_large()
    return field(IDENTIFIER, caveat) + b"\0"


def head_of(location: str, identifier: bytes) -> bytes:
    """What a packet begins with. Raises ``ERR_TOKEN_TOO_LARGE``."""
    place = location.encode()
    if len(place) + len(identifier) > MAX_PACKET_BYTES:
        raise too_large()
    start = bytes([VERSION]) + (field(LOCATION, place) if place else b"")
    return start + field(IDENTIFIER, identifier) + b"\0"


def check_size(head: bytes, caveats: int) -> None:
    """Raises ``ERR_TOKEN_TOO_LARGE`` for a packet that nobody could present."""
    size = len(head) + len(TRAILER) + SIGNATURE_BYTES
    if caveats > MAX_CAVEATS or size > MAX_PACKET_BYTES:
        raise too_large()


def check_descent(own: Sequence[bytes], following: Sequence[bytes]) -> None:
    """Refuse what no credential can have: ``own`` caveats with those that follow. A location is a
    hint, so it is counted as missing. Raises TokenError ``ERR_TOKEN_TOO_LARGE``.
    """
    every = (*own, *following)
    if len(every) > MAX_CAVEATS:
        raise too_large()
    check_size(
        head_of("", bytes(_IDENTIFIER_BYTES)) + b"".join(map(caveat_field, every)), len(every)
    )


def read_packet(packet: bytes) -> Fields:
    """Reads a packet. Bytes after it are an error.

    Raises TokenError ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``, ``ERR_TOKEN_THIRD_PARTY``.
    """
    if len(packet) > MAX_PACKET_BYTES:
        raise too_large()
    reader = _FieldReader(packet)
    if reader.byte() != VERSION:
        raise malformed("it is not a V2 binary macaroon")
    location = reader.optional(LOCATION)
    start = reader.offset if location == b"" else 1
    identifier = reader.required(IDENTIFIER, "identifier")
    reader.end()
    caveats: list[bytes] = []
    while reader.peek() != END:
        if len(caveats) == MAX_CAVEATS:
            raise too_large()
        caveats.append(_read_caveat(reader))
    head = packet[:1] + packet[start : reader.offset]
    reader.end()
    signature = reader.required(SIGNATURE, "signature")
    if len(signature) != SIGNATURE_BYTES:
        raise malformed("its signature is not 32 bytes")
    if reader.offset != len(packet):
        raise malformed("bytes follow its signature")
    return Fields(head, _location_text(location), identifier, tuple(caveats), signature)


def _read_caveat(reader: _FieldReader) -> bytes:
    location = reader.optional(LOCATION)
    caveat = reader.required(IDENTIFIER, "caveat")
    # Skipping a third-party caveat would drop a restriction, and verifying one takes a discharge,
    # which no L402 client sends. [case 28]
    if location is not None or reader.optional(VERIFICATION_ID) is not None:
        raise TokenError(
            "ERR_TOKEN_THIRD_PARTY", "The macaroon has a third-party caveat, which Sigil refuses."
        )
    if len(caveat) > MAX_CAVEAT_BYTES:
        raise too_large()
    reader.end()
    return caveat


def _location_text(location: bytes | None) -> str:
    try:
        return (location or b"").decode()
    except UnicodeDecodeError:
        raise malformed("its location is not UTF-8") from None


class _FieldReader:
    """Reads the type-length-value fields of a packet in the order in which they are asked for."""

    __slots__ = ("_packet", "offset")

    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self.offset = 0

    def peek(self) -> int:
        """The next byte; -1 at the end."""
        return self._packet[self.offset] if self.offset < len(self._packet) else -1

    def byte(self) -> int:
        if self.offset == len(self._packet):
            raise malformed("it ends too early")
        self.offset += 1
        return self._packet[self.offset - 1]

    def end(self) -> None:
        if self.byte() != END:
            raise malformed("a section does not end where it should")

    def optional(self, kind: int) -> bytes | None:
        if self.peek() != kind:
            return None
        self.offset += 1
        size = self._length()
        if size > len(self._packet) - self.offset:
            raise malformed("a field is longer than the macaroon")
        start = self.offset
        self.offset += size
        return self._packet[start : self.offset]

    def required(self, kind: int, name: str) -> bytes:
        data = self.optional(kind)
        if data is None:
            raise malformed(f"its {name} is missing or out of place")
        return data

    def _length(self) -> int:
        """A varint of at most two bytes, minimal: no field of so small a packet needs a third.
        [case 5]
        """
        first = self.byte()
        if first < 0x80:
            return first
        second = self.byte()
        if second == 0 or second > 0x7F:
            raise malformed("a length is not a minimal varint")
        return first & 0x7F | second << 7
