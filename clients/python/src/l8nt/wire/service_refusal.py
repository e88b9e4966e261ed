"""Reads what a service says of a use that it does not serve. spec/4-purchase.md §4.5."""

from __future__ import annotations

import re
from typing import Protocol

from .preference import prefers_no_invoice
from .problem import problem_place, seconds_in

_OF_CREDENTIAL = re.compile(r"ERR_(?:TOKEN_|REVOKED\Z|EXPIRED\Z)")
_CHALLENGE = re.compile(r"(?:^|,)[ \t]*(?:l402|lsat)[ \t]", re.IGNORECASE)
_ISSUERS = re.compile(r"\bissuers=", re.IGNORECASE | re.ASCII)
_REFUSING = frozenset((401, 402, 409, 422, 429))


class Head(Protocol):
    """The head of an answer, and the code of the problem in it."""

    code: str | None

    @property
    def status(self) -> int: ...
    def get(self, name: str) -> str | None: ...


def may_have_code(head: Head) -> bool:
    """Whether the code of its problem decides anything, so that its body has to be read."""
    return head.status in _REFUSING and problem_place(head.get("content-type")) is not None


def is_refusal(head: Head) -> bool:
    """Whether a service refuses what was presented, and would take another one. A 401 without a
    problem of Sigil's may be the handler's own, for a caller that has not logged in. A 403 or a 400
    is the answer: paying cannot help.
    """
    if head.status != 401:
        return head.status == 402
    return bool(_OF_CREDENTIAL.match(head.code or ""))


def asks_for_issued(head: Head) -> bool:
    """Whether a service that sells nothing asks for a credential of an issuer that it trusts.
    spec/9-public-key.md §6.
    """
    return (
        head.status == 401
        and head.code == "ERR_TOKEN_MISSING"
        and bool(_ISSUERS.search(head.get("www-authenticate") or ""))
    )


def may_be_unread(head: Head) -> bool:
    """Whether a 402 may come from a service that has not read what was presented. One that has says
    what is wrong with it.
    """
    return head.status == 402 and head.code in (None, "ERR_PAYMENT_REQUIRED")


def is_for_sale(head: Head) -> bool:
    """Whether a 402 is about L402, and not about an account at an API."""
    if head.status != 402:
        return False
    if _CHALLENGE.search(head.get("www-authenticate") or ""):
        return True
    # Of a service whose problems have another form than ours, as those of a vendor's SDK.
    return prefers_no_invoice(head.get("preference-applied")) or head.code is not None


def is_running(head: Head) -> bool:
    """Whether an earlier request with the same ``Idempotency-Key`` is still being answered."""
    return head.status == 409 and head.code == "ERR_REQUEST_RUNNING"


def challenge_after(head: Head) -> int | None:
    """The seconds after which a service gives a challenge again, which has given too many that are
    not paid; ``None`` for any other answer.
    """
    if head.status != 429 or head.code != "ERR_RATE_LIMITED":
        return None
    return seconds_in(head.get("retry-after"))


def is_known_key(head: Head) -> bool:
    """Whether the ``Idempotency-Key`` was used before, and no answer is given again under it."""
    return head.status == 422 and head.code == "ERR_IDEMPOTENCY_KEY"
