"""Protocol Buffers of one spelling. spec/9-public-key.md §1."""

from __future__ import annotations

import pytest

from l8nt.biscuit.block import Block, decode_block, encode_block
from l8nt.biscuit.protobuf import Fields, bytes_field, integer_field, text_of
from l8nt.biscuit.symbols import Symbols
from l8nt.caveat.datalog import (
    Term,
    apply,
    check,
    date,
    fact,
    integer,
    negated,
    query,
    same_check,
    set_of,
    text,
    variable,
)
from l8nt.errors import TokenError

KNOWN = frozenset((1, 2, 30))


def code_of(message: bytes) -> str | None:
    try:
        Fields(message, KNOWN)
    except TokenError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", ""),
        ("an integer", "0801"),
        ("one of two bytes", "088001"),
        ("the greatest one", "08ffffffffffffffffff01"),
        ("a text", "1203616263"),
        ("an empty text", "1200"),
        ("fields in order", "0801120161"),
        ("a number of two bytes", "f00100"),
    ],
)
def test_a_message_is_read(name: str, message: str) -> None:
    assert code_of(bytes.fromhex(message)) is None, name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fields out of order", "1201610801"),
        ("an unknown field", "1801"),
        ("field 0", "0001"),
        ("a byte too many", "088100"),
        ("a tag with a byte too many", "880001"),
        ("an integer of 65 bits", "08ffffffffffffffffff02"),
        ("an integer of 11 bytes", "08" + "80" * 10 + "01"),
        ("an integer that does not end", "0880"),
        ("a tag that does not end", "88"),
        ("a tag alone", "08"),
        ("a text that does not end", "12026100"[:6]),
        ("a length that does not end", "1280"),
        ("a group", "0b"),
        ("64 fixed bits", "090000000000000000"),
        ("32 fixed bits", "0d00000000"),
        ("a field of a great number", "80808080107f"),
    ],
)
def test_another_spelling_is_refused(name: str, message: str) -> None:
    assert code_of(bytes.fromhex(message)) == "ERR_TOKEN_MALFORMED", name


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16383, 16384, 2**31, 2**32, 2**63, 2**64 - 1])
def test_an_integer_is_read_as_it_was_written(number: int) -> None:
    assert Fields(integer_field(1, number), KNOWN).integer(1) == number


def test_a_field_that_stands_twice_is_refused() -> None:
    fields = Fields(integer_field(1, 1) + integer_field(1, 1), KNOWN)
    with pytest.raises(TokenError, match="stands twice"):
        fields.integer(1)


def test_an_error_of_a_text_has_none_of_its_bytes() -> None:
    with pytest.raises(TokenError, match="not UTF-8") as caught:
        text_of(b"secret\xff")
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)


TERMS = (
    variable("x"),
    text("a text"),
    text("read"),
    integer(-1),
    integer(2**63 - 1),
    integer(-(2**63)),
    date(1_800_000_000),
    Term("bytes", b"\0\xff"),
    Term("bool", True),
    Term("bool", False),
    set_of(["b", "a", "b"]),
    Term("set", ()),
)


def test_a_block_is_read_as_it_was_written() -> None:
    steps = negated(apply(set_of(["a"]), "contains", variable("s")))
    block = Block(
        tuple(fact("is", term) for term in TERMS),
        (check(query([fact("s", variable("s"))], *steps), query([])),),
    )
    assert decode_block(encode_block(block, Symbols()), Symbols()) == block


def test_a_block_continues_the_symbols_of_those_before() -> None:
    symbols = Symbols()
    first = encode_block(Block((fact("one", text("two")),), ()), symbols)
    second = encode_block(Block((fact("two", text("one")),), ()), symbols)
    read = Symbols()
    decode_block(first, read)
    assert decode_block(second, read).facts == (fact("two", text("one")),)
    with pytest.raises(TokenError, match="a symbol is missing"):
        decode_block(second, Symbols())


def test_a_symbol_stands_once() -> None:
    symbols = Symbols()
    data = encode_block(Block((fact("mine"),), ()), symbols)
    read = Symbols()
    decode_block(data, read)
    for again in (data, bytes_field(1, b"read") + data[6:]):
        with pytest.raises(TokenError, match="a symbol stands twice"):
            decode_block(again, read)


def test_sets_have_any_order_and_each_member_once() -> None:
    def of(term: Term):
        return check(query([], *apply(term, "contains", variable("s"))))

    one = of(set_of(["a", "b"]))
    assert same_check(one, of(set_of(["b", "a"])))
    for other in (["a"], ["a", "c"], ["a", "b", "c"]):
        assert not same_check(one, of(set_of(other)))
    assert not same_check(one, of(Term("set", (text("a"), text("b"), text("b")))))
    assert not same_check(one, of(Term("set", (text("a"), variable("b")))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (integer(1), Term("bool", True)),
        (integer(1), date(1)),
        (text("a"), variable("a")),
        (text("<"), Term("operator", "<")),
    ],
)
def test_terms_of_different_kinds_are_not_the_same(one: Term, other: Term) -> None:
    assert not same_check(check(query([], one)), check(query([], other)))
