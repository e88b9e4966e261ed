"""l8nt: a credential for a software agent, and the client that uses it.

What a name needs is loaded with its first use, because most programs use few of them.
"""

from importlib import import_module

from .errors import (
    AdapterError,
    BudgetError,
    ChallengeError,
    DeniedError,
    ErrorCode,
    PaymentError,
    Refusal,
    SigilError,
    Spent,
    TokenError,
    explain,
)

__all__ = [
    "AdapterError",
    "BudgetError",
    "ChallengeError",
    "DeniedError",
    "ErrorCode",
    "PaymentError",
    "Refusal",
    "SigilError",
    "Spent",
    "TokenError",
    "explain",
]

_LAZY: dict[str, str] = {}
"""The module of each name that is loaded with its first use."""


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
