"""How a call presents what was handed over to it. spec/4-purchase.md §2."""

from __future__ import annotations

from dataclasses import dataclass

from ..caveat import Target
from ..errors import SigilError
from ..wire.consumption import declared_in, is_consumed
from ..wire.service_refusal import asks_for_issued, challenge_after, is_refusal
from .answers import awaited
from .endings import has_given_up
from .flow import Flow, Reply
from .held import Held
from .outgoing import Outgoing, whole
from .sender import Sender
from .spending import Spending, no_answer
from .trip_context import TripContext
from .unpaid import asks_for_payment


@dataclass(slots=True)
class Answered:
    """What a service answered, and whether that refuses what was presented, or asks for payment."""

    reply: Reply
    is_refused: bool


class Uses:
    """The requests of one call that present nothing, or what was handed over."""

    def __init__(self, context: TripContext, spending: Spending, sender: Sender) -> None:
        self._context = context
        self._spending = spending
        self._sender = sender

    def send_free(self, request: Outgoing, target: Target, will_buy: bool) -> Flow[Answered]:
        """Sends the request without a credential. A 401 to that never leads to a payment.
        [case 81]
        """
        # A challenge says which issuers are trusted, and one without an invoice does not.
        drops_challenge = not self._context.trusted.may_be_trusted(target)
        reply = yield from self._sender.send(
            request, target, None, will_buy=will_buy and drops_challenge
        )
        # A treasury waits until a challenge is given again, and may mint for a service that trusts
        # it.
        is_for_treasury = will_buy and challenge_after(reply) is not None
        if will_buy and asks_for_issued(reply):
            is_for_treasury = (yield from whole(request)).is_small
        return Answered(reply, is_for_treasury or asks_for_payment(request, reply))

    def use(self, request: Outgoing, target: Target, used: Held) -> Flow[Answered]:
        """Sends the request with a handed-over credential, and keeps the credential if it still
        works.
        """
        held = self._context.sender.held
        self._spending.has_paid = True
        end = used.use()
        try:
            reply = yield from self._sender.present(request, target, used)
        except BaseException as error:
            end()
            used.failed(error)
            held.keep(target, used)
            if has_given_up(error) or isinstance(error, SigilError):
                raise
            raise no_answer(self._spending.spent) from error
        if is_refusal(reply):
            end()
            held.drop(target, used)
            return Answered(reply, is_refused=True)
        is_used_up = is_used_up_by(request, reply)
        # A service with another rule may count an answer that ours gives back. A later refusal of
        # the credential then does not prove that the service took the money and served nothing.
        if is_used_up or reply.status < 500:
            used.was_answered()
        else:
            # A gateway may have said so, while the service serves.
            used.was_unanswered()
        if not is_used_up:
            end()
            held.keep(target, used)
            return Answered(self._spending.truthful(reply), is_refused=False)
        # A pass is there for other requests at once.
        held.keep(target, used)

        def is_read() -> None:
            used.served()
            end()

        def broke() -> None:
            end()
            held.keep(target, used)

        watched = awaited(
            used.order, reply, read=is_read, broke=broke, told=self._spending.broken_off
        )
        return Answered(watched, is_refused=False)


def is_used_up_by(request: Outgoing, reply: Reply) -> bool:
    """Whether an answer consumes what was presented for it."""
    return is_consumed(request.method, reply.status, declared_in(reply.get("sigil-use")))
