"""The part of Biscuit's Datalog that conditions are written in, as data.
spec/9-public-key.md §3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal["variable", "string", "integer", "date", "bytes", "bool", "set", "operator"]

Operator = Literal["!", "<", "<=", ">=", "contains", "starts_with", "matches"]
"""The operators that conditions use, by the names that Biscuit's text form gives them."""


class Term(NamedTuple):
    """A value or a variable; in an expression also an operator.

    ``value`` is a ``str`` of a variable, a text or an operator, an ``int`` of an integer or a date
    (Unix seconds), ``bytes``, a ``bool``, or the tuple of a set's terms.
    """

    kind: Kind
    value: str | int | bytes | tuple[Term, ...]


class Predicate(NamedTuple):
    """A fact, or what a query asks for."""

    name: str
    terms: tuple[Term, ...]


class Query(NamedTuple):
    """Expressions are in the order of a stack machine: operands before their operator."""

    body: tuple[Predicate, ...]
    expressions: tuple[tuple[Term, ...], ...]


class Check(NamedTuple):
    """Holds if one of its queries has an answer."""

    queries: tuple[Query, ...]


def variable(name: str) -> Term:
    return Term("variable", name)


def text(value: str) -> Term:
    return Term("string", value)


def integer(value: int) -> Term:
    return Term("integer", value)


def date(seconds: int) -> Term:
    return Term("date", seconds)


def set_of(values: Iterable[str]) -> Term:
    """Each text once, in the order in which it came first."""
    return Term("set", tuple(map(text, dict.fromkeys(values))))


def fact(name: str, *terms: Term) -> Predicate:
    return Predicate(name, terms)


def query(body: Iterable[Predicate], *steps: Term) -> Query:
    """A query without expressions, or with one."""
    return Query(tuple(body), (steps,) if steps else ())


def check(*queries: Query) -> Check:
    return Check(queries)


def apply(one: Term, name: Operator, other: Term) -> tuple[Term, ...]:
    """``one.contains(other)``, ``one < other`` and the like."""
    return (one, other, Term("operator", name))


def negated(steps: tuple[Term, ...]) -> tuple[Term, ...]:
    return (*steps, Term("operator", "!"))


TRUTH = Term("bool", True)
OWN_AFFAIRS = fact("own_affairs", TRUTH)
"""The fact of an access to the credential's own affairs."""


def same_check(one: Check, other: Check) -> bool:
    """Whether two checks are the same, step by step, where the members of a set have any order. As
    texts, a name with brackets in it could look like more than a name.

    ``one``: a check that a condition writes, whose sets have each text once.
    """
    return one == other or _in_order(one) == _in_order(other)


def _in_order(one: Check) -> tuple[tuple[object, object], ...]:
    return tuple(
        (body, tuple(tuple(map(_sorted, steps)) for steps in expressions))
        for body, expressions in one.queries
    )


def _sorted(term: Term) -> Term:
    if not isinstance(term.value, tuple):
        return term
    return Term(term.kind, tuple(sorted(term.value, key=repr)))
