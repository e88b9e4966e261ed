"""l8nt: a credential for a software agent, and the client that uses it.

What a name needs is loaded with its first use, because most programs use few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from .agents import SigilHandle, asigil_fetch, current_handle, sigil_fetch
    from .amount import Amount
    from .caveat import Scope
    from .client import AsyncClient, Client
    from .client.standing import NodeStanding, PaymentSummary
    from .credential import Credential, delegate

    __version__: str

__all__ = [
    "AdapterError",
    "Amount",
    "AsyncClient",
    "BudgetError",
    "ChallengeError",
    "Client",
    "Credential",
    "DeniedError",
    "ErrorCode",
    "NodeStanding",
    "PaymentError",
    "PaymentSummary",
    "Refusal",
    "Scope",
    "SigilError",
    "SigilHandle",
    "Spent",
    "TokenError",
    "asigil_fetch",
    "current_handle",
    "delegate",
    "explain",
    "sigil_fetch",
]

_LAZY: dict[str, str] = {
    "Amount": ".amount",
    "AsyncClient": ".client",
    "Client": ".client",
    "Credential": ".credential",
    "NodeStanding": ".client.standing",
    "PaymentSummary": ".client.standing",
    "Scope": ".caveat",
    "SigilHandle": ".agents",
    "asigil_fetch": ".agents",
    "current_handle": ".agents",
    "delegate": ".credential",
    "sigil_fetch": ".agents",
}
"""The module of each name that is loaded with its first use."""


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("l8nt")
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
