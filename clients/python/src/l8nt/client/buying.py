"""How a call has its treasury buy. spec/4-purchase.md §2."""

from __future__ import annotations

from ..caveat import Target
from ..wire._types import RefusedCredential
from .answers import awaited
from .carried import Carried
from .flow import Flow, Reply, close, work
from .orders import Order, named_order, new_order_id, orders_of
from .outgoing import Outgoing, origin_of, too_large_to_buy
from .remote import Purchase, PurchaseRequest
from .spending import Spending
from .trip_context import TripContext
from .using import Uses, is_used_up_by

_MAX_ASKED = 8
"""How often the treasury is asked for one order. Credentials that the agent's family holds may be
used up, and the treasury learns of each one at a time.
"""


class Buying:
    """The orders of one call: at most one of them is paid for."""

    def __init__(self, context: TripContext, spending: Spending, uses: Uses) -> None:
        self._context = context
        self._spending = spending
        self._uses = uses

    def buy(
        self, request: Outgoing, target: Target, payer: Carried, refused: RefusedCredential | None
    ) -> Flow[Reply]:
        """Has the treasury buy. The challenge that the agent saw is dropped, and the treasury
        fetches its own: a party that sees a paid challenge holds the credential in full.
        ``refused`` is what is known of a credential that the service has just refused.
        """
        if self._spending.is_paid:
            raise self._spending.in_vain(
                f"What was paid for leads to another path of {request.origin}, which asks for "
                "payment again"
            )
        if not request.is_small:
            raise too_large_to_buy(request.origin)
        if self._context.opened is not None:
            payer = yield from work(self._context.opened)
        named = named_id(request)
        order_id = named or request.order_id or new_order_id(self._context.sender.clock())
        order = orders_of(payer.credential).open(order_id, named is not None, target)
        # Until its use has begun, too: what was bought for it would be given to another thread's.
        end = order.begin()
        try:
            return (yield from self._bought(request, target, payer, order, refused))
        finally:
            end()

    def _bought(
        self,
        request: Outgoing,
        target: Target,
        payer: Carried,
        order: Order,
        refused: RefusedCredential | None,
    ) -> Flow[Reply]:
        """The answer to the request, with what is bought for its order."""
        # One order, however often the treasury is asked: it pays at most once for it. It is told
        # what the service refused, and asks the service itself. [case 62]
        for _ in range(_MAX_ASKED):
            bought = yield from self._order(request, payer, order, refused)
            if bought.payment is not None:
                self._spending.paid()
            if bought.reply is not None:
                self._report(bought, payer)
                return self._relayed(request, order, bought.reply)
            is_new = bought.payment is not None and not bought.payment.earlier
            held = self._context.sender.held.handed(bought.credential or "", order, is_new)
            try:
                self._report(bought, payer)
            except BaseException:
                self._context.sender.held.keep(target, held)
                raise
            answered = yield from self._uses.use(request, target, held)
            if not answered.is_refused:
                return answered.reply
            yield from close(answered.reply)
            if answered.reply.is_moved:
                raise self._spending.in_vain(
                    f"What was paid for leads to {origin_of(answered.reply.url)}, which asks for "
                    "payment again"
                )
            refused = held.refusal
        raise self._spending.in_vain(f"{request.origin} refuses what was paid for")

    def _order(
        self, request: Outgoing, payer: Carried, order: Order, refused: RefusedCredential | None
    ) -> Flow[Purchase]:
        """Sends the order to the treasury."""
        orders = orders_of(payer.credential)
        told = orders.told_with(order)
        bought = yield from payer.treasury().buy(
            PurchaseRequest(
                id=order.id,
                credential=payer.credential,
                method=request.method,
                url=request.url,
                origin=request.origin,
                fields=request.fields,
                body=request.body,
                is_key_made=request.is_key_made,
                refused=refused,
                told=told,
            )
        )
        orders.acknowledged(told.answered)
        return bought

    def _report(self, bought: Purchase, payer: Carried) -> None:
        """Tells the caller of a payment, once."""
        payment, on_payment = bought.payment, self._context.on_payment
        if payment is None or not orders_of(payer.credential).is_news(payment.payment_hash):
            return
        if on_payment is None:
            return
        try:
            on_payment(payment)
        except Exception as error:
            raise self._spending.unreported(error) from error

    def _relayed(self, request: Outgoing, order: Order, reply: Reply) -> Reply:
        """The answer that the treasury relays. It consumed the order's purchase as any other
        would.
        """
        if not is_used_up_by(request, reply):
            return self._spending.truthful(reply)
        return awaited(
            order,
            reply,
            read=order.answered,
            broke=lambda: None,
            told=self._spending.broken_off,
        )


def named_id(request: Outgoing) -> str | None:
    """The id of the order of a request with an ``Idempotency-Key``; ``None`` without one."""
    if request.key is None:
        return None
    return named_order(request.key, request.method, request.url)
