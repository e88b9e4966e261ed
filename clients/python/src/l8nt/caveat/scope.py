"""A scope as people write it: keyword arguments in words. It compiles to caveats.
spec/2-caveats.md §1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

__all__ = ["Amounts", "Scope"]

Amounts = str | Sequence[str]
"""An amount, or one for each unit: ``"500 sat"``, ``["500 sat", "5 usd"]``."""


class Scope(TypedDict, total=False):
    """What a credential, or a child of one, may be used for.

    A key that is not there limits nothing. ``None`` means the same as a keyword argument, and is
    refused in a mapping, such as a table of agents: it may be a limit that a file left empty.
    """

    agent: str | None
    """The agent that the credential is for. Opens a node that is revoked and counted by itself."""
    endpoints: Sequence[str] | None
    """Such as ``"GET https://api.example/search/*"``. An empty list allows no request."""
    services: Sequence[str] | None
    """For L402 services that name themselves: ``"lightning_loop"`` or ``"lightning_loop:0"``."""
    capabilities: Mapping[str, Sequence[str]] | None
    """By the name of the service: what may be done there."""
    models: Sequence[str] | None
    """Models of an AI service, by name or, with a ``*`` at the end, by the beginning of the
    name.
    """
    expires_in: str | None
    """A duration: ``"30s"``, ``"15m"``, ``"1h"``, ``"7d"``."""
    expires_at: datetime | None
    """Instead of ``expires_in``; with a time zone."""
    valid_from: datetime | None
    """With a time zone."""
    ledger: str | None
    """The origin of the only service that takes the credential and counts its limits, such as
    ``"https://api.example"``. A limit of the public-key form needs one.
    """
    holder: str | None
    """The thumbprint of the key that must sign each request, as ``HolderKey`` has it. Without the
    key a copy of the credential is worthless. A treasury and a gateway deny such a credential.
    """
    budget: Amounts | None
    """In all, routing fees included. What is spent in a unit needs a budget in that unit."""
    budget_per_hour: Amounts | None
    """Within any hour."""
    budget_per_day: Amounts | None
    """Within any day."""
    budget_per_month: Amounts | None
    """Within any thirty days."""
    max_price: Amounts | None
    """For one purchase, or one request. Says nothing about prices in another unit."""
    max_uses: int | None
    """Requests in all."""
    max_uses_per_minute: int | None
    """Requests within any minute."""
    max_uses_per_hour: int | None
    """Requests within any hour."""
    max_uses_per_day: int | None
    """Requests within any day."""
    payees: Sequence[str] | None
    """Hex public keys of the only nodes that may be paid."""
    max_depth: int | None
    """How many delegations may follow."""
    purpose: str | None
    """For people and for the audit."""
