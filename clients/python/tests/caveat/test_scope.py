"""What a scope refuses, and how it says so."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone
from enum import Enum
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


def test_capabilities_compile_in_the_order_of_their_services_names() -> None:
    names = ["b", "a-b", "10", "a_b", "9", "a", "0x"]
    assert compile_scope({"capabilities": {name: ["x"] for name in names}}, now=0) == tuple(
        f"{name}_capabilities=x" for name in ["0x", "10", "9", "a", "a-b", "a_b", "b"]
    )


def test_a_key_that_is_none_limits_nothing() -> None:
    assert compile_scope({"budget": None, "purpose": "a", "expires_at": None}, now=0) == (
        "purpose=a",
    )


def test_no_message_and_no_object_shows_a_preimage() -> None:
    for given, name in (
        (f"preimage={PREIMAGE[:-1]}", "preimage"),
        (f"preimage={PREIMAGE}0", "preimage"),
        (f"preimage={PREIMAGE}!", "preimage"),
        (f"preimages={PREIMAGE}", "preimages"),
        (f"Preimage={PREIMAGE}", "Preimage"),
        (f"preimage ={PREIMAGE}", "preimage "),
        (f"max_uses={PREIMAGE}", "max_uses"),
        (f"={PREIMAGE}", ""),
        (f"{PREIMAGE}=x", ""),
        (f"preimage:{PREIMAGE}", ""),
        ("purposes", ""),
    ):
        with pytest.raises(ValueError, match="cannot read caveat") as raised:
            check_caveats([given], treasury_vocabulary())
        assert str(raised.value) == f'cannot read caveat "{name}"'
        assert PREIMAGE[:-1] not in str(raised.value)
    check_caveats([f"preimage={PREIMAGE}", "purpose=", "purpose=a=b"], treasury_vocabulary())
    caveat = f"preimage={PREIMAGE}".encode()
    chain = CaveatChain([caveat], treasury_vocabulary(), "00" * 32)
    read = treasury_vocabulary().read(caveat)
    shown = f"{chain!r} {chain.texts!r} {chain.entries!r} {read!r} {chain.node!r}"
    assert PREIMAGE not in shown
    assert PREIMAGE.encode() not in pickle.dumps([str(one) for one in chain.texts])


class _Text(str):
    """A text that shows, formats and compares itself as another one."""

    __slots__ = ()

    def __str__(self) -> str:
        return "other"

    def __format__(self, spec: str, /) -> str:
        return "other"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("15m")


class _Count(int):
    """A number that shows and compares itself as another one."""

    def __str__(self) -> str:
        return "999"

    def __format__(self, spec: str, /) -> str:
        return "999"

    def __int__(self) -> int:
        return 999

    def __le__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return True


class _Role(str, Enum):
    SCOUT = "scout"
    READ = "read"


class _Uses(int, Enum):
    FIVE = 5


@pytest.mark.parametrize(
    ("scope", "like"),
    [
        ({"max_uses": _Count(5), "max_depth": _Count(1)}, {"max_uses": 5, "max_depth": 1}),
        ({"max_uses": _Uses.FIVE}, {"max_uses": 5}),
        ({"agent": _Role.SCOUT}, {"agent": "scout"}),
        ({"agent": _Text("scout")}, {"agent": "scout"}),
        ({"purpose": _Role.SCOUT}, {"purpose": "scout"}),
        ({"purpose": _Text("x")}, {"purpose": "x"}),
        ({"services": [_Text("weather")]}, {"services": ["weather"]}),
        ({"services": (_Role.SCOUT,)}, {"services": ["scout"]}),
        ({"models": [_Text("gpt-5")]}, {"models": ["gpt-5"]}),
        ({"capabilities": {_Role.SCOUT: [_Role.READ]}}, {"capabilities": {"scout": ["read"]}}),
        (
            {"capabilities": {_Text("weather"): [_Text("a")]}},
            {"capabilities": {"weather": ["a"]}},
        ),
        ({"budget": _Text("5 sat")}, {"budget": "5 sat"}),
        ({"expires_in": _Text("1h")}, {"expires_in": "1h"}),
        ({"ledger": _Text("https://a.example")}, {"ledger": "https://a.example"}),
        (
            {"endpoints": [_Text("GET https://a.example/x")]},
            {"endpoints": ["GET https://a.example/x"]},
        ),
    ],
)
def test_the_value_that_is_checked_is_the_one_that_is_signed(scope: Any, like: Any) -> None:
    compile_scope({"expires_in": "15m"}, now=0)  # Kept, and found again by a text that is alike.
    assert compile_scope(scope, now=0, nonce="0" * 16) == compile_scope(like, now=0, nonce="0" * 16)


@pytest.mark.parametrize("scope", [{"max_uses": _Count(-5)}, {"max_uses": _Count(10**30)}])
def test_a_number_is_not_in_range_because_it_says_so(scope: Any) -> None:
    with pytest.raises(ValueError, match="max_uses must be a whole number"):
        compile_scope(scope, now=0)
