"""A request that is not served, as data, and the problem details (RFC 9457) that its caller is
shown. spec/3-challenge.md §5.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from ..errors import SigilError
from ..wire._types import Problem
from ..wire.problem import concealed, problem_of, status_of
from .caching import VARY, exposed

__all__ = ["Answer", "Answered", "Refused", "preflight"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: a status, header lines, and a body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that is answered without its handler, and is no refusal: a preflight of CORS."""

    answer: Answer
    granted: Literal[False] = False

    @property
    def status(self) -> int:
        return self.answer.status


class Refused:
    """A request that was refused, as data. ``answer`` renders it.

    ``error`` says why in full, for the log; what the caller is shown may say less.
    """

    granted: Literal[False] = False
    status: int
    error: SigilError
    challenge: str | None
    """The ``WWW-Authenticate`` line of a 401: which caveats are enforced here, and which issuers
    are trusted."""

    def __init__(
        self, error: SigilError, *, status: int | None = None, challenge: str | None = None
    ) -> None:
        self.error = error
        self.status = status_of(error) if status is None else status
        self.challenge = challenge if self.status == 401 else None

    @property
    def problem(self) -> Problem:
        """The problem details that the caller is shown; never a credential."""
        return problem_of(concealed(self.error), self.status)

    @property
    def answer(self) -> Answer:
        """The refusal as it is sent."""
        ours: list[tuple[str, str]] = []
        if self.challenge is not None:
            ours.append(("www-authenticate", self.challenge))
        if self.error.retry_after_seconds is not None:
            ours.append(("retry-after", _seconds(self.error.retry_after_seconds)))
        body = json.dumps(self.problem, ensure_ascii=False, separators=(",", ":")).encode()
        headers = (
            *ours,
            *exposed(ours),
            ("content-type", "application/problem+json"),
            ("cache-control", "no-store"),
            ("vary", ", ".join(VARY)),
            ("content-length", str(len(body))),
        )
        return Answer(self.status, headers, body)

    def __repr__(self) -> str:
        return f"<Refused {self.status} {self.error.code}>"


def _seconds(value: float) -> str:
    whole = int(value)
    return str(whole if whole == value else whole + 1)


def preflight() -> Answered:
    """The answer to a preflight that no CORS middleware has answered before: it allows nothing by
    itself.
    """
    vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    return Answered(Answer(204, (("vary", vary),)))
