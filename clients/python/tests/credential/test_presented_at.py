"""What is shown of a credential to a service: spec/9-public-key.md §10."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l8nt import AdapterError, Credential, TokenError
from l8nt.caveat import Access, Origin, Target, read_origin, target_at
from l8nt.credential import is_presented_alone, presented_at
from l8nt.l402 import Minter
from l8nt.public_key import Minter as KeyMinter

NOW = 1_800_000_000
LOCATION = "https://api.example"
EVERYWHERE = ["* https://*:*/**", "* http://127.0.0.1:*/**"]
MACAROONS = Minter(secret=bytes(range(32)), location=LOCATION, clock=lambda: NOW)
KEYS = KeyMinter(
    private_key="11" * 32, issuer="https://treasury.example", location=LOCATION, clock=lambda: NOW
)

Mint = Callable[[Sequence[str]], Credential]
FORMS: dict[str, Mint] = {
    "macaroon": lambda endpoints: MACAROONS.mint(endpoints=endpoints, expires_in="1h"),
    "public key": lambda endpoints: KEYS.mint(endpoints=endpoints, expires_in="1h"),
}
of_each_form = pytest.mark.parametrize("mint", FORMS.values(), ids=FORMS.keys())


def origin_of(url: str) -> Origin:
    origin = read_origin(url)
    assert origin is not None
    return origin


def target_of(method: str, origin: str, path: str) -> Target:
    target = target_at(method, origin_of(origin), path)
    assert target is not None
    return target


def added(shown: Credential, own: Credential) -> list[str]:
    return [str(one) for one in shown.caveats[len(own.caveats) :]]


@pytest.mark.parametrize("host", ["-a.example", "a-.example", "a..b.example", "a,b.example"])
def test_nothing_is_shown_to_a_host_that_no_endpoint_can_name(host: str) -> None:
    origin = read_origin(f"https://{host}") or Origin("https", host, 443)
    for mint in FORMS.values():
        with pytest.raises(AdapterError, match="ERR_REQUEST"):
            presented_at(mint(EVERYWHERE), origin)
    with pytest.raises(AdapterError, match="ERR_REQUEST"):
        presented_at(KEYS.mint(services=["a"], expires_in="1h"), origin)
    # As to any other host.
    foreign = MACAROONS.mint(services=["a"], expires_in="1h")
    assert presented_at(foreign, origin) is foreign


@pytest.mark.parametrize("host", ["*.example", "*"])
def test_a_star_is_no_host(host: str) -> None:
    for mint in FORMS.values():
        with pytest.raises(AdapterError, match="ERR_REQUEST"):
            presented_at(mint(EVERYWHERE), Origin("https", host, 443))


ORIGINS = [LOCATION, "https://api.example:8443", "http://127.0.0.1:9000", "https://other.example"]
ENTRIES = [
    *EVERYWHERE,
    "GET https://api.example/a/*",
    "* https://api.example/**",
    "POST https://other.example/**",
    "GET|PUT https://*.example:8443/b/**",
]


@of_each_form
def test_it_admits_at_the_origin_what_it_admitted_and_nothing_elsewhere(mint: Mint) -> None:
    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(st.sampled_from(ENTRIES), min_size=1, max_size=3, unique=True),
        st.sampled_from(ORIGINS),
        st.sampled_from(ORIGINS),
        st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"]),
        st.sampled_from(["/", "/a/1", "/a/1/2", "/b/c/d"]),
    )
    def law(entries: list[str], shown_to: str, asked: str, method: str, path: str) -> None:
        own = mint(entries)
        shown = presented_at(own, origin_of(shown_to))
        access = Access(NOW, target_of(method, asked, path))
        allows_own = not own.chain.refusals(access)
        assert (not shown.chain.refusals(access)) is (shown_to == asked and allows_own)
        assert not shown.chain.refusals(Access(NOW, "self"))
        assert is_presented_alone(own, origin_of(shown_to))

    law()


@of_each_form
def test_it_is_narrowed_once_for_each_origin_and_has_its_nodes_and_limits(mint: Mint) -> None:
    own = mint(EVERYWHERE).delegate(agent="scout", max_uses=3, ledger=LOCATION, now=NOW)
    first = presented_at(own, origin_of(LOCATION))
    assert added(first, own) == ["endpoints=* https://api.example/**"]
    assert presented_at(own, origin_of(LOCATION)) is first
    assert presented_at(own, origin_of("https://other.example")).text != first.text
    assert first.chain.lineage == own.chain.lineage
    assert [one.max for one in first.chain.limits] == [one.max for one in own.chain.limits]
    assert first.payment_hash == own.payment_hash


@of_each_form
def test_one_that_is_for_this_origin_alone_gets_no_caveat(mint: Mint) -> None:
    own = mint(["GET https://api.example/a", "POST https://api.example/b/**"])
    assert added(presented_at(own, origin_of(LOCATION)), own) == []


def test_the_public_key_form_is_sealed_even_without_room_for_a_caveat() -> None:
    own = FORMS["public key"](EVERYWHERE)
    for length in (990, 300, 100, 40, 10, 3, 1):
        with suppress(TokenError):
            while True:
                own = own.append([f"purpose={'x' * length}"])
    with pytest.raises(TokenError, match="ERR_TOKEN_TOO_LARGE"):
        own.append(["endpoints=* https://api.example/**"])
    shown = presented_at(own, origin_of(LOCATION))
    assert added(shown, own) == []
    with pytest.raises(TokenError):
        shown.append(["max_depth=0"])
    assert presented_at(shown, origin_of(LOCATION)).text == shown.text


def test_a_macaroon_that_can_spend_is_sent_as_it_is() -> None:
    spending = MACAROONS.mint(endpoints=EVERYWHERE, expires_in="1h", budget="5 sat")
    assert presented_at(spending, origin_of(LOCATION)) is spending
    assert not is_presented_alone(spending, origin_of(LOCATION))
    bound = KEYS.mint(endpoints=EVERYWHERE, expires_in="1h", budget="5 sat", ledger=LOCATION)
    assert len(added(presented_at(bound, origin_of(LOCATION)), bound)) == 1


def test_what_was_shown_does_not_keep_a_credential() -> None:
    for endpoints in (EVERYWHERE, ["* https://api.example/**"]):
        own = MACAROONS.mint(endpoints=endpoints, expires_in="1h")
        presented_at(own, origin_of(LOCATION))
        assert presented_at(own, origin_of(LOCATION)).chain
        gone = weakref.ref(own)
        del own
        gc.collect()
        assert gone() is None
