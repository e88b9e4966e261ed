"""Bytes that no minter of ours writes: each is refused, with the code of spec/9-public-key.md."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l8nt._encoding import base64_text
from l8nt.biscuit.block import Block, encode_block
from l8nt.biscuit.protobuf import Fields, bytes_field, integer_field
from l8nt.biscuit.signatures import append_block
from l8nt.biscuit.token import OpenProof, Token, encode_token
from l8nt.caveat.conditions.checks import check_of
from l8nt.caveat.datalog import TRUTH, Check, Predicate, Term, check, fact, query, text, variable
from l8nt.credential import Credential
from l8nt.public_key import seal
from l8nt.public_key.profile import read_blocks

from .world import API, body_of, code_of, minter, text_of, with_blocks

root = minter.mint(endpoints=[f"GET {API}/**"], expires_in="1h")
child = root.delegate(agent="booker", max_uses=3)
base = body_of(root).token
PREIMAGE = body_of(root).preimage


def code(token: bytes, preimage: str = PREIMAGE) -> str:
    return code_of(f"{base64_text(token)}:{preimage}")


def bytes_of(credential: Credential) -> bytes:
    return encode_token(body_of(credential).token)


@pytest.mark.parametrize(
    ("credential", "last"),
    [(root, 0), (child, 120), (seal(root), 68)],
    ids=["an open token", "the end of a narrowed one", "a seal"],
)
def test_every_bit_of_a_token_counts(credential: Credential, last: int) -> None:
    token = bytes_of(credential)
    assert code(token) == "genuine"
    start = 8 * (len(token) - last) if last else 0
    genuine: list[int] = []
    for bit in range(start, 8 * len(token)):
        flipped = bytearray(token)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        if code(bytes(flipped)) == "genuine":
            genuine.append(bit)
    assert genuine == []


def test_every_bit_of_the_preimage_counts() -> None:
    token = bytes_of(root)
    for bit in range(256):
        flipped = bytearray.fromhex(PREIMAGE)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        assert code(token, flipped.hex()) == "ERR_TOKEN_PREIMAGE"


def test_every_beginning_of_a_token_is_malformed() -> None:
    token = bytes_of(child)
    for length in range(len(token)):
        assert code(token[:length]) == "ERR_TOKEN_MALFORMED"


LONG = body_of(child.attenuate(max_uses=2).attenuate(max_uses=1).attenuate(expires_in="30m")).token
POOL = (*LONG.blocks, *body_of(root.delegate(agent="other")).token.blocks[1:])
CHAIN = [0, 1, 2, 3, 4]
orders = st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=7)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.one_of(orders, orders.map(lambda more: [*CHAIN, *more]), st.permutations(CHAIN)))
def test_any_choice_of_blocks_in_any_order_is_refused_but_the_chain_itself(
    order: list[int],
) -> None:
    token = with_blocks(LONG, *(POOL[at] for at in order))
    assert (code(encode_token(token)) == "genuine") is (order == CHAIN)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.sampled_from([b"\x08", b"\x12", b"\x08\0\x12"]), st.binary(max_size=300))
def test_any_bytes_are_refused_with_an_error_of_tokens(first: bytes, rest: bytes) -> None:
    assert code(first + rest).startswith("ERR_TOKEN_")
    block = base.blocks[0]._replace(data=rest)
    assert code(encode_token(with_blocks(base, block))).startswith("ERR_TOKEN_")


def field(number: int, value: bytes) -> bytes:
    return bytes_field(number, value)


first = base.blocks[0]
assert isinstance(base.proof, OpenProof)
KEY = integer_field(1, 0) + field(2, first.next_key)
SIGNED = (field(1, first.data), field(2, KEY), field(3, first.signature), integer_field(5, 1))
ID = integer_field(1, 7)
BLOCK = field(2, b"".join(SIGNED))
PROOF = field(4, field(1, base.proof.next_secret))


def with_key(*key: bytes) -> bytes:
    """The token with another key in its first block."""
    return ID + field(2, SIGNED[0] + field(2, b"".join(key)) + SIGNED[2] + SIGNED[3]) + PROOF


def test_the_messages_below_are_those_of_a_genuine_token() -> None:
    assert code(ID + BLOCK + PROOF) == "genuine"


MALFORMED = "ERR_TOKEN_MALFORMED"


@pytest.mark.parametrize(
    ("name", "token", "expected"),
    [
        ("a field twice", ID + ID + BLOCK + PROOF, MALFORMED),
        ("its block twice", ID + BLOCK + BLOCK + PROOF, MALFORMED),
        ("its proof twice", ID + BLOCK + PROOF + PROOF, MALFORMED),
        ("fields in another order", BLOCK + ID + PROOF, MALFORMED),
        ("an unknown field", ID + BLOCK + PROOF + integer_field(5, 0), MALFORMED),
        ("a byte left over", ID + BLOCK + PROOF + b"\0", MALFORMED),
        ("no proof", ID + BLOCK, MALFORMED),
        ("an empty proof", ID + BLOCK + field(4, b""), MALFORMED),
        (
            "two proofs",
            ID + BLOCK + field(4, field(1, base.proof.next_secret) + field(2, first.signature)),
            MALFORMED,
        ),
        ("a proof that is an integer", ID + BLOCK + field(4, integer_field(1, 1)), MALFORMED),
        ("a long integer", b"\x08\x87\0" + BLOCK + PROOF, MALFORMED),
        ("a key id of 33 bits", integer_field(1, 2**32) + BLOCK + PROOF, MALFORMED),
        ("a block that is an integer", ID + integer_field(2, 0) + PROOF, MALFORMED),
        (
            "version 2",
            ID + field(2, b"".join(SIGNED[:3]) + integer_field(5, 2)) + PROOF,
            MALFORMED,
        ),
        (
            "an external signature",
            ID + field(2, b"".join(SIGNED[:3]) + field(4, KEY) + SIGNED[3]) + PROOF,
            "ERR_TOKEN_THIRD_PARTY",
        ),
        (
            "a P-256 key",
            with_key(integer_field(1, 1), field(2, bytes(33))),
            "ERR_TOKEN_ALGORITHM",
        ),
        ("a key without an algorithm", with_key(field(2, first.next_key)), MALFORMED),
        ("a key of 33 bytes", with_key(integer_field(1, 0), field(2, bytes(33))), MALFORMED),
        ("65 blocks more", ID + BLOCK + field(3, b"") * 65 + PROOF, "ERR_TOKEN_TOO_LARGE"),
    ],
)
def test_a_message_of_another_form_is_refused(name: str, token: bytes, expected: str) -> None:
    assert code(token) == expected, name


def narrowed(block: bytes) -> str:
    return code(encode_token(append_block(base, block)))


VERSION = integer_field(3, 3)
FACT = field(4, field(1, integer_field(1, 1024)))
SYMBOL = field(1, b"strange")
QUERY = field(1, integer_field(1, 27))
DATALOG = "ERR_TOKEN_DATALOG"


@pytest.mark.parametrize(
    ("name", "block", "expected"),
    [
        ("nothing", VERSION, "genuine"),
        ("a context", field(2, b"a") + VERSION, DATALOG),
        ("a rule", VERSION + field(5, QUERY), DATALOG),
        ("a scope", VERSION + field(7, integer_field(1, 0)), DATALOG),
        ("a public key", VERSION + field(8, KEY), DATALOG),
        ("an unknown field", VERSION + field(9, KEY), MALFORMED),
        ("a foreign fact", SYMBOL + VERSION + FACT, DATALOG),
        (
            "a symbol that is missing",
            VERSION + field(4, field(1, integer_field(1, 2000))),
            MALFORMED,
        ),
        ("a symbol twice", SYMBOL + SYMBOL + VERSION, MALFORMED),
        ("a default symbol", field(1, b"read") + VERSION, MALFORMED),
        ("a symbol that is no UTF-8", field(1, b"\xff") + VERSION, MALFORMED),
        ("no version", SYMBOL, MALFORMED),
        ("version 2", integer_field(3, 2), MALFORMED),
        ("version 7", integer_field(3, 7), MALFORMED),
        ("an empty check", VERSION + field(6, b""), DATALOG),
        ("check all", VERSION + field(6, field(1, QUERY) + integer_field(2, 1)), DATALOG),
        ("reject if", VERSION + field(6, field(1, QUERY) + integer_field(2, 2)), DATALOG),
        (
            "a check that trusts blocks before",
            VERSION + field(6, field(1, QUERY + field(4, integer_field(1, 1)))),
            DATALOG,
        ),
    ],
)
def test_a_block_that_its_holder_signed_says_no_more_than_the_profile(
    name: str, block: bytes, expected: str
) -> None:
    assert narrowed(block) == expected, name


symbols = read_blocks([block.data for block in base.blocks]).symbols
LIMIT = "max_uses=3"
said = fact("caveat", text(LIMIT))
LIMIT_CHECK = check_of(LIMIT) or check()
ENDPOINT = "endpoints=GET https://api.example/a"
REGEX = r"^(?:(?:GET|HEAD) https://api\.example:443/a)$"
READS_AS_CHECK = fact(f'access($a), $a.matches("{REGEX}") or own_affairs', TRUTH)


@pytest.mark.parametrize(
    ("name", "facts", "checks", "expected"),
    [
        ("its check", [said], [LIMIT_CHECK], "genuine"),
        ("no check", [said], [], DATALOG),
        ("its check twice", [said], [LIMIT_CHECK, LIMIT_CHECK], DATALOG),
        ("another check", [said], [check_of("max_uses=4")], DATALOG),
        ("a query more", [said], [check(*LIMIT_CHECK.queries, query([]))], DATALOG),
        ("a check of truth", [said], [check(query([]))], DATALOG),
        (
            "a check that lacks a value",
            [said],
            [check(query([], Term("operator", "<")))],
            DATALOG,
        ),
        ("a check that leaves a value over", [said], [check(query([], TRUTH, TRUTH))], DATALOG),
        (
            "a name that reads as its check",
            [fact("caveat", text(ENDPOINT))],
            [check(query([READS_AS_CHECK]))],
            DATALOG,
        ),
        (
            "a variable that reads as more",
            [said],
            [check(query([fact("counted", variable("a), counted($b"))]))],
            DATALOG,
        ),
        ("a second value", [fact("caveat", text(LIMIT), TRUTH)], [LIMIT_CHECK], DATALOG),
        ("no value", [fact("caveat")], [], DATALOG),
        ("a truth for a text", [fact("caveat", TRUTH)], [], DATALOG),
        ("a forged fact", [said, fact("counted", text(LIMIT))], [LIMIT_CHECK], DATALOG),
    ],
)
def test_a_caveat_has_its_check_and_no_other(
    name: str, facts: list[Predicate], checks: list[Check], expected: str
) -> None:
    block = encode_block(Block(tuple(facts), tuple(checks)), symbols.copy())
    assert narrowed(block) == expected, name


@pytest.mark.parametrize("scope", [b"", bytes_field(4, integer_field(1, 1))])
def test_the_check_of_a_caveat_trusts_no_other_blocks(scope: bytes) -> None:
    block = encode_block(Block((said,), (LIMIT_CHECK,)), symbols.copy())
    (whole,) = Fields(block, frozenset(range(1, 9))).all(6)
    (asked,) = Fields(whole, frozenset((1, 2))).all(1)
    trusting = block.removesuffix(field(6, whole)) + field(6, field(1, asked + scope))
    assert narrowed(trusting) == (DATALOG if scope else "genuine")


def test_a_token_of_more_than_6144_bytes_is_not_read() -> None:
    token = Token(7, (first._replace(data=bytes(6100)),), base.proof)
    assert len(encode_token(token)) > 6144
    assert code_of(text_of(token, PREIMAGE)) == "ERR_TOKEN_TOO_LARGE"
