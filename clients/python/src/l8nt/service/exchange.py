"""One request at a server, from its judgement to the end of its answer. Adapters drive it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from .._given import kind_of
from .abandoned import abandon, end_abandoned
from .facts import RequestFacts
from .grant import Grant
from .refused import Answer
from .service import Service
from .terms import GivenTerms, Terms, terms_of
from .waiting import Steps

__all__ = [
    "KEY",
    "MAX_BODY_BYTES",
    "Exchange",
    "Guarding",
    "guarding",
    "mount_of",
    "service_of",
    "unguarded",
]

KEY: Final = "l8nt.exchange"
"""Where the exchange of a request stands in an ASGI scope, and in a WSGI environ."""
MAX_BODY_BYTES: Final = 1024 * 1024
"""What is read of a body whose signature is verified before the handler."""

Guarding = Literal["everything", "routes"]


class Exchange:
    """What was decided about one request, and what became of its answer."""

    def __init__(self, service: Service, facts: RequestFacts) -> None:
        end_abandoned()
        self.service = service
        self.facts = facts
        self.grant: Grant | None = None
        self.answer: Answer | None = None
        """What is sent in place of the handler's answer."""
        self._before: Exchange | None = None
        self._status: int | None = None
        self._granted: Grant | None = None

    def follow(self, before: Exchange | None) -> None:
        """Takes over what a guard before this one has read and decided."""
        if before is None:
            return
        self._before = before
        self.grant = before.grant_by(self.service)
        if self.facts.target == before.facts.target:
            # What was mounted since is the application's.
            self.facts = replace(self.facts, mount=before.facts.mount)

    def grant_by(self, service: Service | None) -> Grant | None:
        """The last grant of a service, or of any one, for this request."""
        at: Exchange | None = self
        while at is not None:
            if at.grant is not None and service in (None, at.service):
                return at.grant
            at = at._before  # noqa: SLF001 # one class
        return None

    @property
    def is_head_alone(self) -> bool:
        """Whether no part of a body may be sent: to HEAD, which uses nothing up. Some servers would
        send one.
        """
        return self.facts.method == "HEAD" and (self.grant or self.answer) is not None

    @property
    def is_begun(self) -> bool:
        """Whether the head of the answer was sent."""
        return self._status is not None

    def judge(self, terms: Terms) -> Steps[Grant | None]:
        """Judges the request on terms of one guard; ``None`` if it is not let in.

        Raises TypeError for a capability of a service without a name: no caveat would forbid it.
        """
        if terms.capability is not None and self.service.name is None:
            raise TypeError(
                f"capability={terms.capability!r} is judged by <name>_capabilities, and this "
                'service has no name: Service(name="weather", …)'
            )
        decision = yield from self.service.decide(
            self.facts, terms, self.grant or self.grant_by(None)
        )
        if isinstance(decision, Grant):
            self.grant = self._granted = decision
            return decision
        self.answer = decision.answer
        return None

    def well_known(self) -> Steps[bool]:
        """Answers a document of the service; whether the request asked for one."""
        if not self.service.is_well_known(self.facts):
            return False
        self.answer = yield from self.service.well_known(self.facts)
        return True

    def head(
        self, status: int, headers: Sequence[tuple[str, str]], *, is_seen: bool = True
    ) -> list[tuple[str, str]]:
        """The head of the answer is sent: ends the claim, if the head does that, and returns the
        headers as they are sent.
        """
        sent = self.headers(status, headers)
        self.sent(status, is_seen=is_seen)
        return sent

    def headers(self, status: int, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The headers as they are sent with ``status``."""
        if self.grant is None or self.answer is not None:
            return list(headers)
        return self.grant.headers(headers, status)

    def sent(self, status: int, *, is_seen: bool = True) -> None:
        """The head is sent with the first of its body: ends the claim, if the head does that."""
        self._status = status
        if self.grant is not None and (self.grant.ends_by == "head" or self.answer is not None):
            self.grant.finish(status, is_seen=is_seen)

    def end(self) -> None:
        """The exchange has ended, whether its head was sent or not."""
        if self.grant is not None:
            self.grant.finish(self._status)

    def drop(self) -> None:
        """Nobody can end the exchange any more."""
        grant: Grant | None = getattr(self, "_granted", None)
        if grant is not None and grant.is_claimed:
            abandon(grant, self._status)

    def __del__(self) -> None:
        self.drop()


def guarding(guard: Guarding, given: GivenTerms) -> Terms | None:
    """The terms of every request; ``None`` if each route has its own.

    Raises TypeError or ValueError for terms that cannot be read.
    """
    if guard == "everything":
        return terms_of(**given)
    if guard != "routes":
        raise ValueError('guard is "everything" or "routes"')
    if given:
        raise TypeError(f'with guard="routes", {next(iter(given))!r} stands at the route')
    return None


def service_of(given: Service) -> Service:
    """Raises TypeError for what is no service: no request could be judged."""
    if not isinstance(given, Service):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"service must be an l8nt.service.Service, and is {kind_of(given)}: "
            "Service(location=…, secret=…)"
        )
    return given


def mount_of(mount: str) -> str:
    """Raises ValueError for what is no path, such as ``/sub``, decoded."""
    if mount and (not mount.startswith("/") or mount.endswith("/")):
        raise ValueError('mount is the path that the application mounts it at, such as "/sub"')
    return mount


def unguarded(how: str) -> RuntimeError:
    """A route asks for a credential, and nothing around it looks at any."""
    return RuntimeError(
        f"this route needs a credential, and no Sigil middleware stands before it: {how}"
    )
