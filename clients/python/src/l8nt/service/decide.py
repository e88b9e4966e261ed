"""Counts in one place for several workers: asks ``sigil gateway decide``.
docs/guides/decide-only.md.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from .._forked import follows_forks
from .._given import check_text
from .._secrecy import HoldsSecret
from ..amount import Amount
from ..errors import AdapterError, DeniedError, SigilError
from ..wire.problem import error_of, members, parse_json, seconds_in
from .counting import Counted, Usage
from .facts import RequestFacts
from .ledger import ClaimRequest

if TYPE_CHECKING:
    import httpx2

__all__ = ["DecideLedger"]

_FIELDS: Final = ("authorization", "macaroon", "grpc-metadata-macaroon")
_OF_ONE_HOP: Final = frozenset(
    {
        "connection",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authorization",
        "sigil-proxy-key",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-original-method",
        "x-original-uri",
    }
)
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_KEY: Final = re.compile(r"[!-~]+(?:[ \t]+[!-~]+)*")
_FIELD_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
"""RFC 9110 §5.5, as Latin-1."""
_HOLDER_FIELD: Final = "sigil-holder"


class DecideLedger(HoldsSecret):
    """Asks ``sigil gateway decide``, whose configuration has ``proxy: application``, about each
    request that the service itself would let in, and takes its verdict: it counts uses and budgets,
    and knows what was revoked and frozen.

    ``url``: where it listens, such as ``http://127.0.0.1:8411``. ``socket``: the path of its
    socket, where it listens at one. ``proxy_key``: what its ``proxyKey`` is. ``timeout_seconds``:
    how long an answer is waited for; without one nothing is served.

    A use is used when its request passes: nothing is given back, and nothing can be settled, since
    it never sees an answer. Prices stand in its ``routes``. Its ``location`` and its secret, or
    ``trust``, are those of the service.

    Raises ValueError for what is no URL, and for a key that no header field can hold.
    """

    __slots__ = (
        "__weakref__",
        "_async",
        "_key",
        "_lock",
        "_of_parents",
        "_socket",
        "_sync",
        "_timeout",
        "_url",
    )

    counts_all = True

    def __init__(
        self,
        url: str = "http://127.0.0.1:8411",
        *,
        proxy_key: str | None = None,
        socket: str | None = None,
        timeout_seconds: float = 10,
    ) -> None:
        check_text(url, "url", "where sigil gateway decide listens, http://127.0.0.1:8411")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise ValueError("url is where sigil gateway decide listens: http://127.0.0.1:8411")
        if proxy_key is not None and not _KEY.fullmatch(proxy_key):
            raise ValueError("proxy_key is what proxyKey is: printable ASCII without blanks around")
        self._url = f"{parts.scheme}://{parts.netloc}/decide"
        self._key = proxy_key
        self._socket = socket
        self._timeout = timeout_seconds
        self._of_parents: list[object] = []
        self._begin()
        follows_forks(self, DecideLedger._after_fork)

    def _begin(self) -> None:
        self._lock = Lock()
        self._sync: httpx2.Client | None = None
        self._async: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
            WeakKeyDictionary()
        )

    def _after_fork(self) -> None:
        # Kept, because what is garbage may be closed.
        self._of_parents += [self._sync, *self._async.values()]
        self._begin()

    def claim(self, request: ClaimRequest) -> DecidedClaim:
        """Asks, in a thread. Raises DeniedError; AdapterError, ``ERR_STORE`` without an answer."""
        import httpx2

        with self._lock:
            if self._sync is None:
                transport = httpx2.HTTPTransport(uds=self._socket)
                self._sync = httpx2.Client(
                    transport=transport, timeout=self._timeout, trust_env=False
                )
            client = self._sync
        try:
            answer = client.get(self._url, headers=self._asked(request))
        except httpx2.HTTPError as cause:
            raise _no_answer() from cause
        return _read(request, answer.status_code, answer.headers, answer.content)

    async def aclaim(self, request: ClaimRequest) -> DecidedClaim:
        """Asks, in an event loop. Raises as ``claim``."""
        import httpx2

        loop = asyncio.get_running_loop()
        client = self._async.get(loop)
        if client is None:
            transport = httpx2.AsyncHTTPTransport(uds=self._socket)
            client = httpx2.AsyncClient(transport=transport, timeout=self._timeout, trust_env=False)
            self._async[loop] = client
        try:
            answer = await client.get(self._url, headers=self._asked(request))
        except httpx2.HTTPError as cause:
            raise _no_answer() from cause
        return _read(request, answer.status_code, answer.headers, answer.content)

    def close(self) -> None:
        """Closes the connections of threads. The next request opens new ones."""
        with self._lock:
            client, self._sync = self._sync, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Closes the connections of this event loop, as at the end of a lifespan."""
        client = self._async.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def usage(self, counted: Sequence[Counted], at: float) -> Sequence[Usage] | None:
        """``None``: it tells nobody what is left."""
        return None

    def _asked(self, request: ClaimRequest) -> list[tuple[bytes, bytes]]:
        """Bytes beyond ASCII go as they came. Raises AdapterError ``ERR_REQUEST``."""
        facts = request.facts
        headers = [("x-original-method", facts.method), ("x-original-uri", request.target)]
        if facts.client_address is not None:
            headers.append(("x-forwarded-for", facts.client_address))
        if self._key is not None:
            headers.append(("sigil-proxy-key", self._key))
        return [_field(name, value) for name, value in headers + _told(facts, request)]

    @property
    def _instead(self) -> str:
        return "make it anew in each process"


