"""The texts of a problem that another end wrote: they are shown and logged."""

from __future__ import annotations

import io
import json
import logging
from typing import Any, Final

import pytest

from l8nt.wire.problem import error_of, read_problem

STRANGE: Final = {
    "half a surrogate pair": "\ud800",
    "the other half": "\udfff",
    "an escape": "\x1b[31m",
    "NUL": "\0",
    "a carriage return": "\r",
    "delete": "\x7f",
    "a control of the second set": "\x9b31m",
}
PLAIN: Final = ("plain", "é 😀 \u202f", "two\nlines\t.")
REFUSAL: Final = {"code": "ERR_PRICE", "condition": "max_price", "have": "1", "need": "2"}


def problems(text: str) -> dict[str, dict[str, Any]]:
    """A problem of each class, with the text in each of its texts."""
    refusal: dict[str, Any] = {**REFUSAL, "have": text, "need": text}
    refusal["node"] = {"id": "a" * 22, "agent": text}
    return {
        "AdapterError": {"code": "ERR_TREASURY", "detail": text},
        "TokenError": {"code": "ERR_TOKEN_MALFORMED", "detail": text},
        "PaymentError": {"code": "ERR_PAYMENT_FAILED", "detail": text, "spent": "no"},
        "ChallengeError": {"code": "ERR_CHALLENGE_PRICE", "detail": text, "spent": "no"},
        "BudgetError": {"code": "ERR_PRICE", "detail": text, "refusals": [refusal]},
        "a newer one": {"code": "ERR_NEWER", "detail": text},
    }


@pytest.mark.parametrize("kind", problems(""))
@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_text_is_replaced(kind: str, name: str) -> None:
    body = json.dumps(problems(f"before{STRANGE[name]}after")[kind]).encode()
    error = read_problem("application/problem+json", None, body)
    assert error is not None
    log = io.TextIOWrapper(io.BytesIO(), "utf-8")
    logger = logging.getLogger("tests.problems")
    handler = logging.StreamHandler(log)
    logger.addHandler(handler)
    logger.error("%s %r %s", error, error, json.dumps(error.to_dict(), ensure_ascii=False))
    logger.removeHandler(handler)
    written = log.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert STRANGE[name][0] not in written
    if kind != "a newer one" or "before" in written:
        assert "before\ufffd" in written


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_stays_as_it_is(text: str) -> None:
    for problem in problems(text).values():
        error = error_of(problem)
        assert error is not None
        assert text in str(error)
