"""What one client sends with: the caller's own HTTP client, or those that clients share."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from .._given import check_http
from .hooks import without_hooks
from .httpx_reply import library_of
from .leases import Leases
from .pools import Wanted, library
from .transport import is_plain_here

if TYPE_CHECKING:
    from .wallet_child import WalletChild


class Connections:
    """The HTTP clients of one client, for threads or for event loops."""

    __slots__ = (
        "_given",
        "_given_treasury",
        "_is_async",
        "_is_kept",
        "_library",
        "_services",
        "leases",
    )

    def __init__(
        self,
        given: Any,
        treasury: Any,
        *,
        is_async: bool,
        made_by: ModuleType | None = None,
        is_kept: bool = True,
    ) -> None:
        """``given`` and ``treasury`` are the caller's own, for services and for the treasury.
        ``made_by``: the library, if it is not theirs. ``is_kept``: whether connections stay open,
        which needs somebody who closes them.

        Raises TypeError for what is no client of httpx2 or httpx, or is one of the other kind.
        """
        check_http(given, "http", is_async=is_async)
        check_http(treasury, "treasury_http", is_async=is_async)
        self._given = given
        self._given_treasury = treasury
        self._is_async = is_async
        self._library = made_by
        self._is_kept = is_kept
        self._services: Wanted | None = None
        self.leases = Leases()

    def anew(self) -> Connections:
        """The same for another client, with no connections yet."""
        return Connections(self._given, self._given_treasury, is_async=self._is_async)

    def services(self) -> Any:
        """What requests are made with."""
        if self._given is not None:
            return self._given
        if self._services is None:
            self._services = self._wanted("services")
        return self.leases.http(self._services)

    def to_service(self, http: Any, url: str) -> Any:
        """What sends a request of ``http`` to a service. Over plain HTTP a proxy would see the
        credential, which leaves this machine with it.
        """
        if self._given is None:
            http = self.services()  # Another thread may have closed the one of before.
        if not is_plain_here(url) or not goes_by_proxy(http, url):
            return without_hooks(http)
        return self.trusted()

    def to_treasury(self, child: WalletChild | None, url: str) -> Any:
        """What sends a message to a treasury. ``child``: the one that this client has started."""
        if child is not None and url.startswith(f"{child.base}/"):
            return self.leases.http(self._wanted("trusted", child.socket))
        given = self._given_treasury
        return self.trusted() if given is None else without_hooks(given)

    def trusted(self) -> Any:
        """Verifies TLS, goes through no proxy without TLS, and has nothing of the caller's."""
        return self.leases.http(self._wanted("trusted"))

    def _wanted(self, purpose: Literal["services", "trusted"], socket: str | None = None) -> Wanted:
        if self._library is None:
            self._library = library() if self._given is None else library_of(self._given)
        return Wanted(purpose, self._is_async, self._library, socket, self._is_kept)


def goes_by_proxy(http: Any, url: str) -> bool:
    """Whether an ``httpx2`` or ``httpx`` client sends a request to a URL through a proxy."""
    # Neither library says it in another way.
    chosen = getattr(http, "_transport_for_url", None)
    if chosen is None:
        return False
    transport = chosen(library_of(http).URL(url))
    return "Proxy" in type(getattr(transport, "_pool", None)).__name__
