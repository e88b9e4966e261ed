"""One call: the request, what it costs, and the redirects that it follows. spec/4-purchase.md
§2.
"""

from __future__ import annotations

from ..caveat import Access, Target, target_of_url
from ..credential import Credential
from ..errors import AdapterError
from .ambiguous import ambiguous_for_sale, check_ambiguous
from .body_end import BodyEnd
from .buying import Buying, named_id
from .carried import WHAT_TO_SET, Carried
from .choosing import can_pay, choose, covers, is_at_home, payer_of
from .flow import Flow, Reply, close
from .outgoing import Outgoing, origin_of, whole
from .presents import CREDENTIAL_FIELDS
from .ready import Ready, ready_of
from .redirect import MAX_REDIRECTS, is_redirect, redirected
from .sender import Sender
from .spending import Spending
from .trip_context import TripContext
from .unpaid import asks_for_payment, unpaid
from .using import Uses, is_used_up_by

_NOT_TRUSTED = (
    "The credential that covers this request is good at services that trust its issuer, and this "
    "one does not say so; it cannot pay."
)
_STRAYED = (
    "A redirect led there, and a client pays, or uses up what was paid for, only at the origin "
    "that was asked for. Request that URL directly."
)
_REPEATS = (
    "The service redirects to a URL that has the credential which it was shown. URLs are written "
    "into logs, so nothing is sent there."
)
_USED_UP = (
    "The credential for this service is used up, expired or revoked, and no other credential can "
    "pay."
)


class Trip:
    """One call of a client."""

    def __init__(self, context: TripContext) -> None:
        self._context = context
        self._spending = Spending()
        self._sender = Sender(context.sender, self._spending)
        self._uses = Uses(context, self._spending, self._sender)
        self._buying = Buying(context, self._spending, self._uses)
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
                reply.watch(BodyEnd(told=self._sender.presented.hide_in))
                return reply
            yield from close(reply)
            raise self._spending.failed(reply.status)
        except Exception as error:
            told = self._spending.told(self._sender.presented.hide_in(error))
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
            if self._sender.presented.is_in(onward.url):
                raise AdapterError("ERR_REDIRECT", _REPEATS)
            self.redirects(following, reply)
            yield from close(reply)
            following = onward
        raise AdapterError(
            "ERR_REDIRECT", f"The service redirects more than {MAX_REDIRECTS} times."
        )

    def redirects(self, request: Outgoing, reply: Reply) -> None:
        """The target of a redirect that gave its use back may be bought, once in a call."""
        is_used = is_used_up_by(request, reply)
        if self._spending.is_paid and self._may_buy_target and not is_used:
            self._spending.is_paid = False
            self._may_buy_target = False

    def _request(self, request: Outgoing) -> Flow[Reply]:
        if request.is_own:
            for name in CREDENTIAL_FIELDS:
                self._sender.presented.note(request.fields.get(name))
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
        named = named_id(request)
        held = context.sender.held.take(target, access.now, named=named, strayed=strayed)
        # The same order is asked again.
        if held is not None and held.is_paid_by(named):
            self._spending.spent = "yes"
        payer = payer_of(carried, access)
        will_buy = payer is not None and not strayed
        if held is None:
            answered = yield from self._uses.send_free(request, target, will_buy)
        else:
            answered = yield from self._uses.use(request, target, held)
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
        return (yield from self._buying.buy((yield from whole(request)), target, payer, refused))

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
        return (yield from self._buying.buy((yield from whole(request)), target, payer, None))


def _is_mcp_call(request: Outgoing) -> bool:
    """Whether it is a message of MCP: its client makes an error of its own of any status that is no
    success, and that one would not say what was spent.
    """
    return request.method == "POST" and "mcp-protocol-version" in request.fields


def _why_unpaid(strayed: bool, chosen: Carried | None) -> str:
    if strayed:
        return _STRAYED
    return WHAT_TO_SET if chosen is None else _NOT_TRUSTED
