"""Which slices of a credential are made, and which are refused. spec/9-public-key.md §7."""

from __future__ import annotations

import pytest

from l8nt.caveat import Scope
from l8nt.credential import Credential
from l8nt.errors import BudgetError, DeniedError, TokenError
from l8nt.l402 import Minter as MacaroonMinter
from l8nt.public_key import Minter, seal, slice_credential

NOW = 1_800_000_000
A = "https://a.example"
B = "https://b.example"
TREASURY = "https://treasury.example"
SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8"


def biscuit(**scope: object) -> Credential:
    minter = Minter(private_key="11" * 32, issuer=TREASURY, clock=lambda: NOW)
    given: Scope = {"endpoints": ["* https://*/**"], "expires_in": "1h", **scope}  # type: ignore[typeddict-item] # Of the rows below.
    return minter.mint(**given)


def spending(**scope: object) -> Credential:
    minter = MacaroonMinter(secret=SECRET, location=TREASURY, kind="spending", clock=lambda: NOW)
    given: Scope = {"endpoints": ["* https://*/**"], "expires_in": "1h", **scope}  # type: ignore[typeddict-item] # Of the rows below.
    return minter.mint(**given)


free = biscuit()
at_a = biscuit(ledger=A, budget="500 sat", max_uses=9)
macaroon = spending(budget=["500 sat", "5 usd"])
daily = spending(budget_per_day="500 sat")


@pytest.mark.parametrize(
    ("name", "credential", "scopes", "total"),
    [
        (
            "two services, where the issuer wrote no limit",
            free,
            [{"ledger": A, "budget": "300 sat"}, {"ledger": B, "budget": "200 sat", "max_uses": 3}],
            None,
        ),
        (
            "the same, with all of what the holder means to spend",
            free,
            [{"ledger": A, "budget": "300 sat"}, {"ledger": B, "budget": "200 sat"}],
            {"budget": "500 sat"},
        ),
        (
            "two agents at the ledger that is held, all of it",
            at_a,
            [
                {"agent": "one", "budget": "300 sat", "max_uses": 4},
                {"agent": "two", "budget": "200 sat", "max_uses": 5, "ledger": A},
            ],
            None,
        ),
        ("one slice of everything", at_a, [{"budget": "500 sat", "max_uses": 9}], None),
        ("a part of nothing", at_a, [{"budget": "0 sat", "max_uses": 9}], None),
        (
            "a macaroon with budgets in two units",
            macaroon,
            [
                {"agent": "one", "budget": ["300 sat", "1 usd"]},
                {"agent": "two", "budget": ["200 sat", "4 usd"]},
            ],
            None,
        ),
        (
            "budgets of a longer time for one of a day",
            daily,
            [
                {"agent": "one", "budget": "300 sat"},
                {"agent": "two", "budget_per_month": "100 sat"},
                {"agent": "three", "budget_per_day": "100 sat", "budget": "9000 sat"},
            ],
            None,
        ),
        (
            "uses within windows",
            spending(budget="9 sat", max_uses_per_hour=10),
            [
                {"agent": "one", "budget": "4 sat", "max_uses_per_hour": 5},
                {"agent": "two", "budget": "5 sat", "max_uses_per_day": 5},
            ],
            None,
        ),
    ],
)
def test_slices_are_made(
    name: str, credential: Credential, scopes: list[Scope], total: Scope | None
) -> None:
    slices = slice_credential(credential, scopes, total=total, now=NOW)
    assert len({one.text for one in slices}) == len(scopes), name
    assert all(one.caveats_below(credential) for one in slices), name


