"""The message of a block: symbols, facts and checks. Rules, scopes and other keys are read as what
they are, and refused. spec/9-public-key.md §2.
"""

from __future__ import annotations

from typing import NamedTuple

from ..caveat.datalog import Check, Predicate, Query, Term
from ..errors import TokenError
from .protobuf import Fields, bytes_field, integer_field, malformed, text_field, text_of
from .symbols import Symbols


class Block(NamedTuple):
    """What a block says."""

    facts: tuple[Predicate, ...]
    checks: tuple[Check, ...]


_VERSION = 3
"""Of Datalog 3.0, which every library of Biscuit v3 reads."""
_LAST_VERSION = 6
"""Versions 4 to 6 add what no condition uses."""
_MAX_DEPTH = 3

_QUERY = "query"
_ONE = frozenset((1,))
_TWO = frozenset((1, 2))
_FOUR = frozenset(range(1, 5))
_BLOCK = frozenset(range(1, 9))
_TERM = frozenset(range(1, 11))

_NOT = "!"
_NEGATE = 0
_BINARY = {0: "<", 2: "<=", 3: ">=", 5: "contains", 6: "starts_with", 8: "matches"}
_BINARY_NUMBERS = {name: number for number, name in _BINARY.items()}
_OPERATORS: dict[int, dict[int, Term]] = {
    2: {_NEGATE: Term("operator", _NOT)},
    3: {number: Term("operator", name) for number, name in _BINARY.items()},
}
"""By the field of a step, and the number of the operator."""

_SIGNED = 1 << 63


def _foreign(what: str) -> TokenError:
    return TokenError(
        "ERR_TOKEN_DATALOG",
        f"A block of the credential has {what}, which is no caveat of the profile.",
    )


def decode_block(data: bytes, symbols: Symbols) -> Block:
    """Reads a block, and adds its symbols to ``symbols``.

    :raises TokenError: ``ERR_TOKEN_MALFORMED``; ``ERR_TOKEN_DATALOG`` for anything but facts and
        checks
    """
    fields = Fields(data, _BLOCK)
    version = fields.small(3) or 0
    if not _VERSION <= version <= _LAST_VERSION:
        raise malformed("a block has an unknown version")
    for symbol in fields.all(1):
        symbols.add(text_of(symbol))
    for number, what in ((2, "a context"), (5, "a rule"), (7, "a scope"), (8, "a public key")):
        if fields.has(number):
            raise _foreign(what)
    return Block(
        tuple([_read_predicate(Fields(fact, _ONE).bytes(1), symbols) for fact in fields.all(4)]),
        tuple([_read_check(check, symbols) for check in fields.all(6)]),
    )


def encode_block(block: Block, symbols: Symbols) -> bytes:
    """Writes a block; ``symbols`` gets its new ones."""
    before = len(symbols)
    facts = [bytes_field(1, _write_predicate(fact, symbols)) for fact in block.facts]
    checks = [_write_check(check, symbols) for check in block.checks]
    return b"".join(
        (
            *(text_field(1, symbol) for symbol in symbols.since(before)),
            integer_field(3, _VERSION),
            *(bytes_field(4, fact) for fact in facts),
            *(bytes_field(6, check) for check in checks),
        )
    )


def _read_predicate(message: bytes, symbols: Symbols) -> Predicate:
    fields = Fields(message, _TWO)
    name = fields.integer(1)
    if name is None:
        raise malformed("a fact has no name")
    text = symbols.text(name)
    return Predicate(text, tuple([_read_term(term, symbols) for term in fields.all(2)]))


def _read_check(message: bytes, symbols: Symbols) -> Check:
    fields = Fields(message, _TWO)
    # `check all` and `reject if`.
    if fields.integer(2):
        raise _foreign("a check of another kind")
    return Check(tuple([_read_query(query, symbols) for query in fields.all(1)]))


