"""A credential from its minter to a verifier, and what becomes of it on the way.
spec/9-public-key.md §1-5.
"""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from hashlib import sha256

import pytest

from l8nt._ed25519 import Signer
from l8nt.biscuit.signatures import append_block
from l8nt.biscuit.symbols import Symbols
from l8nt.biscuit.token import OpenProof, Seal, Token, encode_token
from l8nt.caveat import Access, read_origin, target_at
from l8nt.credential import Blocks, Credential
from l8nt.errors import AdapterError, TokenError
from l8nt.l402 import HmacVerifier
from l8nt.l402 import Minter as MacaroonMinter
from l8nt.public_key import AnyFormVerifier, BiscuitVerifier, Minter, issued_of, seal
from l8nt.public_key.profile import narrowing_block, read_blocks

from .world import (
    API,
    ISSUER,
    NOW,
    Keys,
    body_of,
    code_of,
    forged,
    minter,
    text_of,
    verifier,
    with_blocks,
)

root = minter.mint(endpoints=[f"GET {API}/**"], expires_in="1h", max_uses=9)
child = root.delegate(agent="booker", endpoints=[f"GET {API}/a/*"], max_uses=3)


@pytest.mark.parametrize(
    "credential",
    [
        root,
        child,
        seal(child),
        seal(child.attenuate(endpoints=[f"* {API}/**"])),
    ],
    ids=["minted", "narrowed", "sealed", "narrowed and sealed"],
)
def test_a_genuine_credential_is_read_in_each_spelling(credential: Credential) -> None:
    assert code_of(credential.text) == "genuine"
    assert code_of(credential.key) == "genuine"
    assert Credential.parse(credential.key).text == credential.text
    assert Credential.parse(credential.text).body.caveats == credential.body.caveats


def test_places_are_shared_by_all_that_descend_from_them_and_by_nobody_else() -> None:
    one = verifier().authenticate(child)
    sibling = verifier().authenticate(root.delegate(agent="other"))
    assert one.lineage == ("booker",)
    ids = [*one.node_ids, *(limit.id for limit in one.limits)]
    assert len(set(ids)) == len(ids) == 4
    assert sibling.node_ids[0] == one.node_ids[0]
    assert sibling.limits[0].id == one.limits[0].id
    assert sibling.node_ids[1] != one.node_ids[1]
    # The first 16 bytes of SHA-256(all signatures up to this block, and the count as one byte).
    signatures = b"".join(block.signature for block in body_of(child).token.blocks)
    assert one.node_ids == (
        sha256(signatures[:64] + b"\0").hexdigest()[:32],
        sha256(signatures + b"\1").hexdigest()[:32],
    )


def test_a_limit_that_names_no_ledger_is_counted_by_nobody() -> None:
    refusals = verifier().authenticate(child).judge(Access(NOW, "self"))
    assert [one.code for one in refusals] == ["ERR_USES", "ERR_USES"]


def test_what_is_judged_is_what_its_caveats_say() -> None:
    unlimited = minter.mint(endpoints=[f"GET {API}/**"], expires_in="1h")
    proven = verifier().authenticate(
        unlimited.delegate(agent="booker", endpoints=[f"GET {API}/a/*"])
    )
    origin = read_origin(API)
    assert origin is not None

    def codes(path: str, now: float = NOW) -> list[str]:
        target = target_at("GET", origin, path)
        assert target is not None
        return [one.code for one in proven.judge(Access(now, target))]

    assert codes("/a/b") == []
    assert codes("/b") == ["ERR_ENDPOINT"]
    assert codes("/a/b", NOW + 3600) == ["ERR_EXPIRED"]


first, second = body_of(child).token.blocks
other = body_of(root.delegate(agent="other")).token.blocks[1]
stranger = Minter(private_key="22" * 32, issuer=ISSUER, key_id=7, clock=lambda: NOW)
elsewhere = Minter(private_key="11" * 32, issuer="https://other.example", key_id=7)


