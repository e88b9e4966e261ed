"""How an exchange ended that gave no answer, by the errors of HTTP libraries. spec/4-purchase.md
§4.5.
"""

from __future__ import annotations

from typing import Literal

Ending = Literal["given up", "unreadable", "hung up"]
"""``given up``: this side ended it, by a cancellation or a time-out of its own. ``unreadable``: an
answer began, or may have begun, that this side cannot read. ``hung up``: the connection was closed,
or there never was one.
"""

_MAX_CAUSES = 12

# Names of classes, so that no library is imported that the caller does not use.
_UNSENT = frozenset(
    {
        # httpx, httpx2
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
        "InvalidURL",
        # urllib3, requests
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "InvalidSchema",
        # aiohttp
        "ClientConnectorError",
        "ConnectionTimeoutError",
        # the standard library
        "ConnectionRefusedError",
        "gaierror",
        "SSLCertVerificationError",
    }
)
_GIVEN_UP = frozenset(
    {
        "ReadTimeout",
        "WriteTimeout",
        "ReadTimeoutError",
        "SocketTimeoutError",
        "ServerTimeoutError",
        "TimeoutError",
        "timeout",
        "ClosedResourceError",
    }
)
_HUNG_UP = frozenset(
    {
        "ReadError",
        "WriteError",
        "CloseError",
        "RemoteDisconnected",
        "ServerDisconnectedError",
        "ClientOSError",
        "ConnectionResetError",
        "ConnectionAbortedError",
        "BrokenPipeError",
        "BrokenResourceError",
        "EndOfStream",
        "SSLEOFError",
    }
)
# A RuntimeError of httpx and httpx2, if another thread has closed the client.
_UNSENT_WORDS = "Cannot send a request, as the client has been closed"
_CLOSED_WORDS = ("Server disconnected", "ConnectionTerminated", "StreamReset", "Connection aborted")


def has_given_up(error: BaseException) -> bool:
    """Whether the caller has ended the call: a cancelled task, or an interrupt."""
    return not isinstance(error, Exception)


def was_not_sent(error: BaseException) -> bool:
    """Whether an exchange failed before anything of the request was sent to the server."""
    return any(
        not _UNSENT.isdisjoint(names) or _UNSENT_WORDS in text for names, text in _causes(error)
    )


def was_closed(error: BaseException) -> bool:
    """Whether a connection was closed under a request, before an answer."""
    return not was_not_sent(error) and ending_of(error) == "hung up"


def ending_of(error: BaseException) -> Ending:
    """How an exchange ended that raised ``error``."""
    if has_given_up(error):
        return "given up"
    if was_not_sent(error):
        return "hung up"
    for names, text in _causes(error):
        if not _GIVEN_UP.isdisjoint(names):
            return "given up"
        if not _HUNG_UP.isdisjoint(names) or any(word in text for word in _CLOSED_WORDS):
            return "hung up"
    return "unreadable"


def _causes(error: BaseException) -> list[tuple[frozenset[str], str]]:
    """The names of the classes of an error, of what caused it and of what it holds."""
    found: list[tuple[frozenset[str], str]] = []
    waiting: list[BaseException] = [error]
    while waiting and len(found) < _MAX_CAUSES:
        one = waiting.pop(0)
        found.append((frozenset(kind.__name__ for kind in type(one).__mro__), str(one)))
        # urllib3 and requests hold the cause among their arguments.
        inner = [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
        waiting += [other for other in inner if isinstance(other, BaseException)]
    return found
