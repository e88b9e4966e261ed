"""Every error that Sigil raises. No message holds a credential, a preimage or a key.
spec/3-challenge.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from ._codes import (
    CLASS_OF,
    AdapterCode,
    BudgetCode,
    ChallengeCode,
    DenialCode,
    ErrorCode,
    PaymentCode,
    ReceiptCode,
    TokenCode,
)

if TYPE_CHECKING:
    from .wire._types import ProblemRefusal

__all__ = [
    "AdapterCode",
    "AdapterError",
    "BudgetCode",
    "BudgetError",
    "ChallengeCode",
    "ChallengeError",
    "DenialCode",
    "DeniedError",
    "ErrorCode",
    "PaymentCode",
    "PaymentError",
    "ReceiptCode",
    "ReceiptError",
    "Refusal",
    "RefusalNode",
    "SigilError",
    "Spent",
    "TokenCode",
    "TokenError",
    "denied",
    "explain",
]

Spent = Literal["no", "yes", "unknown"]
"""Whether money left the wallet. ``unknown`` keeps its reservation until the wallet knows."""


class SigilError(Exception):
    """The root of Sigil's errors. ``to_dict`` gives what it says, for logs and answers."""

    code: ErrorCode
    message: str
    retry_after_seconds: float | None
    """Seconds after which the same request may succeed; ``None`` if that is not known."""

    def __init__(
        self, code: ErrorCode, message: str, *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        # Only time helps, and the list of revocations may be readable again in a moment.
        if retry_after_seconds is None and code == "ERR_REVOCATION_UNKNOWN":
            retry_after_seconds = 1
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code}: {self.message})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, dict(self.__dict__)))

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON has it in every language: ``name``, ``code``, ``message``, and more."""
        return {"name": type(self).__name__, "code": self.code, "message": self.message}


def _rebuild(kind: type[SigilError], args: tuple[Any, ...], state: dict[str, Any]) -> SigilError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class TokenError(SigilError):
    """A credential that is malformed, forged, or not paid for. HTTP 401.

    spec/1-credential.md §5.
    """

    def __init__(
        self, code: TokenCode, message: str, *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(code, message, retry_after_seconds=retry_after_seconds)


@dataclass(frozen=True, slots=True)
class RefusalNode:
    """The node that a condition belongs to. The root has no agent."""

    id: str
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One caveat that prohibits an access: what it allows, what was needed, and whose it is."""

    code: DenialCode | BudgetCode
    condition: str
    have: str
    need: str
    node: RefusalNode | None = None
    resets_at: float | None = None
    """Unix seconds at which all of a limit with a window is free again if nothing more is spent."""

    def to_dict(self) -> ProblemRefusal:
        """The refusal as JSON has it in every language."""
        shown: ProblemRefusal = {
            "code": self.code,
            "condition": self.condition,
            "have": self.have,
            "need": self.need,
        }
        if self.node is not None:
            shown["node"] = {"id": self.node.id}
            if self.node.agent is not None:
                shown["node"]["agent"] = self.node.agent
        if self.resets_at is not None:
            shown["resetsAt"] = self.resets_at
        return shown


def explain(refusal: Refusal) -> str:
    """ "you have …; you need …", for people, and when a limit with a window is whole again."""
    agent = None if refusal.node is None else refusal.node.agent
    whose = "" if agent is None else f" (set for agent {agent})"
    when = ""
    if refusal.resets_at is not None:
        end = datetime.fromtimestamp(refusal.resets_at, timezone.utc)
        text = end.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        when = f"; all of it is free again at {text} if nothing more is spent"
    return f"{refusal.condition}{whose}: you have {refusal.have}; you need {refusal.need}{when}"


class DeniedError(SigilError):
    """A genuine credential that does not cover this access. ``refusals`` has every caveat that
    prohibits it, at least one.
    """

    refusals: tuple[Refusal, ...]

    def __init__(
        self, refusals: Sequence[Refusal], *, retry_after_seconds: float | None = None
    ) -> None:
        message = f"Denied. {'. '.join(map(explain, refusals))}."
        super().__init__(refusals[0].code, message, retry_after_seconds=retry_after_seconds)
        self.refusals = tuple(refusals)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "refusals": [one.to_dict() for one in self.refusals]}


class BudgetError(DeniedError):
    """A counted limit (budget, uses) somewhere on the chain has too little left. Nothing was
    spent.
    """

    spent: Literal["no"] = "no"


def denied(refusals: Sequence[Refusal]) -> DeniedError | None:
    """The error of a list of refusals, of the class that carries the code of the first one;
    ``None`` for an empty list, which prohibits nothing.
    """
    if not refusals:
        return None
    is_budget = CLASS_OF[refusals[0].code] == "BudgetError"
    return BudgetError(refusals) if is_budget else DeniedError(refusals)


class ChallengeError(SigilError):
    """A challenge or invoice that must not be paid. Nothing was spent."""

    spent: Literal["no"] = "no"

    def __init__(
        self, code: ChallengeCode, message: str, *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(code, message, retry_after_seconds=retry_after_seconds)


class PaymentError(SigilError):
    """A payment that was not made, not finished, or bought nothing. ``spent`` says whether money
    moved.
    """

    spent: Spent

    def __init__(
        self,
        code: PaymentCode,
        spent: Spent,
        message: str,
        *,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(code, message, retry_after_seconds=retry_after_seconds)
        self.spent = spent

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "spent": self.spent}


class ReceiptError(SigilError):
    """The first fault of an export of receipts. ``line`` counts from 1. spec/6-receipts.md §5."""

    line: int

    def __init__(self, code: ReceiptCode, line: int, what: str) -> None:
        super().__init__(code, f"Line {line}: {what}.")
        self.line = line

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "line": self.line}


class AdapterError(SigilError):
    """A treasury, a wallet, a store or a service behind a port did not answer as it should."""

    def __init__(
        self, code: AdapterCode, message: str, *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(code, message, retry_after_seconds=retry_after_seconds)


def is_code(text: object) -> bool:
    """Whether it is a code of the closed list."""
    return isinstance(text, str) and text in CLASS_OF
