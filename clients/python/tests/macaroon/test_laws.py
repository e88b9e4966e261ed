"""Laws over random macaroons, with pymacaroons as another implementation where it is installed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l8nt import Credential, TokenError
from l8nt.credential import MacaroonBody, RevocationList
from l8nt.l402 import HmacVerifier, Minter
from l8nt.macaroon import UnverifiedMacaroon

keys = st.binary(min_size=1, max_size=40)
identifiers = st.binary(min_size=1, max_size=70)
caveats = st.lists(st.binary(max_size=200), max_size=12)
# pymacaroons takes ASCII alone, and no empty caveat.
texts = st.lists(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1), max_size=8
)


@given(keys, identifiers, st.text(st.characters(exclude_categories=["Cs"]), max_size=30), caveats)
def test_what_is_made_is_read_again_and_verified(
    key: bytes, identifier: bytes, location: str, added: list[bytes]
) -> None:
    made = UnverifiedMacaroon.mint(key, identifier, location).append(*added)
    read = UnverifiedMacaroon.decode(made.encode())
    assert read == made
    assert (read.location, read.identifier, read.caveats) == (location, identifier, tuple(added))
    assert read.verify(key)
    assert not read.verify(key + b"x")
    assert made.append("a=b") != made


@given(keys, identifiers, caveats, st.integers(0, 12))
def test_appending_in_parts_is_appending_at_once(
    key: bytes, identifier: bytes, added: list[bytes], at: int
) -> None:
    start = UnverifiedMacaroon.mint(key, identifier)
    whole = start.append(*added)
    assert start.append(*added[:at]).append(*added[at:]) == whole
    assert UnverifiedMacaroon.decode(start.append(*added[:at]).encode()).append(
        *added[at:]
    ).encode() == (whole.encode())


@given(keys, identifiers, caveats, st.data())
def test_any_byte_that_is_flipped_is_refused(
    key: bytes, identifier: bytes, added: list[bytes], data: st.DataObject
) -> None:
    packet = bytearray(UnverifiedMacaroon.mint(key, identifier, "").append(*added).encode())
    at = data.draw(st.integers(0, len(packet) - 1))
    packet[at] ^= data.draw(st.integers(1, 255))
    try:
        read = UnverifiedMacaroon.decode(bytes(packet))
    except TokenError:
        return
    assert not read.verify(key)


@given(st.binary(max_size=120))
def test_bytes_are_read_in_one_way_or_refused(packet: bytes) -> None:
    try:
        read = UnverifiedMacaroon.decode(packet)
    except TokenError:
        return
    # But for an empty location, which is left out.
    assert read.encode() == packet.replace(b"\x02\x01\x00", b"\x02", 1)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=40), texts)
def test_pymacaroons_makes_and_verifies_the_same(key: bytes, added: list[str]) -> None:
    pymacaroons = pytest.importorskip("pymacaroons")
    theirs = pymacaroons.Macaroon(
        location="https://api.example", identifier="an id", key=key, version=2
    )
    for caveat in added:
        theirs.add_first_party_caveat(caveat)
    ours = UnverifiedMacaroon.mint(key, b"an id", "https://api.example").append(*added)
    assert ours.signature.hex() == theirs.signature
    sent = theirs.serialize(serializer=pymacaroons.serializers.BinarySerializer())
    read = MacaroonReader.read(sent)
    assert read == ours
    back = pymacaroons.Macaroon.deserialize(MacaroonReader.write(ours))
    verifier = pymacaroons.Verifier()
    verifier.satisfy_general(bool)
    assert verifier.verify(back, key)


class MacaroonReader:
    """Base64 as pymacaroons writes it: URL-safe, without padding."""

    @staticmethod
    def read(text: str) -> UnverifiedMacaroon:
        from base64 import urlsafe_b64decode

        return UnverifiedMacaroon.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    @staticmethod
    def write(macaroon: UnverifiedMacaroon) -> str:
        from base64 import urlsafe_b64encode

        return urlsafe_b64encode(macaroon.encode()).decode().rstrip("=")


SECRET = bytes(range(32))
VERIFIER = HmacVerifier(secret=SECRET, revocations=RevocationList(clock=lambda: 0))
MINTED = Minter(secret=SECRET, location="https://a.example", clock=lambda: 0).mint(
    endpoints=["GET https://a.example/**"], expires_in="1h", max_uses=9
)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=8))
def test_a_holder_can_append_anything_and_take_nothing_away(added: list[str]) -> None:
    child = MINTED.append(added)
    verified = VERIFIER.authenticate(child.text)
    assert verified.credential == child
    assert child.caveats_below(MINTED) == (tuple(added) or None)
    assert verified.chain.limits[: len(MINTED.chain.limits)]
    parent = VERIFIER.authenticate(MINTED)
    assert [one.id for one in verified.limits][:1] == [one.id for one in parent.limits]
    assert verified.node_ids[0] == parent.node_ids[0]


@given(st.data())
def test_no_other_text_is_another_genuine_credential(data: st.DataObject) -> None:
    child = MINTED.append(["max_uses=2"])
    text = child.text
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from("Aaf0:/+=-_ \u0130")) + text[at + 1 :]
    for other in (changed, text[:at] + text[at + 1 :], text[:at] + "A" + text[at:], text[:at]):
        try:
            verified = VERIFIER.authenticate(other)
        except TokenError:
            continue
        # Another spelling of the very same one, such as a digit in upper case; or another
        # location, which is a hint that no signature covers.
        assert verified.credential.body.caveats == child.body.caveats
        assert verified.credential.body.root_id == child.body.root_id


@given(st.data())
def test_parts_of_two_credentials_make_no_third(data: st.DataObject) -> None:
    one, other = (MINTED.append([f"max_uses={uses}"]).body for uses in (2, 3))
    assert isinstance(one, MacaroonBody)
    assert isinstance(other, MacaroonBody)
    a, b = one.macaroon.encode(), other.macaroon.encode()
    at, back = data.draw(st.integers(0, len(a))), data.draw(st.integers(0, len(b)))
    try:
        spliced = UnverifiedMacaroon.decode(a[:at] + b[back:])
        credential = Credential(MacaroonBody(spliced, bytes.fromhex(one.preimage)))
        VERIFIER.authenticate(credential)
    except TokenError:
        return
    assert spliced in (one.macaroon, other.macaroon)