def _told(facts: RequestFacts, request: ClaimRequest) -> list[tuple[str, str]]:
    """The credential; and of a request that its holder signed, every field, because the signature
    may cover it.
    """
    if facts.value(_HOLDER_FIELD) is not None:
        return [(name, value) for name, value in facts.headers if name not in _OF_ONE_HOP]
    own = [("authorization", value) for value in request.authorization]
    return own + [("macaroon", value) for value in request.macaroon]


def _field(name: str, value: str) -> tuple[bytes, bytes]:
    """A server may be less strict than what is asked here. It is the request's fault then, and no
    news to the operator.
    """
    value = value.strip(" \t")
    if not _NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
        raise AdapterError(
            "ERR_REQUEST",
            "The request's target or one of its header fields has characters that HTTP does not "
            "allow there, so it is not served. Send it without them.",
        )
    return name.encode("ascii"), value.encode("latin-1")


class DecidedClaim:
    """A use that is used up already."""

    is_final = True

    def commit(self, spent: Amount, at: float) -> None:
        """It was counted when it passed."""

    def release(self, at: float) -> None:
        """Nothing is given back."""


def _read(
    request: ClaimRequest, status: int, headers: Mapping[str, str], content: bytes
) -> DecidedClaim:
    if status == 200 and "x-sigil-access" in headers:
        # A route that is free there counts nothing.
        if headers.get("x-sigil-node") == request.node_id:
            return DecidedClaim()
        raise _unusable(
            f"it lets {request.target.split('?', 1)[0]} through without this credential: its "
            "routes say access: free"
        )
    said = members(parse_json(content))
    error = error_of(
        {**said, "code": said.get("sigil"), "detail": _detail(said.get("detail"))},
        seconds_in(headers.get("retry-after")),
    )
    if isinstance(error, (DeniedError, AdapterError)):
        raise error
    code = said.get("code")
    raise _unusable(
        f"it answered {status}{f' {code}' if isinstance(code, str) else ''}: "
        f"{_detail(said.get('detail')) or 'no problem details of sigil gateway decide'}"
    )


def _detail(detail: object) -> str:
    return detail.removeprefix("Sigil: ")[:500] if isinstance(detail, str) else ""


_NOT_COUNTED: Final = (
    "The use could not be counted just now, so nothing was served. Try again later."
)


def _no_answer() -> SigilError:
    return AdapterError("ERR_STORE", _NOT_COUNTED, retry_after_seconds=1)


class DecideFault(Exception):
    """What ``sigil gateway decide`` answered that denies nobody, and lets nobody through."""


def _unusable(what: str) -> SigilError:
    error = AdapterError("ERR_STORE", _NOT_COUNTED, retry_after_seconds=1)
    error.__cause__ = DecideFault(what)
    return error
