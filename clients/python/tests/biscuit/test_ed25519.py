"""Ed25519: RFC 8032 §7.1 and §5.1.7, and what every implementation of Sigil agrees on."""

from __future__ import annotations

import pickle

import pytest

from l8nt._ed25519 import Signer, verify, verify_with

SECRET = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
KEY = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
MESSAGE = bytes.fromhex("af82")
SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)
"""Test 3 of RFC 8032 §7.1."""

# Made with the points of @noble/curves: a signer may choose such a key and such a nonce.
MADE = (
    (
        "an ordinary signature",
        True,
        "93c9449be4e3975f799a691f11d3bdab8ac6348ba2afbdfb9310fdb6b32ebdd7",
        "6d6573736167652030",
        (
            "508cd3fdeb58b1c91f96c5c0fc4948e89a4f776a91ba0b4537e8e132a67f57f1"
            "fc27eab8cecb592dc532220cd560998003b59f59026c11cb155b47d72a336306"
        ),
    ),
    (
        "a nonce with a part of small order",
        False,
        "93c9449be4e3975f799a691f11d3bdab8ac6348ba2afbdfb9310fdb6b32ebdd7",
        "6d6573736167652030",
        (
            "c8635b7c80d079fe03f346761abf1fb210328f14073fcadff62f9b85de9a5d00"
            "047fe6481be923dfc36d49b489616620a0d82c29c39a0c8cbfdbedc8e7e7240f"
        ),
    ),
    (
        "a key with one",
        False,
        "afe985e432d16abaeed0fbd848db44520ef193bdde65d944b6a942a8f97ab11c",
        "6d6573736167652030",
        (
            "508cd3fdeb58b1c91f96c5c0fc4948e89a4f776a91ba0b4537e8e132a67f57f1"
            "7a170749e4b7783a377ad51f343df841f6b4560fd892150367b9b30da3874204"
        ),
    ),
    (
        "a key with one that does not count",
        True,
        "afe985e432d16abaeed0fbd848db44520ef193bdde65d944b6a942a8f97ab11c",
        "6d6573736167652037",
        (
            "508cd3fdeb58b1c91f96c5c0fc4948e89a4f776a91ba0b4537e8e132a67f57f1"
            "7adcbda5843dee17faee1d7ce59f47e5a27d6d1fa311b0891f384f9557457d0f"
        ),
    ),
    (
        "a number that is not reduced",
        False,
        "93c9449be4e3975f799a691f11d3bdab8ac6348ba2afbdfb9310fdb6b32ebdd7",
        "6d6573736167652030",
        (
            "508cd3fdeb58b1c91f96c5c0fc4948e89a4f776a91ba0b4537e8e132a67f57f1"
            "e9fbdf15e92e6c859bcf19afb35a789503b59f59026c11cb155b47d72a336316"
        ),
    ),
    (
        "a wrong nonce",
        False,
        "93c9449be4e3975f799a691f11d3bdab8ac6348ba2afbdfb9310fdb6b32ebdd7",
        "6d6573736167652030",
        (
            "93751f6673c1b09462644bc3df74ff72ab4849069132774685f8f253804319e1"
            "0ff7fc166916d53dcf28b426e2e2e30ad80e8784c025f68b006d07de15c57c07"
        ),
    ),
)

IDENTITY = bytes([1]) + bytes(31)
SMALL_ORDER = (
    "00" * 32,
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
)


def test_a_key_signs_as_the_rfc_does() -> None:
    signer = Signer(SECRET)
    assert signer.public_key == KEY
    assert signer.sign(MESSAGE) == SIGNATURE


def test_a_key_verifies_its_signature_each_time_and_no_other() -> None:
    right = verify_with(KEY)
    assert right(MESSAGE, SIGNATURE)
    assert right(MESSAGE, SIGNATURE)
    for at in range(64):
        wrong = bytearray(SIGNATURE)
        wrong[at] ^= 1
        assert not right(MESSAGE, bytes(wrong)), at
    assert not right(MESSAGE + b"\0", SIGNATURE)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_verifies_nothing(length: int) -> None:
    assert not verify((KEY + b"\0")[:length], MESSAGE, SIGNATURE)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_wrong(length: int) -> None:
    assert not verify(KEY, MESSAGE, (SIGNATURE + b"\0")[:length])


@pytest.mark.parametrize(("name", "is_right", "key", "message", "signature"), MADE)
def test_it_agrees_with_the_other_implementations(
    name: str, is_right: bool, key: str, message: str, signature: str
) -> None:
    found = verify(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))
    assert found is is_right, name


@pytest.mark.parametrize("sign", [0, 128])
@pytest.mark.parametrize("key", SMALL_ORDER)
def test_keys_of_small_order_and_keys_that_are_not_reduced_verify_nothing(
    key: str, sign: int
) -> None:
    weak = bytearray.fromhex(key)
    weak[31] |= sign
    # OpenSSL 4.0 takes this signature of a message in eight, and of every one for the identity.
    for count in range(64):
        assert not verify(bytes(weak), bytes([count]), IDENTITY + bytes(32))


def test_a_private_key_is_neither_shown_nor_stored() -> None:
    signer = Signer(SECRET)
    assert SECRET.hex() not in repr(signer) + str(signer)
    with pytest.raises(TypeError, match="holds a secret"):
        pickle.dumps(signer)
