"""Problem details (RFC 9457): an error as an answer tells it, and read back to the error that it
was. spec/3-challenge.md §5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from .._codes import CLASS_OF, SHOWN, STATUS_OF, TITLE_OF
from ..errors import (
    AdapterError,
    BudgetError,
    ChallengeError,
    DeniedError,
    PaymentError,
    ReceiptError,
    Refusal,
    RefusalNode,
    SigilError,
    TokenError,
)
from ._types import Problem, ProblemRefusal
from .reading import known

ProblemPlace = Literal["document", "rpc"]
"""``document``: the body is the problem. ``rpc``: an error of JSON-RPC has it. spec/8-mcp.md §4"""

_PLACES: dict[str, ProblemPlace] = {
    "application/problem+json": "document",
    "application/json": "rpc",
}
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What a terminal obeys, and halves of characters, which nothing can write. JSON may have both."""
_SECONDS = re.compile(r"[0-9]{1,9}\Z", re.ASCII)


def status_of(error: SigilError) -> int:
    """The HTTP status of an error, by its code. 402 is never among them: only a service that can
    sell to the caller answers it.
    """
    return STATUS_OF.get(error.code, 503)


def concealed(error: SigilError) -> SigilError:
    """The error as its caller is shown it: a forger is not told which check failed. [case 98]"""
    if isinstance(error, TokenError) and status_of(error) == 401 and error.code not in SHOWN:
        return TokenError(
            "ERR_TOKEN_FORGED",
            "The credential is not genuine here: forged, altered, unpaid, or minted elsewhere.",
        )
    return error


def problem_of(error: SigilError, status: int | None = None) -> Problem:
    """The problem details of an error, for ``application/problem+json``. Give what ``concealed``
    returns if a stranger reads the answer.
    """
    shown = status_of(error) if status is None else status
    problem: Problem = {
        "type": f"urn:sigil:{error.code}",
        "title": TITLE_OF.get(shown, "Error"),
        "status": shown,
        "detail": error.message,
        "code": error.code,
    }
    if isinstance(error, (BudgetError, ChallengeError, PaymentError)):
        problem["spent"] = error.spent
    if isinstance(error, ReceiptError):
        problem["line"] = error.line
    if isinstance(error, DeniedError):
        refusals = [one.to_dict() for one in error.refusals]
        problem["condition"] = refusals[0]["condition"]
        if "node" in refusals[0]:
            problem["node"] = refusals[0]["node"]
        problem["refusals"] = refusals
    return problem


def problem_place(content_type: str | None) -> ProblemPlace | None:
    """Where an answer has its problem, by its media type. ``None`` for an answer that has none:
    other JSON is an API's own, whatever its members.
    """
    return _PLACES.get((content_type or "").split(";", 1)[0].strip().lower())


def parse_json(body: bytes) -> object:
    """The value of a body that another party wrote; ``None`` for what is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def seconds_in(retry_after: str | None) -> int | None:
    """The seconds of a ``Retry-After``; ``None`` for a date, and for anything else."""
    return int(retry_after) if retry_after and _SECONDS.match(retry_after) else None


def members(value: object) -> Mapping[str, object]:
    """The members of an object of JSON; none of anything else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def read_problem(
    content_type: str | None, retry_after: str | None, body: bytes
) -> SigilError | None:
    """The error that a Sigil end answered with: the same class, code and message as there. ``None``
    for an answer of something in between, such as a proxy, or of an API's own.
    """
    place = problem_place(content_type)
    if place is None:
        return None
    value = parse_json(body)
    if place == "rpc":
        answer = members(value)
        value = members(answer.get("error")).get("data") if answer.get("jsonrpc") == "2.0" else None
    return error_of(value, seconds_in(retry_after))


def error_of(problem: object, retry_after_seconds: float | None = None) -> SigilError | None:
    """The error that problem details describe; ``None`` if they are none of Sigil's. Codes of a
    newer version of the other end are kept: what they carry tells their class.
    """
    given = cast("Problem", _as_text(known(Problem, problem)))
    if not {"code", "detail"} <= given.keys():
        return None
    code: Any = given["code"]
    detail, spent = given["detail"], given.get("spent")
    refusals = [_refusal(one) for one in given.get("refusals", ())]
    if refusals and refusals[0].code != code:
        return None
    kind = CLASS_OF.get(code) or _class_of_unknown(code, bool(refusals), spent is not None)
    after = retry_after_seconds
    if kind in ("DeniedError", "BudgetError"):
        if not refusals:
            return None
        denial = BudgetError if kind == "BudgetError" else DeniedError
        return denial(refusals, retry_after_seconds=after)
    if kind == "TokenError":
        return TokenError(code, detail, retry_after_seconds=after)
    if kind == "ChallengeError":
        return ChallengeError(code, detail, retry_after_seconds=after)
    if kind == "PaymentError":
        # Money may have moved unless the other end says that it did not.
        return PaymentError(code, spent or "unknown", detail, retry_after_seconds=after)
    if kind == "ReceiptError":
        return ReceiptError(code, given.get("line", 0), re.sub(r"^Line [0-9]+: |\.$", "", detail))
    return AdapterError(code, detail, retry_after_seconds=after)


def _as_text(value: object) -> object:
    """The value, each text of which can be shown and logged."""
    if isinstance(value, str):
        return _NO_TEXT.sub("\ufffd", value)
    if isinstance(value, list):
        return [_as_text(one) for one in cast("list[object]", value)]
    fields = members(value)
    return {name: _as_text(one) for name, one in fields.items()} if fields else value


def _class_of_unknown(code: str, has_refusals: bool, has_spent: bool) -> str:
    if has_refusals:
        return "DeniedError"
    if code.startswith("ERR_TOKEN_"):
        return "TokenError"
    return "PaymentError" if has_spent else "AdapterError"


def _refusal(given: ProblemRefusal) -> Refusal:
    """Only what is declared, because the message and the log of an error repeat its refusals."""
    code: Any = given["code"]
    node = given.get("node")
    return Refusal(
        code=code,
        condition=given["condition"],
        have=given["have"],
        need=given["need"],
        node=None if node is None else RefusalNode(node["id"], node.get("agent")),
        resets_at=given.get("resetsAt"),
    )