def _read_query(message: bytes, symbols: Symbols) -> Query:
    fields = Fields(message, _FOUR)
    head = _read_predicate(fields.bytes(1), symbols)
    if head.name != _QUERY or head.terms:
        raise _foreign("a rule")
    if fields.has(4):
        raise _foreign("a scope")
    body = [_read_predicate(predicate, symbols) for predicate in fields.all(2)]
    steps = [_read_steps(expression, symbols) for expression in fields.all(3)]
    return Query(tuple(body), tuple(steps))


def _read_steps(message: bytes, symbols: Symbols) -> tuple[Term, ...]:
    return tuple([_read_step(step, symbols) for step in Fields(message, _ONE).all(1)])


def _read_step(message: bytes, symbols: Symbols) -> Term:
    one = Fields(message, _FOUR).one
    if one.number == 1:
        return _read_term(one.bytes, symbols)
    value = one.bytes
    if one.number == 4:
        raise _foreign("a closure")
    fields = Fields(value, _TWO)
    operator = _OPERATORS[one.number].get(-1 if (kind := fields.integer(1)) is None else kind)
    if operator is None or fields.has(2):
        raise _foreign("an operator that no condition has")
    return operator


def _read_term(message: bytes, symbols: Symbols, depth: int = 0) -> Term:
    one = Fields(message, _TERM).one
    match one.number:
        case 1:
            return Term("variable", symbols.text(one.integer))
        case 2:
            value = one.integer
            return Term("integer", value - 2 * _SIGNED if value >= _SIGNED else value)
        case 3:
            return Term("string", symbols.text(one.integer))
        case 4:
            return Term("date", one.integer)
        case 5:
            return Term("bytes", one.bytes)
        case 6:
            if one.integer > 1:
                raise malformed("a truth value is none")
            return Term("bool", one.integer == 1)
        case 7:
            if depth >= _MAX_DEPTH:
                raise malformed("its sets are too deep")
            members = Fields(one.bytes, _ONE).all(1)
            return Term("set", tuple([_read_term(term, symbols, depth + 1) for term in members]))
        case _:
            raise _foreign("a value of a type that no condition has")


def _write_predicate(predicate: Predicate, symbols: Symbols) -> bytes:
    written = integer_field(1, symbols.number(predicate.name))
    for term in predicate.terms:
        written += bytes_field(2, _write_term(term, symbols))
    return written


def _write_check(check: Check, symbols: Symbols) -> bytes:
    return b"".join([bytes_field(1, _write_query(query, symbols)) for query in check.queries])


def _write_query(query: Query, symbols: Symbols) -> bytes:
    written = bytes_field(1, _write_predicate(Predicate(_QUERY, ()), symbols))
    for predicate in query.body:
        written += bytes_field(2, _write_predicate(predicate, symbols))
    for steps in query.expressions:
        expression = [bytes_field(1, _write_step(step, symbols)) for step in steps]
        written += bytes_field(3, b"".join(expression))
    return written


def _write_step(step: Term, symbols: Symbols) -> bytes:
    if step.kind != "operator":
        return bytes_field(1, _write_term(step, symbols))
    if step.value == _NOT:
        return bytes_field(2, integer_field(1, _NEGATE))
    return bytes_field(3, integer_field(1, _BINARY_NUMBERS[str(step.value)]))


def _write_term(term: Term, symbols: Symbols) -> bytes:
    match term:
        case Term("variable", str(name)):
            return integer_field(1, symbols.number(name))
        case Term("string", str(text)):
            return integer_field(3, symbols.number(text))
        case Term("bool", bool(truth)):
            return integer_field(6, int(truth))
        case Term("integer", int(value)):
            return integer_field(2, value)
        case Term("date", int(seconds)):
            return integer_field(4, seconds)
        case Term("bytes", bytes(data)):
            return bytes_field(5, data)
        case Term("set", tuple(members)):
            written = [bytes_field(1, _write_term(one, symbols)) for one in members]
            return bytes_field(7, b"".join(written))
        case _:
            raise TypeError("a term has a value of another kind")
