"""Laws of the caveat language, for generated caveats and requests. spec/2-caveats.md §3, §7."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.differential.cases import ENTRIES, NODES, NOW, ORIGINS, PAYMENT_HASH

from l8nt.amount import MAX_VALUE, UNITS, Amount, format_amount, parse_amount, write_amount
from l8nt.caveat import (
    MISSING,
    Access,
    CaveatChain,
    check_caveats,
    compile_scope,
    format_origin,
    matches_endpoint,
    read_endpoint,
    read_origin,
    service_vocabulary,
    target_at,
    treasury_vocabulary,
    widenings,
)
from l8nt.caveat.condition import Place
from l8nt.caveat.conditions.table import condition_named
from l8nt.caveat.endpoint import covers_endpoint

TREASURY, SERVICE = treasury_vocabulary(), service_vocabulary()
GOOD_ENTRIES = [entry for entry in ENTRIES if read_endpoint(entry) is not None]
PATHS = ["/", "/orders", "/orders/1", "/orders/1/items", "/orders/", "/a", "/~a"]

segments = st.lists(st.sampled_from(["*", "orders", "1", "a", "items", ""]), min_size=1, max_size=3)


def entry_of(method: str, origin: str, path: list[str], end: str) -> str:
    return f"{method} {origin}/{'/'.join(path)}{end}"


entries = st.one_of(
    st.sampled_from(GOOD_ENTRIES),
    st.builds(
        entry_of,
        st.sampled_from(["*", "GET", "HEAD", "GET|POST"]),
        st.sampled_from([*ORIGINS, "https://*:*", "https://*.example", "http://*:8080"]),
        segments,
        st.sampled_from(["", "/**", "/"]),
    ),
)
times = st.integers(NOW - 3, NOW + 3)
amounts = st.integers(0, 6)
values = {
    "agent": st.sampled_from(["a.00000000", "a.00000001", "booker.0011223344556677"]),
    "purpose": st.text(max_size=4, alphabet="ab=ü"),
    "endpoints": st.lists(entries, max_size=3).map(";".join),
    "services": st.lists(st.sampled_from(["loop:0", "pool:1"]), max_size=2).map(",".join),
    "loop_capabilities": st.lists(st.sampled_from(["in", "out"]), max_size=2).map(",".join),
    "model": st.lists(st.sampled_from(["gpt-5*", "gpt-5.4", "o4", "*"]), max_size=2).map(",".join),
    "valid_from": times.map(str),
    "valid_until": times.map(str),
    "loop_valid_until": times.map(str),
    "holder": st.sampled_from(["A" * 43, "E" * 43]),
    "ledger": st.sampled_from(ORIGINS[:2]),
    "budget_msat": amounts.map(str),
    "max_price_msat": amounts.map(str),
    "max_price_usd_micro": amounts.map(str),
    "sold_price": amounts.map("{} msat".format),
    "max_uses_per_hour": amounts.map(str),
    "payees": st.lists(st.sampled_from(NODES), max_size=2).map(",".join),
    "max_depth": st.integers(0, 2).map(str),
    "preimage": st.just("00" * 32),
    "foreign": st.just("1"),
}
caveats = st.sampled_from(sorted(values)).flatmap(
    lambda name: values[name].map(lambda value: f"{name}={value}")
)
targets = st.builds(
    target_at,
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.sampled_from([origin for text in ORIGINS if (origin := read_origin(text)) is not None]),
    st.sampled_from(PATHS),
)
accesses = st.builds(
    Access,
    now=times,
    target=st.one_of(targets, targets, targets, st.just("self")),
    price=st.one_of(st.none(), st.builds(Amount, st.sampled_from(UNITS), amounts)),
    payee=st.sampled_from([None, *NODES]),
    service=st.sampled_from([None, "loop", "pool"]),
    capability=st.sampled_from([None, "in", "out"]),
    model=st.sampled_from([MISSING, None, "gpt-5.4", "o4"]),
    ledger=st.sampled_from([MISSING, None, *ORIGINS[:2]]),
    holder=st.sampled_from([MISSING, None, "A" * 43]),
)


LAW = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def chain(texts: list[str], vocabulary: Any = TREASURY) -> CaveatChain:
    return CaveatChain([text.encode() for text in texts], vocabulary, PAYMENT_HASH)


def said(texts: list[str], access: Access, vocabulary: Any = TREASURY) -> set[tuple[str, str]]:
    return {(one.code, one.condition) for one in chain(texts, vocabulary).refusals(access)}


@LAW
@given(st.lists(caveats, max_size=4), st.lists(caveats, max_size=4), accesses)
def test_a_child_is_refused_all_that_its_parent_is_refused(
    own: list[str], added: list[str], access: Access
) -> None:
    for vocabulary in (TREASURY, SERVICE):
        assert said(own, access, vocabulary) <= said([*own, *added], access, vocabulary)
    parent, child = chain(own), chain([*own, *added])
    assert [one.max for one in parent.limits] == [
        one.max for one in child.limits[: len(parent.limits)]
    ]
    ends = [end for end in (parent.valid_until, child.valid_until) if end is not None]
    assert parent.valid_until is None or child.valid_until == min(ends)


@LAW
@given(st.lists(caveats, max_size=5), accesses)
def test_what_a_holder_is_certain_of_every_verifier_refuses(
    texts: list[str], access: Access
) -> None:
    # A service that a credential is not for takes it for its own affairs, also after the end at
    # the services that it is for.
    assume(access.target != "self")
    asked = replace(access, service=None, capability=None, ledger=MISSING, holder=MISSING)
    if chain(texts).certain_refusals(asked):
        for service in ("loop", "pool", None):
            assert said(texts, replace(access, service=service), SERVICE)


@LAW
@given(st.data(), st.sampled_from(sorted(values)), accesses)
def test_what_covers_another_value_allows_all_that_it_allows(
    data: st.DataObject, name: str, access: Access
) -> None:
    outer, inner = data.draw(values[name]), data.draw(values[name])
    condition = condition_named(name)
    assume(condition is not None and condition.covers and condition.prohibits)
    assert condition is not None
    assert condition.covers is not None
    assert condition.prohibits is not None
    held, asked = condition.parse(outer), condition.parse(inner)
    assume(held is not None and asked is not None)
    is_covered = condition.covers(held, asked)
    assert bool(widenings(chain([f"{name}={outer}"]).texts, [f"{name}={inner}"])) != is_covered
    place = Place(PAYMENT_HASH, 1)
    if is_covered and condition.prohibits(asked, access, place) is None:
        assert condition.prohibits(held, access, place) is None


@LAW
@given(entries, entries, targets)
def test_a_pattern_that_covers_another_matches_what_it_matches(
    one: str, other: str, target: Any
) -> None:
    outer, inner = read_endpoint(one), read_endpoint(other)
    assume(outer is not None and inner is not None)
    assert outer is not None
    assert inner is not None
    assert read_endpoint(outer.text) == outer
    assert covers_endpoint(outer, outer)
    if covers_endpoint(outer, inner) and matches_endpoint(inner, target):
        assert matches_endpoint(outer, target)


@LAW
@given(
    st.text(
        alphabet=st.sampled_from([*string.ascii_letters[:4], *"/.;%~-_25eEfF41cC|[]^é\\?#"]),
        max_size=16,
    )
)
def test_a_path_is_canonical_after_one_reading(path: str) -> None:
    origin = read_origin("https://api.example")
    assert origin is not None
    target = target_at("GET", origin, f"/{path}")
    if target is not None:
        assert target_at("GET", origin, target.path) == target
        assert "/".join(("", *target.segments)) == target.path


@LAW
@given(st.lists(st.sampled_from([*"abzAZ09-._~"]), min_size=1, max_size=8), st.data())
def test_an_unreserved_character_and_its_triplet_are_one(
    chars: list[str], data: st.DataObject
) -> None:
    plain = "".join(["x", *chars, "x"])
    written = "".join(
        data.draw(st.sampled_from([char, f"%{ord(char):02x}", f"%{ord(char):02X}"]))
        for char in plain
    )
    origin = read_origin("https://api.example")
    assert origin is not None
    target = target_at("GET", origin, f"/{written}")
    assert target is not None
    assert target.path == f"/{plain}"


@LAW
@given(st.sampled_from(UNITS), st.data())
def test_an_amount_is_read_as_it_is_written(unit: Any, data: st.DataObject) -> None:
    amount = Amount(unit, data.draw(st.integers(0, MAX_VALUE[unit])))
    # A text has 16 digits at most before its point, which is enough in sat and US dollars.
    assert (unit == "msat" and amount.value >= 10**16) or parse_amount(
        write_amount(amount)
    ) == amount
    assert parse_amount(format_amount(amount).replace(",", "")) == amount


scopes = st.fixed_dictionaries(
    {},
    optional={
        "agent": st.text(st.sampled_from([*"abzAZ09"]), min_size=1, max_size=31),
        "purpose": st.text(max_size=5, alphabet=st.characters(codec="utf-8")),
        "endpoints": st.lists(st.sampled_from(GOOD_ENTRIES), max_size=2),
        "budget": st.sampled_from(["5 sat", ["1 msat", "2 usd"]]),
        "max_uses": st.integers(0, 2**53 - 1),
        "expires_in": st.sampled_from(["30s", "15m", "7d"]),
    },
)


@LAW
@given(scopes, st.integers(0, 2**40))
def test_every_scope_that_compiles_is_read_by_its_verifier(scope: Any, now: int) -> None:
    texts = compile_scope(scope, now=now)
    check_caveats(texts, TREASURY)
    check_caveats(texts, SERVICE)
    assert len(chain(list(texts)).entries) == len(texts)


@LAW
@given(
    st.sampled_from(["http", "https"]),
    st.integers(0, 65_535),
    st.text(st.sampled_from([*"az09_-"]), max_size=5),
)
def test_an_origin_is_read_as_it_is_written(scheme: str, port: int, host: str) -> None:
    origin = read_origin(f"{scheme}://a{host}b.example:{port}")
    assert origin is not None
    assert read_origin(format_origin(origin)) == origin
