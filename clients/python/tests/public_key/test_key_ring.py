"""Key rings: the files of ``sigil keys``, and the key that mints. spec/9-public-key.md §6."""

from __future__ import annotations

import json
import pickle
import traceback

import pytest

from l8nt.public_key import BiscuitVerifier, IssuerKey, KeyRing, read_key_page

NOW = 1_800_000_000
DAY = 86_400
ISSUER = "https://treasury.example"
LOCATION = "https://api.example"
# RFC 8032 §7.1: the first two key pairs.
KEYS = (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
)
PUBLIC = (
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
)
CREATED = "2027-01-15T08:00:00Z"


def key(key_id: object, **more: object) -> dict[str, object]:
    private = KEYS[key_id] if isinstance(key_id, int) and 0 <= key_id < 2 else KEYS[0]
    return {"id": key_id, "privateKey": private, "created": CREATED, **more}


def ring(*keys: object, **more: object) -> str:
    return json.dumps({"issuer": ISSUER, "keys": list(keys), **more})


def test_a_file_is_read_with_its_keys_in_order() -> None:
    read = KeyRing.parse(ring(key(1, expires="2028-01-15T08:00:00Z"), key(0)))
    assert read.issuer == ISSUER
    assert [one.id for one in read.keys] == [0, 1]
    assert [one.public_key for one in read.keys] == list(PUBLIC)
    assert [one.created_at for one in read.keys] == [NOW, NOW]
    assert [one.expires_at for one in read.keys] == [None, NOW + 365 * DAY]


REFUSED = [
    (f'{{"issuer": {KEYS[0]}', "is not JSON"),
    ("[]", "is not a JSON object"),
    (json.dumps({"keys": [key(0)]}), "has no issuer"),
    (json.dumps({"issuer": f"{ISSUER}/a", "keys": [key(0)]}), "origin"),
    (ring(), "has no list of keys"),
    (json.dumps({"issuer": ISSUER, "keys": {}}), "has no list of keys"),
    (ring(key(0, expire=CREATED)), 'unknown member "expire"'),
    (ring(key(0), more={}), 'unknown member "more"'),
    (ring(key(0, **{KEYS[0]: 1})), "has an unknown member;"),
    (ring(key(0), key(0)), "two keys with the id 0"),
    (ring(key(0), {**key(1), "privateKey": KEYS[0]}), "0 and 1 of the key ring are the same"),
    (ring(*[{**key(0), "id": n} for n in range(65)]), "more than 64 keys"),
    (ring(key(-1)), "whole number"),
    (ring(key(0.5)), "whole number"),
    (ring(key(True)), "whole number"),
    (ring(key(2**32)), "whole number"),
    (ring({**key(0), "privateKey": KEYS[0][:-2]}), "64 hex digits"),
    (ring({**key(0), "privateKey": "00" * 32}), "not random"),
    (ring({**key(0), "created": "yesterday"}), "created must be a date"),
    (ring(key(0, expires=None)), "expires must be a date"),
    (ring(key(0))[:-1] + f', "issuer": "{ISSUER}"}}', "one member twice"),
    (" " * 65_537, "more than 65536 characters"),
]


@pytest.mark.parametrize(("text", "what"), REFUSED)
def test_another_file_is_refused_without_its_keys(text: str, what: str) -> None:
    with pytest.raises(TypeError, match=what) as raised:
        KeyRing.parse(text)
    shown = "".join(traceback.format_exception(raised.value))
    assert not any(one in shown for one in KEYS)
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("ages", "now", "mints"),
    [
        ([0], NOW, 0),
        ([0, DAY], NOW + DAY, 0),  # The new key may not be known everywhere.
        ([0, DAY], NOW + 2 * DAY - 1, 0),
        ([0, DAY], NOW + 2 * DAY, 1),
        ([DAY, 0], NOW + DAY, 1),
    ],
)
def test_the_newest_key_that_every_verifier_knows_mints(
    ages: list[int], now: int, mints: int
) -> None:
    made = ["2027-01-15T08:00:00Z" if age == 0 else "2027-01-16T08:00:00Z" for age in ages]
    read = KeyRing.parse(ring(*[key(at, created=one) for at, one in enumerate(made)]))
    minting = read.minting_key(now)
    assert minting is not None
    assert minting.id == mints
    assert read.minter(clock=lambda: now).key_id == mints


def test_a_ring_whose_keys_have_ended_mints_nothing() -> None:
    read = KeyRing.parse(ring(key(0, expires=CREATED)))
    assert read.minting_key(NOW - 1) is not None
    assert read.minting_key(NOW) is None
    with pytest.raises(TypeError, match="has ended: rotate"):
        read.minter(clock=lambda: NOW)
    assert read.minter(key_id=0, clock=lambda: NOW).key_id == 0
    with pytest.raises(TypeError, match="it has: 0"):
        read.minter(key_id=7)


def test_what_a_ring_mints_is_verified_by_its_page() -> None:
    read = KeyRing.parse(ring(key(0), key(1, expires="2028-01-15T08:00:00Z")))
    keys = read_key_page(ISSUER, read.page())
    assert keys[1] == IssuerKey(1, bytes.fromhex(PUBLIC[1]), NOW + 365 * DAY)

    class Keys:
        def find(self, issuer: str, key_id: int) -> bytes:
            assert issuer == ISSUER
            return keys[key_id].public_key

        def load(self, issuer: str, key_id: int) -> None:
            return None

    minter = read.minter(location=LOCATION, clock=lambda: NOW)
    credential = minter.mint(endpoints=[f"GET {LOCATION}/**"], expires_in="1h")
    assert credential.location == LOCATION
    verified = BiscuitVerifier(keys=Keys()).authenticate(credential.text)
    assert next(str(one.value) for one in verified.chain.texts) == f"GET {LOCATION}/**"


def test_a_ring_shows_and_pickles_no_key() -> None:
    read = KeyRing.parse(ring(key(0)))
    assert repr(read) == str(read) == f"<KeyRing of {ISSUER}, keys 0>"
    with pytest.raises(TypeError, match=r"KeyRing\.parse"):
        pickle.dumps(read)