@pytest.mark.parametrize(
    ("name", "credential", "scopes", "total", "code", "words"),
    [
        (
            "a sum above the budget",
            at_a,
            [
                {"agent": "one", "budget": "300 sat", "max_uses": 4},
                {"agent": "two", "budget": "200.001 sat", "max_uses": 5},
            ],
            None,
            "ERR_SCOPE_WIDER",
            (
                "budget_msat: you have 500 sat in all; "
                "you need 500.001 sat: 300 sat in slice 1, 200.001 sat in slice 2"
            ),
        ),
        (
            "a sum above the uses",
            at_a,
            [
                {"agent": "one", "budget": "1 sat", "max_uses": 5},
                {"agent": "two", "budget": "1 sat", "max_uses": 5},
            ],
            None,
            "ERR_SCOPE_WIDER",
            "max_uses: you have 9 in all; you need 10: 5 in slice 1, 5 in slice 2",
        ),
        (
            "a sum above the smallest limit of the chain",
            at_a.attenuate(budget="100 sat"),
            [
                {"agent": "one", "budget": "60 sat", "max_uses": 4},
                {"agent": "two", "budget": "60 sat", "max_uses": 4},
            ],
            None,
            "ERR_SCOPE_WIDER",
            "you have 100 sat in all; you need 120 sat",
        ),
        (
            "a sum above one of two units",
            macaroon,
            [
                {"agent": "one", "budget": ["300 sat", "3 usd"]},
                {"agent": "two", "budget": ["200 sat", "3 usd"]},
            ],
            None,
            "ERR_SCOPE_WIDER",
            "budget_usd_micro: you have 5 usd in all; you need 6 usd",
        ),
        (
            "a sum above the total",
            free,
            [{"ledger": A, "budget": "300 sat"}, {"ledger": B, "budget": "201 sat"}],
            {"budget": "500 sat"},
            "ERR_SCOPE_WIDER",
            "you need 501 sat",
        ),
        (
            "a slice without a part of the budget",
            at_a,
            [
                {"agent": "one", "budget": "300 sat", "max_uses": 4},
                {"agent": "two", "max_uses": 4},
            ],
            None,
            "ERR_SCOPE_WIDER",
            "a part of it in slice 2",
        ),
        (
            "a budget of an hour for one of a day: what a day comes to is not said",
            daily,
            [{"agent": "one", "budget_per_hour": "1 sat"}],
            None,
            "ERR_SCOPE_WIDER",
            "budget_msat_per_day: you have 500 sat a day; you need a part of it in slice 1",
        ),
        (
            "a unit that nothing is held in",
            daily,
            [{"agent": "one", "budget_per_day": ["1 sat", "1 usd"]}],
            None,
            "ERR_SCOPE_WIDER",
            "you have no budget in US dollars; you need 1 usd in slice 1",
        ),
        (
            "a limit of the issuer without a ledger",
            biscuit(budget="500 sat"),
            [{"ledger": A, "budget": "1 sat"}],
            None,
            "ERR_BUDGET",
            "`ledger`",
        ),
        (
            "uses of the issuer without a ledger",
            biscuit(max_uses=5),
            [{"ledger": A, "max_uses": 1}],
            None,
            "ERR_USES",
            "`ledger`",
        ),
        ("a part without a ledger", free, [{"budget": "1 sat"}], None, "ERR_BUDGET", "in slice 1"),
        (
            "another ledger than the one held",
            at_a,
            [
                {"agent": "one", "budget": "1 sat", "max_uses": 1},
                {"ledger": B, "budget": "1 sat", "max_uses": 1},
            ],
            None,
            "ERR_LEDGER",
            f"{B} in slice 2",
        ),
    ],
)
def test_slices_are_refused(
    name: str,
    credential: Credential,
    scopes: list[Scope],
    total: Scope | None,
    code: str,
    words: str,
) -> None:
    with pytest.raises(DeniedError) as caught:
        slice_credential(credential, scopes, total=total, now=NOW)
    assert caught.value.code == code, name
    assert words in str(caught.value), name
    assert isinstance(caught.value, BudgetError) == (code in ("ERR_BUDGET", "ERR_USES"))


@pytest.mark.parametrize(
    "scopes",
    [
        [{"budget": "1 sat"}, {"budget": "1 sat"}],
        # The place of a limit is named by the caveats up to it.
        [{"budget": "1 sat"}, {"budget": "1 sat", "max_uses": 2}],
    ],
    ids=["two equal slices", "slices that differ after their first limit"],
)
def test_slices_share_no_counter_unless_each_has_an_agent(scopes: list[Scope]) -> None:
    held = spending(budget="500 sat")
    with pytest.raises(TypeError, match="slice 1 and slice 2 would share one counter"):
        slice_credential(held, scopes, now=NOW)
    apart: list[Scope] = [{**scope, "agent": "worker"} for scope in scopes]
    assert len(slice_credential(held, apart, now=NOW)) == 2


def test_a_slice_spends_in_the_units_of_its_part_alone() -> None:
    (one,) = slice_credential(free, [{"ledger": A, "budget": "1 sat"}], now=NOW)
    assert "max_price_usd_micro=0" in map(str, one.caveats)
    (held,) = slice_credential(daily, [{"agent": "one", "budget": "1 sat"}], now=NOW)
    assert [str(one) for one in held.caveats].count("max_price_usd_micro=0") == 1


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match="slice 2: budget must be an amount"):
        slice_credential(free, [{"ledger": A}, {"ledger": A, "budget": "5"}], now=NOW)
    with pytest.raises(TypeError, match="a list of scopes"):
        slice_credential(free, [], now=NOW)
    with pytest.raises(TypeError, match='the total of slices has no "endpoints"'):
        slice_credential(free, [{"ledger": A}], total={"endpoints": []}, now=NOW)
    with pytest.raises(TokenError) as caught:
        slice_credential(seal(free), [{"ledger": A}], now=NOW)
    assert caught.value.code == "ERR_TOKEN_SEALED"
