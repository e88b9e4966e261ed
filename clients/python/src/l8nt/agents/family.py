"""The options that the clients of all agents of a family share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

    from ..caveat import Scope
    from ..client import AsyncClient, Client, PaymentSummary
    from ..client.carried import GivenCredentials
    from ..client.signing import HolderKey
    from ..credential import Credential


@dataclass(frozen=True, slots=True, repr=False)
class Family:
    """What ``SigilHandle.open`` was given. Clients cost little: they share their connections."""

    credential: GivenCredentials | None = None
    wallet: str | None = None
    limits: Scope | None = None
    holder_key: str | HolderKey | None = None
    on_payment: Callable[[PaymentSummary], object] | None = None
    http: httpx2.Client | None = None
    async_http: httpx2.AsyncClient | None = None
    clock: Callable[[], float] = time.time

    def client(self, credential: Credential | None = None) -> Client:
        """The client of an agent's credential; of the agent at the top without one."""
        from ..client import Client

        is_top = credential is None
        return Client(
            credential=self.credential if is_top else credential,
            wallet=self.wallet if is_top else None,
            limits=self.limits if is_top else None,
            holder_key=self.holder_key,
            on_payment=self.on_payment,
            http=self.http,
            clock=self.clock,
        )

    def async_client(self, credential: Credential | None = None) -> AsyncClient:
        """The same, for the event loop that runs now."""
        from ..client import AsyncClient

        is_top = credential is None
        return AsyncClient(
            credential=self.credential if is_top else credential,
            wallet=self.wallet if is_top else None,
            limits=self.limits if is_top else None,
            holder_key=self.holder_key,
            on_payment=self.on_payment,
            http=self.async_http,
            clock=self.clock,
        )
