"""The V2 packet, field by field: one order, one length for each field, nothing besides. [case 5]"""

import copy
import pickle

import pytest

from l8nt import TokenError
from l8nt.macaroon import UnverifiedMacaroon

VERSION = b"\x02"
END = b"\0"
LOCATION = b"\x01\x04here"
IDENTIFIER = b"\x02\x02id"
CAVEAT = b"\x02\x03a=b"
VERIFICATION = b"\x04\x30" + bytes(48)
SIGNATURE = b"\x06\x20" + b"\x07" * 32


def code_of(packet: bytes) -> str:
    with pytest.raises(TokenError) as caught:
        UnverifiedMacaroon.decode(packet)
    return caught.value.code


def test_location_identifier_caveats_signature_are_read_in_this_order() -> None:
    parts = [VERSION, LOCATION, IDENTIFIER, END, CAVEAT, END, CAVEAT, END, END, SIGNATURE]
    read = UnverifiedMacaroon.decode(b"".join(parts))
    assert read.location == "here"
    assert read.identifier == b"id"
    assert read.caveats == (b"a=b", b"a=b")
    assert read.signature == b"\x07" * 32


def test_an_empty_location_is_read_and_left_out_when_written() -> None:
    read = UnverifiedMacaroon.decode(VERSION + b"\x01\0" + IDENTIFIER + END + END + SIGNATURE)
    assert read.location == ""
    assert read.encode() == VERSION + IDENTIFIER + END + END + SIGNATURE


MALFORMED = {
    "nothing": b"",
    "a version alone": VERSION,
    "version 1": b"\x01" + IDENTIFIER + END + END + SIGNATURE,
    "the version twice": VERSION + VERSION + IDENTIFIER + END + END + SIGNATURE,
    "no identifier": VERSION + LOCATION + END + END + SIGNATURE,
    "the location behind the identifier": VERSION + IDENTIFIER + LOCATION + END + END + SIGNATURE,
    "two locations": VERSION + LOCATION + LOCATION + IDENTIFIER + END + END + SIGNATURE,
    "two identifiers": VERSION + IDENTIFIER + IDENTIFIER + END + END + SIGNATURE,
    "no end of the header": VERSION + IDENTIFIER + CAVEAT + END + END + SIGNATURE,
    "no end of a caveat": VERSION + IDENTIFIER + END + CAVEAT + CAVEAT + END + END + SIGNATURE,
    "no end of the caveats": VERSION + IDENTIFIER + END + SIGNATURE,
    "no signature": VERSION + IDENTIFIER + END + END,
    "a signature of 31 bytes": VERSION + IDENTIFIER + END + END + b"\x06\x1f" + bytes(31),
    "a signature of 33 bytes": VERSION + IDENTIFIER + END + END + b"\x06\x21" + bytes(33),
    "a byte behind the signature": VERSION + IDENTIFIER + END + END + SIGNATURE + b"\0",
    "a location that is not UTF-8": VERSION + b"\x01\x01\xff" + IDENTIFIER + END + END + SIGNATURE,
    "a length with a byte too many": VERSION + b"\x02\x82\x00id" + END + END + SIGNATURE,
    "a length of three bytes": VERSION + b"\x02\x82\x80\x01id" + END + END + SIGNATURE,
    "a length past the end": VERSION + b"\x02\x7fid" + END + END + SIGNATURE,
}


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(packet: bytes) -> None:
    assert code_of(packet) == "ERR_TOKEN_MALFORMED"


@pytest.mark.parametrize(
    "caveat",
    [CAVEAT + VERIFICATION + END, LOCATION + CAVEAT + END, LOCATION + CAVEAT + VERIFICATION],
)
def test_a_third_party_caveat_is_refused_and_never_skipped(caveat: bytes) -> None:
    packet = VERSION + IDENTIFIER + END + caveat + END + SIGNATURE
    assert code_of(packet) == "ERR_TOKEN_THIRD_PARTY"


START = UnverifiedMacaroon.mint(b"k", b"i" * 66)
ROOM = 6093 - len(START.encode())


def filled(room: int) -> list[bytes]:
    """Caveats that take exactly ``room`` bytes of a packet."""
    whole, rest = divmod(room, 1028)
    return [b"x" * 1024] * whole + [b"x" * (rest - 4)]


def test_64_caveats_of_1024_bytes_and_6093_bytes_in_all_fit_and_no_more() -> None:
    assert len(START.append(*[b""] * 64).caveats) == 64
    full = START.append(*filled(ROOM))
    assert len(full.encode()) == 6093
    assert UnverifiedMacaroon.decode(full.encode()) == full
    for caveats in ([b""] * 65, [b"x" * 1025], filled(ROOM + 1)):
        with pytest.raises(TokenError) as caught:
            START.append(*caveats)
        assert caught.value.code == "ERR_TOKEN_TOO_LARGE"


def test_the_limits_hold_where_a_packet_is_read() -> None:
    head = START.encode()[: -len(END + SIGNATURE)]
    for caveats in (b"\x02\0\0" * 65, b"\x02\x81\x08" + b"x" * 1025 + END):
        assert code_of(head + caveats + END + SIGNATURE) == "ERR_TOKEN_TOO_LARGE"
    assert code_of(bytes(6094)) == "ERR_TOKEN_TOO_LARGE"


def test_nothing_shows_the_signature_or_a_caveat() -> None:
    made = START.append(b"preimage=" + b"ab" * 32)
    for shown in (repr(made), str(made), f"{made}", repr([made])):
        assert "abab" not in shown
        assert made.signature.hex() not in shown
    for dump in (vars, pickle.dumps):
        with pytest.raises(TypeError):
            dump(made)
    assert copy.deepcopy(made) is made