def with_id(key_id: int | None) -> str:
    return forged(child, lambda token: Token(key_id, token.blocks, token.proof))


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        (
            "its last block removed",
            forged(child, lambda token: with_blocks(token, first)),
            "ERR_TOKEN_FORGED",
        ),
        (
            "its first block removed",
            forged(child, lambda token: with_blocks(token, second)),
            "ERR_TOKEN_MALFORMED",
        ),
        (
            "its blocks in another order",
            forged(child, lambda token: with_blocks(token, second, first)),
            "ERR_TOKEN_MALFORMED",
        ),
        (
            "a block twice",
            forged(child, lambda token: with_blocks(token, first, second, second)),
            "ERR_TOKEN_MALFORMED",
        ),
        (
            "a sibling's block in place of its own",
            forged(child, lambda token: with_blocks(token, first, other)),
            "ERR_TOKEN_FORGED",
        ),
        (
            "the signature of a sibling's block",
            forged(
                child,
                lambda token: with_blocks(token, first, second._replace(signature=other.signature)),
            ),
            "ERR_TOKEN_FORGED",
        ),
        (
            "a version that was not signed",
            forged(child, lambda token: with_blocks(token, first, second._replace(version=0))),
            "ERR_TOKEN_FORGED",
        ),
        ("another key of the issuer", with_id(8), "ERR_TOKEN_KEY"),
        ("no key of the issuer", with_id(None), "ERR_TOKEN_KEY"),
        (
            "a seal of another key",
            forged(child, lambda token: Token(7, token.blocks, Seal(second.signature))),
            "ERR_TOKEN_FORGED",
        ),
        (
            "another private key at its end",
            forged(child, lambda token: Token(7, token.blocks, OpenProof(bytes(32)))),
            "ERR_TOKEN_FORGED",
        ),
        (
            "minted by another key in this issuer's name",
            stranger.mint(endpoints=[f"GET {API}/**"], expires_in="1h").text,
            "ERR_TOKEN_FORGED",
        ),
        (
            "of an issuer that is not trusted",
            elsewhere.mint(endpoints=[f"GET {API}/**"], expires_in="1h").text,
            "ERR_TOKEN_ISSUER",
        ),
        ("another preimage", child.text[:-64] + "00" * 32, "ERR_TOKEN_PREIMAGE"),
    ],
)
def test_a_changed_credential_is_refused(name: str, text: str, code: str) -> None:
    assert code_of(text) == code, name


def test_what_is_sealed_is_not_narrowed() -> None:
    for narrow in (lambda: seal(child).attenuate(max_uses=1), lambda: seal(seal(child))):
        with pytest.raises(TokenError) as caught:
            narrow()
        assert caught.value.code == "ERR_TOKEN_SEALED"


def test_what_was_proven_of_a_parent_proves_nothing_of_a_forged_child() -> None:
    one = verifier()
    for credential in (root, child, child, root.delegate(agent="other")):
        one.authenticate(credential)
    wrong = second._replace(signature=other.signature)
    with pytest.raises(TokenError) as caught:
        one.authenticate(forged(child, lambda token: with_blocks(token, first, wrong)))
    assert caught.value.code == "ERR_TOKEN_FORGED"


def test_a_sealed_credential_whose_open_one_was_proven_is_proven_by_its_own_seal() -> None:
    one = verifier()
    one.authenticate(child)
    assert one.authenticate(seal(child)).lineage == ("booker",)
    wrong = Token(7, (first, second), Seal(body_of(seal(root)).token.blocks[0].signature))
    with pytest.raises(TokenError) as caught:
        one.authenticate(text_of(wrong, body_of(child).preimage))
    assert caught.value.code == "ERR_TOKEN_FORGED"


def test_a_credential_that_comes_again_is_known_until_its_key_is_gone() -> None:
    one, keys = verifier(), Keys()
    one = type(one)(keys=keys)
    text = minter.mint(endpoints=[f"GET {API}/**"], expires_in="1h").text
    one.authenticate(text)
    assert one.known(text) is None
    held = one.authenticate(text)
    assert one.known(text) is held
    assert one.proved(held)
    assert not verifier().proved(held)
    keys.key = bytes(32)
    assert one.known(text) is None


@pytest.mark.parametrize(
    "mint",
    [
        lambda: minter.mint(expires_in="1h"),
        lambda: minter.mint(endpoints=[f"GET {API}/**"]),
    ],
    ids=["no place", "no end"],
)
def test_a_scope_without_bounds_is_not_minted(mint: object) -> None:
    assert callable(mint)
    with pytest.raises(ValueError, match="a credential needs"):
        mint()


