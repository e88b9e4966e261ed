"""Errors: what they say, in logs and after pickling."""

import pickle

import pytest

from l8nt import BudgetError, DeniedError, PaymentError, Refusal, SigilError
from l8nt.errors import RefusalNode, denied

OVER = Refusal("ERR_BUDGET", "budget_msat", "5 sat", "10 sat", RefusalNode("ab", "scout"), 0)
ELSEWHERE = Refusal("ERR_ENDPOINT", "endpoints", "GET https://a.example/", "GET https://b.example/")


def test_a_denial_has_the_class_of_its_first_code() -> None:
    assert type(denied([OVER, ELSEWHERE])) is BudgetError
    assert type(denied([ELSEWHERE, OVER])) is DeniedError
    assert denied([]) is None


def test_a_denial_says_what_the_library_says_in_typescript() -> None:
    assert DeniedError([OVER]).message == (
        "Denied. budget_msat (set for agent scout): you have 5 sat; you need 10 sat; "
        "all of it is free again at 1970-01-01T00:00:00.000Z if nothing more is spent."
    )


@pytest.mark.parametrize(
    "error",
    [
        DeniedError([OVER]),
        PaymentError("ERR_PAYMENT_UNKNOWN", "unknown", "lost"),
        BudgetError([OVER]),
    ],
)
def test_an_error_is_the_same_after_pickling(error: SigilError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.to_dict() == error.to_dict()
    assert str(again) == str(error)
