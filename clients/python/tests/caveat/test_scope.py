"""What a scope refuses, and how it says so."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone
from typing import Any

import pytest

from l8nt.caveat import CaveatChain, check_caveats, compile_scope, treasury_vocabulary

PREIMAGE = "1f" * 32


@pytest.mark.parametrize(
    ("scope", "kind", "message"),
    [
        ({"budgte": "5 sat"}, TypeError, 'did you mean "budget"?'),
        ({"expiresIn": "1h"}, TypeError, "in Python it is expires_in"),
        ({"maxUsesPerHour": 1}, TypeError, "in Python it is max_uses_per_hour"),
        ({"endpoints": "GET https://a.example/"}, TypeError, "endpoints must be a list of"),
        ({"endpoints": ["https://a.example/"]}, ValueError, 'endpoints has "https://a.example/"'),
        ({"budget": 500}, TypeError, 'budget must be an amount with its unit, such as "500 sat"'),
        (
            {"budget": "500"},
            ValueError,
            'budget must be an amount with its unit, such as "500 sat"',
        ),
        ({"budget": ["5 sat", "1 btc"]}, ValueError, "budget has two amounts in bitcoin"),
        ({"budget": []}, ValueError, "budget is an empty list"),
        ({"max_uses": True}, TypeError, "max_uses must be a whole number, 0 or more"),
        ({"max_uses": -1}, ValueError, "max_uses must be a whole number, 0 or more"),
        ({"expires_in": "1 h"}, ValueError, 'expires_in must be a duration such as "30s"'),
        ({"expires_at": datetime(2030, 1, 1)}, ValueError, "a time zone"),  # noqa: DTZ001
        ({"expires_at": "2030-01-01"}, TypeError, "expires_at must be a datetime"),
        ({"purpose": "\ud800"}, ValueError, "half of a surrogate pair"),
        (
            {"expires_in": "1h", "expires_at": datetime(2030, 1, 1, tzinfo=timezone.utc)},
            TypeError,
            "expires_in or expires_at, not both",
        ),
    ],
)
def test_a_scope_that_cannot_mean_what_it_says_names_the_key(
    scope: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as raised:
        compile_scope(scope, now=0)
    assert message in str(raised.value)


def test_a_key_that_is_none_limits_nothing() -> None:
    assert compile_scope({"budget": None, "purpose": "a", "expires_at": None}, now=0) == (
        "purpose=a",
    )


def test_no_message_and_no_object_shows_a_preimage() -> None:
    for value in (PREIMAGE[:-1], f"{PREIMAGE}0", f"{PREIMAGE}!"):
        with pytest.raises(ValueError, match="not shown") as raised:
            check_caveats([f"preimage={value}"], treasury_vocabulary())
        assert PREIMAGE[:-1] not in str(raised.value)
    caveat = f"preimage={PREIMAGE}".encode()
    chain = CaveatChain([caveat], treasury_vocabulary(), "00" * 32)
    read = treasury_vocabulary().read(caveat)
    shown = f"{chain!r} {chain.texts!r} {chain.entries!r} {read!r} {chain.node!r}"
    assert PREIMAGE not in shown
    assert PREIMAGE.encode() not in pickle.dumps([str(one) for one in chain.texts])
