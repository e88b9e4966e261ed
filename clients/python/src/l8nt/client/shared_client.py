"""What ``Client`` and ``AsyncClient`` do without sending anything."""

from __future__ import annotations

from typing_extensions import Self, Unpack

from .._secrecy import takes_secrets
from ..caveat import Scope
from ..credential import Credential
from .carried import GivenCredentials
from .connections import Connections
from .core import Core, HoldsCredentials


class SharedClient(HoldsCredentials):
    """The credentials of a client, and its connections."""

    _core: Core
    _connections: Connections

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {self._core.shown}>"

    def begin(self, core: Core) -> None:
        """Has these credentials, and no connections of its own yet."""
        self._core = core
        self._connections = self._connections.anew()

    @takes_secrets
    def with_credential(self, credential: GivenCredentials) -> Self:
        """A client with another credential, such as one that was delegated, and otherwise the same:
        the same HTTP client, holder key and treasury. Starts the treasury of a wallet, which takes
        a moment.

        Raises TokenError for a credential that cannot be read.
        """
        made = self.alike()
        made.begin(self._core.derived(credential))
        return made

    @property
    def credential(self) -> Credential:
        """This client's own credential: the first one, if it has several.

        Raises PaymentError ``ERR_PAYMENT_REQUIRED`` if it has none.
        """
        return self._core.first.credential

    def delegate(self, **scope: Unpack[Scope]) -> Credential:
        """A weaker credential for a sub-agent, derived from this client's own. Offline: no request
        is made. ``agent`` is required.

            booker = client.delegate(agent="booker", budget="500 sat", expires_in="15m")

        Raises TypeError or ValueError for a scope that cannot be read.
        """
        return self._core.delegate(scope)
