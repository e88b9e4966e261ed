"""A credential for a software agent, and the client that uses it.

    from l8nt import Client

    client = Client()  # with the credential in SIGIL_CREDENTIAL
    response = client.get("https://api.weather.example/forecast?city=tokyo")
    print(response.json())

``Client`` and ``AsyncClient`` send requests and have them paid for. What else there is:

- ``l8nt.httpx2``, ``l8nt.httpx``, ``l8nt.requests``, ``l8nt.aiohttp``: for your own HTTP client.
- ``l8nt.agents``: a handle that travels with an agent. ``l8nt.openai_agents``, ``l8nt.langchain``,
  ``l8nt.pydantic_ai``, ``l8nt.google_adk``, ``l8nt.crewai``, ``l8nt.agent_framework``,
  ``l8nt.strands``, ``l8nt.llama_index`` and ``l8nt.mcp``: the same in a framework.
- ``l8nt.service``, with ``l8nt.asgi``, ``l8nt.wsgi``, ``l8nt.flask`` and ``l8nt.django``: services
  that verify credentials. ``l8nt.feed``: revocations of a treasury.
- ``l8nt.credential``, ``l8nt.l402``, ``l8nt.public_key``, ``l8nt.macaroon``, ``l8nt.holder`` and
  ``l8nt.receipt``: reading and minting credentials, keys, receipts.

Every error is a ``SigilError`` with a ``code``. The guides are in docs/guides/python.md and
docs/guides/python-services.md of https://github.com/l8nt/sigil. Other modules are parts of these.
"""

# What a name needs is loaded with its first use, because most programs use few of them.

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
