"""Where a service is: which path of a request is which path below its location. A proxy or a server
may have taken the location's own path off. spec/3-challenge.md §5.
"""

from __future__ import annotations

from urllib.parse import unquote

from ..caveat import Base, Target, target_at
from .facts import RequestFacts

__all__ = ["Mounting"]


class Mounting:
    """The location of a service, as requests arrive there."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self._mount = unquote(base.path)

    def read(self, facts: RequestFacts) -> Target | None:
        raw = facts.target
        # A target has no fragment (RFC 9112 §3.2). A server that does not cut it off would read
        # another path.
        if raw is None or not raw.startswith("/") or "#" in raw or not self.is_here(facts):
            return None
        origin, path = self.base.origin, self.base.path
        if self._has_base(facts):
            return target_at(facts.method, origin, raw)
        return target_at(facts.method, origin, path + raw)

    def is_here(self, facts: RequestFacts) -> bool:
        """Whether each path that the application serves has one public path. Gunicorn and Daphne
        take the mount from fields of the request: any other mount than that of the location would
        let a caller choose which part of the judged path the application sees.
        """
        return facts.mount in ("", self._mount)

    def _has_base(self, facts: RequestFacts) -> bool:
        """Whether the server has put the path of the location back, which a proxy removed."""
        path = self.base.path
        if path == "" or facts.mount == "":
            return False
        whole = target_at(facts.method, self.base.origin, facts.target or "")
        return whole is not None and (whole.path + "/").startswith(path + "/")

    def local(self, facts: RequestFacts) -> str:
        """Path and query as the proxy of the location sent them."""
        raw = facts.target or ""
        return raw.removeprefix(self.base.path) if self._has_base(facts) else raw

    def local_path(self, facts: RequestFacts) -> str | None:
        target = self.read(facts)
        return None if target is None else target.path.removeprefix(self.base.path)
