"""What one call has spent, and the errors that say so. spec/4-purchase.md §2."""

from __future__ import annotations

from typing import Literal

from ..errors import PaymentError, SigilError, Spent
from .body_end import BodyEnd
from .endings import has_given_up
from .flow import Reply


class Spending:
    """What one call has spent."""

    __slots__ = ("has_paid", "is_paid", "spent")

    def __init__(self) -> None:
        self.spent: Spent = "no"
        """What this call has spent, for its errors."""
        self.is_paid = False
        """Once it is true, nothing more is paid for this call."""
        self.has_paid = False
        """Whether something was presented that this call, or an earlier one, has paid for."""

    def paid(self) -> None:
        """Something was paid for in this call."""
        self.is_paid = True
        self.has_paid = True
        self.spent = "yes"

    def told(self, error: Exception) -> Exception:
        """The error of a call that has paid says so, whatever failed."""
        is_told = isinstance(error, PaymentError) and error.spent != "no"
        if self.spent == "no" or is_told:
            return error
        if not isinstance(error, SigilError):
            return no_answer(self.spent)
        return PaymentError(
            "ERR_PAID_NOT_DELIVERED",
            self.spent,
            f"This request was paid for, and then failed ({error.code}): {error.message}",
            retry_after_seconds=error.retry_after_seconds,
        )

    def broken_off(self, error: BaseException) -> BaseException:
        """The error of a body that broke off. What the caller ended is passed on as it is."""
        if has_given_up(error) or isinstance(error, SigilError):
            return error
        return no_answer(self.spent, "broke off its answer")

    def truthful(self, reply: Reply) -> Reply:
        """A reply after a payment whose use was not consumed."""
        reply.watch(BodyEnd(told=self.broken_off))
        return reply

    def in_vain(self, what: str) -> PaymentError:
        """The error of a service that does not serve what was paid for."""
        return PaymentError(
            "ERR_PAID_NOT_DELIVERED", self.spent, f"{what}. One request is paid for once."
        )

    def unreported(self, error: Exception) -> PaymentError:
        """The error for an ``on_payment`` that raises."""
        return PaymentError(
            "ERR_PAID_NOT_DELIVERED",
            self.spent,
            f"This request was paid for, and then on_payment raised {type(error).__name__}. What "
            "was paid for is kept: send the request again, and it is used before anything is paid.",
        )

    def failed(self, status: int) -> PaymentError:
        """The error for an answer that says that the service failed."""
        return PaymentError(
            "ERR_PAID_NOT_DELIVERED",
            self.spent,
            f"The service was paid, by this order or an earlier one, and answered HTTP {status}. "
            "What it has not counted as used is kept: call again, and it is used before anything "
            "is paid.",
        )


def no_answer(
    spent: Spent, what: Literal["does not answer", "broke off its answer"] = "does not answer"
) -> PaymentError:
    """The error for what was paid for and not answered. ``spent`` is what this very request has
    spent.
    """
    return PaymentError(
        "ERR_PAID_NOT_DELIVERED",
        spent,
        f"The service was paid, by this order or an earlier one, and {what}. What was paid for is "
        "kept: send the request again, and it is used before anything is paid. If the service "
        "counts the lost answer, a new order is paid for again.",
    )
