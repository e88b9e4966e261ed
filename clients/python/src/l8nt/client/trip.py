"""One call: the request, what it costs, and the redirects that it follows. spec/4-purchase.md
§2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..caveat import Access, Target, target_of_url
from ..credential import Credential
from ..errors import AdapterError, SigilError
from ..wire.consumption import declared_in, is_consumed
from ..wire.service_refusal import asks_for_issued, challenge_after, is_refusal
from .ambiguous import ambiguous_for_sale, check_ambiguous
from .answers import awaited
from .carried import WHAT_TO_SET, Carried, CarriedCredentials
from .choosing import can_pay, choose, covers, is_at_home, payer_of
from .endings import has_given_up
from .flow import Flow, Reply, close, work
from .held import Held, Refused
from .orders import Order, named_order, new_order_id, orders_of
from .outgoing import Outgoing, origin_of, too_large_to_buy, whole
from .ready import Ready, ready_of
from .redirect import MAX_REDIRECTS, is_redirect, redirected
from .remote import Purchase, PurchaseRequest
from .sender import Sender, SenderContext
from .spending import Spending, no_answer
from .standing import PaymentSummary
from .trusted import Trusted
from .unpaid import asks_for_payment, unpaid

_MAX_ASKED = 8
"""How often the treasury is asked for one order. Credentials that the agent's family holds may be
used up, and the treasury learns of each one at a time.
"""

_NOT_TRUSTED = (
    "The credential that covers this request is good at services that trust its issuer, and this "
    "one does not say so; it cannot pay."
)
_STRAYED = (
    "A redirect led there, and a client pays, or uses up what was paid for, only at the origin "
    "that was asked for. Request that URL directly."
)
_USED_UP = (
    "The credential for this service is used up, expired or revoked, and no other credential can "
    "pay."
)


@dataclass(frozen=True)
class TripContext:
    """What all calls of one client share."""

    sender: SenderContext
    carried: CarriedCredentials
    trusted: Trusted
    on_payment: Callable[[PaymentSummary], object] | None
    written: Callable[[str], str]
    """A URL as the HTTP library writes it."""
    opened: Callable[[], Carried] | None = None
    """Starts what mints the credential that pays, if it has not minted it yet."""


@dataclass(slots=True)
class _Answered:
    """What a service answered, and whether that refuses what was presented, or asks for payment."""

    reply: Reply
    is_refused: bool


class Trip:
    """One call of a client."""

    def __init__(self, context: TripContext) -> None:
        self._context = context
        self._spending = Spending()
        self._sender = Sender(context.sender, self._spending)
        self._may_buy_target = True
        """Whether the target of a redirect may still be bought, if the redirect consumed
        nothing.
        """
        self.ready: Ready | None = None
        """What the same request can be sent with again."""

    def follow(self, first: Outgoing) -> Flow[Reply]:
        """Sends the request and those that it is redirected to. Pays at most once for what answers:
        if a redirect gave its use back, its target may be bought, once in a call.

        Raises AdapterError ``ERR_REDIRECT``, ``ERR_REQUEST``; DeniedError, BudgetError,
        ChallengeError, PaymentError; after a payment always a PaymentError, unless the caller has
        given up.
        """
        try:
            reply = yield from self._follow(first)
            if reply.status < 500 or not self._spending.has_paid or not _is_mcp_call(first):
                return reply
            yield from close(reply)
            raise self._spending.failed(reply.status)
        except Exception as error:
            told = self._spending.told(error)
            if told is error:
                raise
            raise told from error

    def _follow(self, first: Outgoing) -> Flow[Reply]:
        following = first
        for hop in range(MAX_REDIRECTS + 1):
            reply = yield from self._request(following)
            if hop > 0:
                self.ready = None
            if not is_redirect(reply, following):
                return reply
            following = yield from whole(following)
            onward = redirected(following, reply, self._context.written)
            if onward is None:
                return reply
            self.redirects(following, reply)
            yield from close(reply)
            following = onward
        raise AdapterError(
            "ERR_REDIRECT", f"The service redirects more than {MAX_REDIRECTS} times."
        )

    def redirects(self, request: Outgoing, reply: Reply) -> None:
        """The target of a redirect that gave its use back may be bought, once in a call."""
        is_used = _is_used_up_by(request, reply)
        if self._spending.is_paid and self._may_buy_target and not is_used:
            self._spending.is_paid = False
            self._may_buy_target = False

    def _request(self, request: Outgoing) -> Flow[Reply]:
        if request.is_own:
            return (yield from self._sender.fetched(request, request.fields))
        context = self._context
        carried = context.carried
        target = target_of_url(request.method, request.url)
        if target is None:
            return (yield from self._ambiguous(request))
        access = Access(now=context.sender.clock(), target=target)
        chosen = choose(carried, access)
        strayed = request.strayed
        # Another origin must not make it use up what was paid for at this one.
        may_use = chosen is not None and not (strayed and chosen.credential.chain.is_used_up_by_use)
        if chosen is not None and may_use and is_at_home(chosen.credential, access):
            return (yield from self._request_at_home(request, access, target, chosen.credential))
        known = context.trusted.at(access, strayed=strayed)
        if known is not None:
            reply = yield from self._request_at_home(request, access, target, known)
            context.trusted.learn(reply, access)
            return reply
        named = _named_id(request)
        held = context.sender.held.take(target, access.now, named=named, strayed=strayed)
        # The same order is asked again.
        if held is not None and held.is_paid_by(named):
            self._spending.spent = "yes"
        payer = payer_of(carried, access)
        will_buy = payer is not None and not strayed
        if held is None:
            answered = yield from self._send_free(request, target, will_buy)
        else:
            answered = yield from self._use(request, target, held)
            if (
                not answered.is_refused
                and chosen is not None
                and 200 <= answered.reply.status < 300
            ):
                end = chosen.credential.chain.valid_until
                self.ready = ready_of(request, held, end, context.sender)
        reply = answered.reply
        now = context.trusted.by(reply, access, strayed=strayed)
        if now is not None:
            again = yield from whole(request)
            if again.streamed is None:
                yield from close(reply)
                return (yield from self._request_at_home(again, access, target, now))
        if not answered.is_refused:
            return reply
        strayed = strayed or reply.is_moved
        if payer is None or strayed:
            origin = origin_of(reply.url) if reply.is_moved else request.origin
            raise (yield from unpaid(reply, origin, _why_unpaid(strayed, chosen)))
        yield from close(reply)
        refused = None if held is None else held.refusal
        return (yield from self._buy((yield from whole(request)), target, payer, refused))

    def _ambiguous(self, request: Outgoing) -> Flow[Reply]:
        """Sends a request whose path can be read in more than one way."""
        context = self._context
        check_ambiguous(request, context.carried, context.sender.clock())
        reply = yield from self._sender.fetched(request, request.fields)
        if not asks_for_payment(request, reply):
            return reply
        yield from close(reply)
        raise ambiguous_for_sale(request)

    def _request_at_home(
        self, request: Outgoing, access: Access, target: Target, credential: Credential
    ) -> Flow[Reply]:
        """Presents a credential at the origin that it names, or at a service that trusts its
        issuer. If the service still asks for payment, another credential may pay.
        """
        carried = self._context.carried

        def is_payer(other: Credential) -> bool:
            return can_pay(other) and not is_at_home(other, access)

        will_buy = not request.strayed and covers(carried, access, is_payer)
        reply = yield from self._sender.send(request, target, credential, will_buy=will_buy)
        if not asks_for_payment(request, reply):
            return reply
        payer = choose(carried, access, is_payer)
        strayed = request.strayed or reply.is_moved
        if payer is None or strayed:
            why = _STRAYED if strayed else _USED_UP
            raise (yield from unpaid(reply, request.origin, why))
        yield from close(reply)
        return (yield from self._buy((yield from whole(request)), target, payer, None))

    def _buy(
        self, request: Outgoing, target: Target, payer: Carried, refused: Refused | None
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
        named = _named_id(request)
        order_id = named or request.order_id or new_order_id(self._context.sender.clock())
        order = orders_of(payer.credential).open(order_id, named is not None, target)
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
            answered = yield from self._use(request, target, held)
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
        self, request: Outgoing, payer: Carried, order: Order, refused: Refused | None
    ) -> Flow[Purchase]:
        """Sends the order to the treasury. It is under way until the treasury has answered."""
        orders = orders_of(payer.credential)
        end = order.begin()
        try:
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
            orders.acknowledged(told.get("answered", []))
            return bought
        finally:
            end()

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
        if not _is_used_up_by(request, reply):
            return self._spending.truthful(reply)
        return awaited(
            order,
            reply,
            read=order.answered,
            broke=lambda: None,
            told=self._spending.broken_off,
        )

    def _send_free(self, request: Outgoing, target: Target, will_buy: bool) -> Flow[_Answered]:
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
        return _Answered(reply, is_for_treasury or asks_for_payment(request, reply))

    def _use(self, request: Outgoing, target: Target, used: Held) -> Flow[_Answered]:
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
            return _Answered(reply, is_refused=True)
        is_used_up = _is_used_up_by(request, reply)
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
            return _Answered(self._spending.truthful(reply), is_refused=False)
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
        return _Answered(watched, is_refused=False)


def _is_mcp_call(request: Outgoing) -> bool:
    """Whether it is a message of MCP: its client makes an error of its own of any status that is no
    success, and that one would not say what was spent.
    """
    return request.method == "POST" and "mcp-protocol-version" in request.fields


def _is_used_up_by(request: Outgoing, reply: Reply) -> bool:
    return is_consumed(request.method, reply.status, declared_in(reply.get("sigil-use")))


def _named_id(request: Outgoing) -> str | None:
    if request.key is None:
        return None
    return named_order(request.key, request.method, request.url)


def _why_unpaid(strayed: bool, chosen: Carried | None) -> str:
    if strayed:
        return _STRAYED
    return WHAT_TO_SET if chosen is None else _NOT_TRUSTED
