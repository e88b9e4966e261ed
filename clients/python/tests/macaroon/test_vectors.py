"""Macaroons of other implementations: spec/vectors/macaroons.json."""

import json
from typing import Any

import pytest
from tests.repository import json_of

from l8nt import TokenError
from l8nt._encoding import base64_bytes
from l8nt.macaroon import UnverifiedMacaroon

VECTORS = json_of("spec/vectors/macaroons.json")


def is_third_party(vector: Any) -> bool:
    return any("vid_b64u" in caveat for caveat in vector["caveats"])


FIRST_PARTY = [one for one in VECTORS["vectors"] if not is_third_party(one)]
THIRD_PARTY = [one for one in VECTORS["vectors"] if is_third_party(one)]


def packet_of(vector: Any) -> bytes:
    packet = base64_bytes(vector["v2_b64u"])
    assert packet is not None
    return packet


def code_of(packet: bytes) -> str:
    with pytest.raises(TokenError) as caught:
        UnverifiedMacaroon.decode(packet)
    return caught.value.code


@pytest.mark.parametrize("vector", FIRST_PARTY, ids=lambda one: one["name"])
def test_a_vector_is_minted_narrowed_and_written_to_the_same_bytes(vector: Any) -> None:
    minted = UnverifiedMacaroon.mint(
        bytes.fromhex(vector["key"]["hex"]),
        bytes.fromhex(vector["identifier"]["hex"]),
        vector["location"],
    )
    made = minted.append(*(bytes.fromhex(one["cid_hex"]) for one in vector["caveats"]))
    assert made.signature.hex() == vector["signature"]
    assert made.encode() == packet_of(vector)


@pytest.mark.parametrize("vector", FIRST_PARTY, ids=lambda one: one["name"])
def test_a_vector_is_read(vector: Any) -> None:
    read = UnverifiedMacaroon.decode(packet_of(vector))
    assert read.location == vector["location"]
    assert read.identifier.hex() == vector["identifier"]["hex"]
    assert [one.hex() for one in read.caveats] == [one["cid_hex"] for one in vector["caveats"]]
    assert read.signature.hex() == vector["signature"]
    assert read.encode() == packet_of(vector)


@pytest.mark.parametrize("vector", THIRD_PARTY, ids=lambda one: one["name"])
def test_a_third_party_caveat_is_refused(vector: Any) -> None:
    assert code_of(packet_of(vector)) == "ERR_TOKEN_THIRD_PARTY"


@pytest.mark.parametrize("vector", FIRST_PARTY, ids=lambda one: one["name"])
def test_v1_and_json_are_refused(vector: Any) -> None:
    v1 = base64_bytes(vector["v1_b64u"])
    assert v1 is not None
    for other in (v1, json.dumps(vector["v2_json"]).encode()):
        assert code_of(other) == "ERR_TOKEN_MALFORMED"


@pytest.mark.parametrize("bad", VECTORS["badV2"], ids=lambda one: one["hex"])
def test_bytes_that_are_no_macaroon_are_refused(bad: Any) -> None:
    assert code_of(bytes.fromhex(bad["hex"])) == "ERR_TOKEN_MALFORMED"


@pytest.mark.parametrize("check", VECTORS["verify"])
def test_a_signature_is_that_of_the_root_key_alone(check: Any) -> None:
    vector = next(one for one in VECTORS["vectors"] if one["name"] == check["vector"])
    signed = UnverifiedMacaroon.decode(packet_of(vector)).verify(check["key"].encode())
    satisfied = all(one.get("cid", "") in check["exact"] for one in vector["caveats"])
    assert (signed and satisfied) is check["authorized"]
