"""The facts of one request, as a server received it. spec/3-challenge.md §5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .waiting import Wait

__all__ = ["Fields", "RequestFacts", "lines_of", "value_of"]

Fields = Sequence[tuple[str, str]]
"""Header lines in the order in which they came: names in lower case, values as Latin-1."""


def lines_of(fields: Fields, name: str) -> list[str]:
    """Every line of one field."""
    return [value for known, value in fields if known == name]


def value_of(fields: Fields, name: str) -> str | None:
    """The lines of one field joined by commas; ``None`` if the request does not have it."""
    lines = lines_of(fields, name)
    return ", ".join(lines) if lines else None


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a service judges of a request.

    The middlewares of ``l8nt.asgi`` and ``l8nt.wsgi`` make it; give one to
    :meth:`Service.authorize` from a server that neither of them fits.
    """

    method: str
    target: str | None
    """The raw path and query, before any framework decoded them: what ends on the wire, without
    the scheme and the host. ``None`` if the server's accounts of it differ: the request is
    refused with 400."""
    headers: Fields = field(repr=False)
    """Every header line: names in lower case, values as Latin-1."""
    mount: str = ""
    """The decoded path at the beginning of ``target`` that the server took for the mount of the
    application, as ``SCRIPT_NAME`` and ``root_path`` say it; without what the application has
    mounted since. Unless it is the path of the service's location, the request is refused with 400:
    some servers take the mount from a field of the request, and the application would serve another
    path than was judged."""
    client_address: str | None = None
    """The peer's address, from the socket or from a trusted proxy; never from a field that anyone
    can write."""
    body: Wait[bytes | None] | None = field(default=None, repr=False)
    """Reads the whole content as it was sent, for a credential that is bound to a key; ``None``
    if it cannot be had. The handler must be able to read it again. It raises AdapterError
    ``ERR_TOO_LARGE``."""

    def lines(self, name: str) -> list[str]:
        """Every line of a field, by its name in lower case."""
        return lines_of(self.headers, name)

    def value(self, name: str) -> str | None:
        """The lines of a field joined by commas; ``None`` if the request does not have it."""
        return value_of(self.headers, name)

    def below(self, mount: str) -> RequestFacts:
        """The same request, where the application itself has mounted what serves it at the end of
        the mount that the server tells. Without that end it came another way.
        """
        if mount == "":
            return self
        if not self.mount.endswith(mount):
            return replace(self, target=None)
        return replace(self, mount=self.mount.removesuffix(mount))

    @property
    def has_several_hosts(self) -> bool:
        """Whether two parties may believe different hosts."""
        hosts = self.lines("host")
        return len(hosts) > 1 or any("," in host for host in hosts)

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks what a page of another origin may send (CORS)."""
        return (
            self.method == "OPTIONS"
            and self.value("origin") is not None
            and self.value("access-control-request-method") is not None
        )

    @property
    def authorization(self) -> tuple[str, ...]:
        """Every ``Authorization`` line."""
        return tuple(self.lines("authorization"))

    @property
    def macaroon(self) -> tuple[str, ...]:
        """Every ``Grpc-Metadata-Macaroon`` and ``Macaroon`` line."""
        return (*self.lines("grpc-metadata-macaroon"), *self.lines("macaroon"))
