"""Where a credential may travel: over TLS, or without leaving this machine. spec/3-challenge.md
§4.
"""

from __future__ import annotations

import re

from ..caveat import Origin, format_origin, read_origin
from ..errors import AdapterError

# Not `*.localhost`: a name server is asked for those, which may answer any address.
_LOOPBACK = re.compile(r"(?:localhost|\[::1\]|127(?:\.[0-9]{1,3}){3})\Z", re.ASCII)


def is_plain_here(url: str) -> bool:
    """Whether a URL is plain HTTP to this machine, which a credential then does not leave. So no
    request of a call goes there through a proxy: also not the free one, whose answer decides about
    the others.
    """
    origin = read_origin(url) if url.startswith("http://") else None
    return origin is not None and _LOOPBACK.match(origin.host) is not None


def check_transport(origin: Origin) -> None:
    """Refuses plain HTTP to another machine.

    Raises AdapterError ``ERR_REQUEST``.
    """
    if origin.scheme == "http" and not _LOOPBACK.match(origin.host):
        raise AdapterError(
            "ERR_REQUEST",
            f"{format_origin(origin)} is plain HTTP, where a credential would travel in the clear: "
            "none is sent there. Use https.",
        )