@pytest.mark.parametrize(
    "issuer",
    [f"{ISSUER}/x", f"{ISSUER}?a", f"{ISSUER}#a", "ftp://a.example", "treasury.example", ""],
)
def test_an_issuer_is_an_origin(issuer: str) -> None:
    with pytest.raises(TypeError, match="an issuer is"):
        Minter(private_key="11" * 32, issuer=issuer)


def test_an_issuer_is_written_in_canonical_form() -> None:
    assert Minter(private_key="11" * 32, issuer="https://Treasury.example:443/").issuer == ISSUER


@pytest.mark.parametrize("key", ["11" * 31, "11" * 33, "xx" * 32, b"11111", 123456])
def test_a_private_key_that_is_none_is_refused_and_not_repeated(key: object) -> None:
    with pytest.raises(TypeError, match="must be an Ed25519 private key") as caught:
        Minter(private_key=key, issuer=ISSUER)  # type: ignore[arg-type] # What a file may hold.
    assert str(key) not in str(caught.value)


def test_a_seed_makes_the_same_credential_again_and_the_same_child() -> None:
    one, same = (
        minter.mint(seed=b"s" * 32, endpoints=[f"GET {API}/**"], expires_in="1h") for _ in "12"
    )
    assert one.text == same.text
    caveats = ["agent=a.0011223344556677", "max_uses=3"]
    assert one.append(caveats).text == same.append(caveats).text
    assert one.append(caveats).text != Credential.parse(one.text).append(caveats).text


def test_nothing_shows_a_secret() -> None:
    body = body_of(child)
    proof = body.token.proof
    assert isinstance(proof, OpenProof)
    secrets = [body.preimage, proof.next_secret.hex(), child.text, child.key, "11" * 32]
    for one in (
        child,
        body,
        body.token,
        proof,
        proof.signer,
        minter,
        verifier().authenticate(child),
    ):
        shown = f"{one!r} {one}"
        assert not any(secret in shown for secret in secrets), shown
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(one)
        assert copy.deepcopy(one) is one


def test_the_traceback_of_a_broken_credential_repeats_none_of_it() -> None:
    text = child.text[:-64] + "zz" * 32
    with pytest.raises(TokenError) as caught:
        Credential.parse(text)
    assert text[:40] not in "".join(traceback.format_exception(caught.value))


def test_an_ancestor_revokes_a_child_by_its_blocks() -> None:
    grandchild = child.delegate(agent="helper")
    descent = grandchild.descent_from(root)
    assert isinstance(descent, Blocks)
    one = verifier()
    node = one.authenticate(root).revoke_below(descent).node_id
    assert node == one.authenticate(grandchild).node_ids[-1]
    codes = [refusal.code for refusal in one.authenticate(grandchild).judge(Access(NOW, "self"))]
    assert "ERR_REVOKED" in codes
    codes = [refusal.code for refusal in one.authenticate(child).judge(Access(NOW, "self"))]
    assert "ERR_REVOKED" not in codes
    assert root.descent_from(child) is None
    assert child.attenuate(max_uses=1).descent_from(child) is None


@pytest.mark.parametrize(
    "descent",
    [["agent=a.00112233"], Blocks(()), Blocks(("AAAA",)), Blocks(("*",)), Blocks(("AA==",) * 65)],
)
def test_what_does_not_follow_revokes_nothing(descent: object) -> None:
    with pytest.raises(AdapterError) as caught:
        verifier().authenticate(root).revoke_below(descent)  # type: ignore[arg-type] # Of a request.
    assert caught.value.code == "ERR_REQUEST"


def test_what_it_says_of_its_issuer_can_be_asked() -> None:
    issued = issued_of(seal(child))
    assert issued is not None
    assert (issued.issuer, issued.key_id, issued.is_sealed) == (ISSUER, 7, True)


def test_a_credential_that_nobody_would_read_is_not_minted() -> None:
    with pytest.raises(TokenError) as caught:
        minter.mint(endpoints=[f"GET {API}/**"], expires_in="1h", models=["a*"] * 330)
    assert caught.value.code == "ERR_TOKEN_TOO_LARGE"


MOST_BYTES = 6093
"""8,192 characters less those of the preimage are 6,093 bytes, in whole groups of base64."""


