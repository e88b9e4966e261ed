"""The Sigil profile of Biscuit: what the blocks of a credential say. spec/9-public-key.md §2-3."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from ..biscuit.block import Block, decode_block, encode_block
from ..biscuit.symbols import Symbols
from ..caveat.conditions.checks import check_of
from ..caveat.datalog import Check, Predicate, Term, check, fact, query, same_check, text, variable
from ..errors import TokenError
from .foreign import demand_bounded
from .issuer import is_issuer

_MAX_CAVEATS = 64
_MAX_CAVEAT_BYTES = 1024
_CAVEAT = "caveat"
_HASH_BYTES = 32
_HEAD_FACTS = 3


class Authority(NamedTuple):
    """What the first block says before its caveats."""

    issuer: str
    """The origin that publishes the key, such as ``https://treasury.example``."""
    location: str
    """The http(s) URL where the credential is spent."""
    payment_hash: bytes
    """32 bytes."""


class Contents(NamedTuple):
    """What all blocks say."""

    authority: Authority
    caveats: tuple[tuple[str, ...], ...]
    """By block, the authority's first."""
    symbols: Symbols
    """Of all blocks, for the one that is appended."""
    foreign: tuple[int, ...] = ()
    """Which blocks are of other makers, and have no caveats."""


_PAID = check(query([fact("paid", variable("h")), fact("payment_hash", variable("h"))]))


def _head_of(authority: Authority) -> tuple[Predicate, ...]:
    return (
        fact("issuer", text(authority.issuer)),
        fact("location", text(authority.location)),
        fact("payment_hash", Term("bytes", authority.payment_hash)),
    )


def _checks_of(caveats: Sequence[str]) -> list[Check]:
    return [one for one in map(check_of, caveats) if one is not None]


def _facts_of(caveats: Sequence[str]) -> list[Predicate]:
    return [fact(_CAVEAT, text(caveat)) for caveat in caveats]


def authority_block(authority: Authority, caveats: Sequence[str], symbols: Symbols) -> bytes:
    """The first block of a credential. ``symbols`` gets its symbols."""
    facts = (*_head_of(authority), *_facts_of(caveats))
    return encode_block(Block(facts, (_PAID, *_checks_of(caveats))), symbols)


def narrowing_block(caveats: Sequence[str], symbols: Symbols) -> bytes:
    """A block that narrows. ``symbols`` gets its symbols."""
    return encode_block(Block(tuple(_facts_of(caveats)), tuple(_checks_of(caveats))), symbols)


def read_blocks(blocks: Sequence[bytes], *, is_judged: bool = False) -> Contents:
    """Reads the blocks of a token, and makes sure that their checks are those of their caveats.

    ``is_judged``: whether somebody judges blocks after the first that say something else, which
    are then left to it if that takes a bounded time.

    Raises TokenError ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``; ``ERR_TOKEN_DATALOG`` for a
    block that says anything else.
    """
    symbols = Symbols()
    first = decode_block(blocks[0], symbols)
    authority = _read_head(first.facts)
    caveats = [_own_caveats(first.facts[_HEAD_FACTS:], first.checks, (_PAID,))]
    foreign: list[int] = []
    for at, data in enumerate(blocks[1:], 1):
        own = _caveats_in(data, symbols, is_judged=is_judged)
        if own is None:
            foreign.append(at)
        caveats.append(own or ())
    check_sizes(list(chain.from_iterable(caveats)))
    if foreign:
        demand_bounded(blocks, foreign, symbols)
    return Contents(authority, tuple(caveats), symbols, tuple(foreign))


def _caveats_in(data: bytes, symbols: Symbols, *, is_judged: bool) -> tuple[str, ...] | None:
    """The caveats of a block after the first; ``None`` for one of another maker that is judged."""
    try:
        block = decode_block(data, symbols)
        return _own_caveats(block.facts, block.checks, ())
    except TokenError as error:
        if is_judged and error.code == "ERR_TOKEN_DATALOG":
            return None
        raise


def _own_caveats(
    facts: Sequence[Predicate], checks: Sequence[Check], before: tuple[Check, ...]
) -> tuple[str, ...]:
    caveats = tuple(map(_read_caveat, facts))
    expected = (*before, *_checks_of(caveats))
    if len(checks) != len(expected) or not all(map(same_check, expected, checks)):
        raise _unlike("checks that are not those of its caveats")
    return caveats


def check_sizes(caveats: Sequence[str]) -> None:
    """Raises TokenError ``ERR_TOKEN_TOO_LARGE``."""
    if len(caveats) <= _MAX_CAVEATS and not any(map(_is_too_large, caveats)):
        return
    raise TokenError(
        "ERR_TOKEN_TOO_LARGE",
        f"A credential has at most {_MAX_CAVEATS} caveats of {_MAX_CAVEAT_BYTES} bytes.",
    )


def _is_too_large(caveat: str) -> bool:
    # A character has four bytes at most.
    return len(caveat) > _MAX_CAVEAT_BYTES // 4 and len(caveat.encode()) > _MAX_CAVEAT_BYTES


def _read_head(facts: Sequence[Predicate]) -> Authority:
    head = (*facts[:_HEAD_FACTS], *(_NO_FACT,) * (_HEAD_FACTS - len(facts)))
    issuer, location, last = head
    authority = Authority(_text_in(issuer), _text_in(location), b"")
    if not is_issuer(authority.issuer):
        raise _unlike("an issuer that is no origin in canonical form")
    payment_hash = last.terms[0].value if last.terms and last.terms[0].kind == "bytes" else None
    if not isinstance(payment_hash, bytes) or len(payment_hash) != _HASH_BYTES:
        raise _unlike("no payment that it commits to")
    authority = authority._replace(payment_hash=payment_hash)
    if _head_of(authority) != head:
        raise _unlike("a first block without its issuer, location and payment hash")
    return authority


_NO_FACT = Predicate("", ())


def _read_caveat(one: Predicate) -> str:
    caveat = _text_in(one)
    if one.name != _CAVEAT or len(one.terms) != 1:
        raise _unlike("a fact")
    return caveat


def _text_in(one: Predicate) -> str:
    if one.terms and one.terms[0].kind == "string" and isinstance(one.terms[0].value, str):
        return one.terms[0].value
    raise _unlike("a fact")


def _unlike(what: str) -> TokenError:
    return TokenError(
        "ERR_TOKEN_DATALOG",
        f"A block of the credential has {what}, which the profile does not allow.",
    )
