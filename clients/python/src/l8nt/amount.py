"""Amounts: the text that people write, and the unit and value that are computed and stored.
spec/2-caveats.md §1.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

__all__ = ["MAX_MSAT", "UNITS", "Amount", "Unit", "format_amount", "parse_amount", "write_amount"]

Unit = Literal["msat", "usd_micro"]
"""Millisatoshi (10⁻¹¹ bitcoin), or 10⁻⁶ US dollar. No code converts one unit to another."""

UNITS: Final[tuple[Unit, ...]] = ("msat", "usd_micro")
"""Every unit, in the order in which amounts of several units are listed."""

MAX_MSAT: Final = 2_100_000_000_000_000_000
"""The largest amount of bitcoin that can exist, in msat: 21 million bitcoin of 10¹¹ msat."""

MAX_VALUE: Final[dict[Unit, int]] = {"msat": MAX_MSAT, "usd_micro": 10**18}
"""The largest value of each unit. Both fit in a signed 64-bit integer."""


class Amount(NamedTuple):
    """An amount as it is computed and stored: ``Amount("msat", 500_000)`` is 500 sat."""

    unit: Unit
    value: int

    def __str__(self) -> str:
        """As people read it: ``"90.09 sat"``."""
        return format_amount(self)


_SPELLINGS: Final[dict[str, tuple[Unit, int]]] = {
    "msat": ("msat", 0),
    "sat": ("msat", 3),
    "sats": ("msat", 3),
    "btc": ("msat", 11),
    "usd": ("usd_micro", 6),
}
"""The unit of each spelling, and the digits after the decimal point of one of it that are whole in
that unit.
"""

_SHOWN: Final[dict[Unit, tuple[int, str, str]]] = {
    "msat": (3, "sat", "bitcoin"),
    "usd_micro": (6, "usd", "US dollars"),
}
"""Of each unit: decimals and suffix of the text for people, and what messages call it."""

_TEXT: Final = re.compile(
    r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,11}))? ?(msat|sats?|btc|usd)", re.ASCII | re.IGNORECASE
)


@lru_cache(maxsize=1024)
def parse_amount(text: object) -> Amount | None:
    """Read an amount with its unit, such as ``"10 sat"``, ``"1000 msat"``, ``"0.001 btc"``,
    ``"5 usd"`` or ``"0.25 usd"``.

    ``None`` for anything else: a bare number, a negative amount, a fraction of the smallest unit,
    or more than can exist.
    """
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    unit, decimals = _SPELLINGS[match[3].lower()]
    digits = (match[2] or "").rstrip("0")
    if len(digits) > decimals:
        return None
    value = int(match[1] + digits.ljust(decimals, "0"))
    return Amount(unit, value) if value <= MAX_VALUE[unit] else None


def read_amount(text: object, what: str) -> Amount:
    """Read the argument ``what``, which must be an amount with its unit.

    Raises ``TypeError`` for anything but a text, and ``ValueError`` for a text that is no amount;
    both name the argument.
    """
    if not isinstance(text, str):
        raise TypeError(_no_amount(what))
    amount = parse_amount(text)
    if amount is None:
        raise ValueError(_no_amount(what))
    return amount


def _no_amount(what: str) -> str:
    return f'{what} must be an amount with its unit, such as "500 sat" or "5 usd"'


def format_amount(amount: Amount) -> str:
    """Write an amount for people: ``12.345 sat``, ``1,000 sat``, ``5 usd``, ``0.000001 usd``."""
    unit, value = amount
    decimals, suffix, _ = _SHOWN[unit]
    whole, rest = divmod(abs(value), 10**decimals)
    fraction = f".{rest:0{decimals}}".rstrip("0") if rest else ""
    return f"{'-' if value < 0 else ''}{whole:,}{fraction} {suffix}"


def write_amount(amount: Amount) -> str:
    """Write an amount as ``parse_amount`` reads it: ``12345 msat``, ``0.25 usd``."""
    if amount.unit == "msat":
        return f"{amount.value} msat"
    return format_amount(amount).replace(",", "")


def unit_name(unit: Unit) -> str:
    """What messages call a unit: ``bitcoin``, ``US dollars``."""
    return _SHOWN[unit][2]
