"""What one client sends with: the caller's own HTTP client, or those that clients share."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import currentframe
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, cast

from .._given import check_http
from ..errors import AdapterError
from .hooks import without_hooks
from .httpx_reply import library_of
from .leases import Leases
from .outgoing import origin_of
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
    return _has_proxy(chosen(library_of(http).URL(url)))


_MAX_WRAPPED = 64


def _has_proxy(transport: object) -> bool:
    """Whether a transport goes through a proxy, also below others that wrap it, such as one that
    logs or repeats: they have it among their attributes.
    """
    waiting: list[object] = [transport]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_WRAPPED:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if "Proxy" in type(one).__name__ or getattr(one, "_proxy", None) is not None:
            return True
        waiting += [held for held in _held_by(one) if _is_transport(held)]
    return False


def _held_by(one: object) -> Iterator[object]:
    slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    for held in [*getattr(one, "__dict__", {}).values(), *(getattr(one, x, None) for x in slots)]:
        if isinstance(held, dict):
            yield from cast("dict[object, object]", held).values()
        elif isinstance(held, (list, tuple)):
            yield from cast("list[object]", held)
        else:
            yield held


def _is_transport(held: object) -> bool:
    """Whether it sends requests: a transport of httpx, or a pool of httpcore."""
    return hasattr(held, "handle_request") or hasattr(held, "handle_async_request")


def running_client(library: ModuleType) -> Any:
    """The HTTP client that runs the auth flow which calls this. Nothing says it to a flow but the
    frames below it. ``None`` if something else runs the flow.
    """
    frame = currentframe()
    for _ in range(_MAX_FRAMES):
        frame = None if frame is None else frame.f_back
        runs = None if frame is None else frame.f_locals.get("self")
        if isinstance(runs, (library.Client, library.AsyncClient)):
            return runs
    return None


_MAX_FRAMES = 4


def check_way(http: Any, url: str) -> None:
    """Refuses plain HTTP to this machine that goes through a proxy: for an auth flow, which cannot
    choose another way.

    Raises AdapterError ``ERR_REQUEST``.
    """
    if http is not None and is_plain_here(url) and goes_by_proxy(http, url):
        raise AdapterError(
            "ERR_REQUEST",
            f"{origin_of(url)} is plain HTTP, and this HTTP client sends it through a proxy, where "
            "a credential would travel in the clear. Nothing was sent. Set "
            "NO_PROXY=localhost,127.0.0.1, or use l8nt.Client, which goes past the proxy.",
        )
