"""A 402 that asks the client for payment, and the error if it is not paid."""

from __future__ import annotations

from ..errors import PaymentError
from ..wire.service_refusal import is_for_sale
from .asked_price import asked_price
from .carried import WHAT_TO_SET
from .flow import Flow, Reply
from .outgoing import Outgoing, origin_of


def asks_for_payment(request: Outgoing, reply: Reply) -> bool:
    """Whether a reply asks the client for payment. A 402 to a credential of the caller's own is the
    caller's to read, and so is one about an account, which an API with keys says.
    """
    if reply.status != 402 or request.is_own:
        return False
    return "authorization" not in request.fields or is_for_sale(reply)


def unpaid(reply: Reply, origin: str, why: str) -> Flow[PaymentError]:
    """The error for a 402 that is not paid. Ends the reply."""
    asked = yield from asked_price(reply)
    return PaymentError("ERR_PAYMENT_REQUIRED", "no", f"{origin} asks for payment{asked}. {why}")


def unpaid_free(request: Outgoing, reply: Reply) -> Flow[None]:
    """Raises the error for a 402 to a client without a credential, if it asks for payment. Another
    reply is left alone, and so is one to a request with an ``Authorization`` of its own.
    """
    if reply.status == 402 and not request.is_own and "authorization" not in request.fields:
        raise (yield from unpaid(reply, origin_of(reply.url), WHAT_TO_SET))
