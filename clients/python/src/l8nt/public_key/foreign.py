"""Blocks that say something else than the profile: what may be given to a judge of Datalog. The
cost of judging is bounded before it begins: libraries look at their limits between two queries
only. spec/9-public-key.md §5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..biscuit.protobuf import Fields, malformed
from ..biscuit.symbols import Symbols
from ..errors import TokenError

_MAX_FACTS = 128
"""Facts in all blocks of a token."""
_MAX_CHOICES = 1_000
"""Ways to choose a fact for each predicate of a query, in all queries of a token."""
_OF_THE_ACCESS = 2
"""What a verifier says of the access has at most so many facts of one name."""
_MAX_STEPS = 10_000
"""Steps of an expression, each for every choice: a step looks at a text once, or twice."""

# An addition makes texts that are longer with each step.
_REFUSED = {8: "a regular expression", 9: "an addition"}

# Fields of a block, and of a query; steps of an expression.
_FACTS, _RULES, _CHECKS, _SCOPES, _KEYS = 4, 5, 6, 7, 8
_BODY, _EXPRESSIONS, _TRUSTING = 2, 3, 4
_VALUE, _BINARY, _CLOSURE = 1, 3, 4

_ONE = frozenset((1,))
_TWO = frozenset((1, 2))
_FOUR = frozenset(range(1, 5))
_BLOCK = frozenset(range(1, 9))


@dataclass(slots=True)
class _Cost:
    """What judging costs at most."""

    choices: int = 0
    steps: int = 0


def demand_bounded(blocks: Sequence[bytes], foreign: Sequence[int], symbols: Symbols) -> None:
    """Makes sure that blocks can be judged in a bounded time: facts and checks alone, without
    rules, scopes, closures, regular expressions and functions, and with few ways to satisfy a
    query.

    ``blocks``: all blocks of the token. ``foreign``: which of them are no blocks of the profile.
    ``symbols``: those of all blocks.

    Raises TokenError ``ERR_TOKEN_DATALOG``.
    """
    facts: Counter[str] = Counter()
    for data in blocks:
        for one in Fields(data, _BLOCK).all(_FACTS):
            facts[_name_of(Fields(one, _ONE).bytes(1), symbols)] += 1
    if facts.total() > _MAX_FACTS:
        raise _refused(f"more than {_MAX_FACTS} facts")
    # The verifier states one for each caveat at most.
    facts["counted"] += facts["caveat"]
    cost = _Cost()
    for at in foreign:
        _add_cost_of(blocks[at], facts, symbols, cost)
        if cost.choices > _MAX_CHOICES or cost.steps > _MAX_STEPS:
            raise _refused("checks that take too long")


def _add_cost_of(data: bytes, facts: Counter[str], symbols: Symbols, cost: _Cost) -> None:
    block = Fields(data, _BLOCK)
    for number, what in ((_RULES, "a rule"), (_SCOPES, "a scope"), (_KEYS, "a public key")):
        if block.has(number):
            raise _refused(what)
    for one in block.all(_CHECKS):
        for message in Fields(one, _TWO).all(1):
            query = Fields(message, _FOUR)
            choices = _choices_of(query, facts, symbols)
            steps = sum(_cheap_steps(expression) for expression in query.all(_EXPRESSIONS))
            cost.choices += choices
            cost.steps += choices * steps


def _choices_of(query: Fields, facts: Counter[str], symbols: Symbols) -> int:
    if query.has(_TRUSTING):
        raise _refused("a scope")
    product = 1
    for predicate in query.all(_BODY):
        ways = facts[_name_of(predicate, symbols)] + _OF_THE_ACCESS
        product = min(product * ways, _MAX_CHOICES + 1)
    return product


def _cheap_steps(message: bytes) -> int:
    """How many steps an expression has. Refuses what costs more than its bytes, such as a regular
    expression, which is compiled.
    """
    steps = Fields(message, _ONE).all(1)
    for step in steps:
        one = Fields(step, _FOUR).one
        if one.number == _CLOSURE:
            raise _refused("a closure")
        if one.number == _VALUE:
            continue
        operator = Fields(one.bytes, _TWO)
        if operator.has(2):
            raise _refused("a function")
        number = operator.integer(1)
        if one.number == _BINARY and number in _REFUSED:
            raise _refused(_REFUSED[number])
    return len(steps)


def _name_of(predicate: bytes, symbols: Symbols) -> str:
    name = Fields(predicate, _TWO).integer(1)
    if name is None:
        raise malformed("a fact has no name")
    return symbols.text(name)


def _refused(what: str) -> TokenError:
    return TokenError(
        "ERR_TOKEN_DATALOG", f"A block of the credential has {what}, which is not judged here."
    )