def bytes_of(credential: Credential) -> int:
    return len(encode_token(body_of(credential).token))


def padded(credential: Credential, length: int) -> Credential:
    return credential.append([f"purpose={'x' * length}"])


def almost_full() -> Credential:
    full = root
    while bytes_of(full) < 4960:
        full = padded(full, 800)
    return full


def length_for(count: int, before: Credential) -> int:
    """Of the padding of one more block that makes a token of so many bytes."""
    length = count - (bytes_of(padded(before, 500)) - 500)
    assert 130 < length < 1000
    return length


def test_append_leaves_room_for_the_seal() -> None:
    before = almost_full()
    length = length_for(MOST_BYTES - 32, before)
    full = seal(padded(before, length))
    assert bytes_of(full) == MOST_BYTES
    assert code_of(full.text) == "genuine"
    with pytest.raises(TokenError) as caught:
        padded(before, length + 1)
    assert caught.value.code == "ERR_TOKEN_TOO_LARGE"


def test_a_token_of_another_maker_that_left_no_room_is_read_and_cannot_be_sealed() -> None:
    before = almost_full()
    body = body_of(before)
    symbols: Symbols = read_blocks([block.data for block in body.token.blocks]).symbols.copy()
    length = length_for(MOST_BYTES - 31, before)
    data = narrowing_block([f"purpose={'x' * length}"], symbols)
    text = text_of(append_block(body.token, data), body.preimage)
    assert code_of(text) == "genuine"
    with pytest.raises(TokenError) as caught:
        seal(Credential.parse(text))
    assert caught.value.code == "ERR_TOKEN_TOO_LARGE"


def test_blocks_of_version_0_are_verified() -> None:
    """What libraries before Biscuit 3.3 sign: the vectors of biscuit-wasm are of both."""
    body = body_of(root)
    proof = body.token.proof
    assert isinstance(proof, OpenProof)
    data = body.token.blocks[0].data
    signature = Signer(bytes.fromhex("11" * 32)).sign(
        data + bytes(4) + body.token.blocks[0].next_key
    )
    block = body.token.blocks[0]._replace(signature=signature, version=0)
    assert code_of(text_of(Token(7, (block,), proof), body.preimage)) == "genuine"


SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8"


class Loading(Keys):
    """Keys that have to be fetched first."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[tuple[str, int]] = []

    def load(self, issuer: str, key_id: int) -> Callable[[], None] | None:
        if (issuer, key_id) in self.loaded:
            return None
        return lambda: self.loaded.append((issuer, key_id))


async def test_keys_are_fetched_before_they_are_needed() -> None:
    for any_form in (False, True):
        keys = Loading()
        one: BiscuitVerifier | AnyFormVerifier = BiscuitVerifier(keys=keys)
        if any_form:
            one = AnyFormVerifier(HmacVerifier(secret=SECRET), one)
        load = one.prepare(child.text)
        assert load is not None
        assert keys.loaded == []
        load()
        assert keys.loaded == [(ISSUER, 7)]
        assert one.prepare(child.text) is None
        await one.aprepare(elsewhere.mint(endpoints=["* https://*/**"], expires_in="1h").text)
        assert keys.loaded[1:] == [("https://other.example", 7)]


@pytest.mark.parametrize("text", ["", "x", child.text[:-9], child.text[9:], "sk-sigil-"])
async def test_a_text_that_cannot_be_read_waits_for_nothing(text: str) -> None:
    one = BiscuitVerifier(keys=Loading())
    assert one.prepare(text) is None
    await one.aprepare(text)


def test_each_form_is_verified_by_the_verifier_of_its_form() -> None:
    macaroon = MacaroonMinter(secret=SECRET, location=API, clock=lambda: NOW).mint(
        endpoints=[f"* {API}/**"], expires_in="1h"
    )
    macaroons, biscuits = HmacVerifier(secret=SECRET), verifier()
    both = AnyFormVerifier(macaroons, biscuits)
    assert macaroons.proved(both.authenticate(macaroon))
    assert biscuits.proved(both.authenticate(child))
    assert both.proved(both.authenticate(child.text))
    assert not both.proved(verifier().authenticate(child))
    with pytest.raises(TokenError) as caught:
        biscuits.authenticate(macaroon)
    assert caught.value.code == "ERR_TOKEN_MALFORMED"
