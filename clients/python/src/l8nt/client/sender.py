"""Sends one request of a call, with a credential or without. spec/4-purchase.md §2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .._lru import Lru
from ..caveat import Target
from ..credential import Credential, presented_at
from ..l402 import format_authorization
from ..wire.preference import NO_INVOICE, PREFER_FIELD
from ..wire.problem import read_problem
from ..wire.service_refusal import is_refusal, may_be_unread, may_have_code
from .beside_own import both_in_one, own_is_wanted, with_macaroon
from .body_end import BodyEnd
from .endings import was_closed
from .fields import Fields
from .flow import Flow, Reply, Send, close, read, send
from .held import Held, HeldCredentials
from .outgoing import Outgoing, too_large_to_buy, whole
from .presented import presented_now
from .presenting import IDEMPOTENCY_FIELD, key_of_use, repetition
from .retry import Tries
from .signing import Signer
from .spending import Spending
from .transport import check_transport

_MAX_PROBLEM_BYTES = 65_536
_MAX_ORIGINS = 1000


class SenderContext:
    """What sends the requests of one client. Threads share it."""

    def __init__(self, clock: Callable[[], float], signer: Signer | None) -> None:
        self.held = HeldCredentials()
        self.clock = clock
        self.signer = signer
        self.answered = Lru[str, bool](_MAX_ORIGINS)
        """Origins that have answered, to which there may be a kept connection."""


class Gone(Reply):
    """A 402 of the client's own: the answer to an earlier request is gone. No caller sees it."""

    is_made_here = True

    @property
    def status(self) -> int:
        return 402

    @property
    def url(self) -> str:
        return ""

    def get(self, name: str) -> str | None:
        return None

    def lines(self, name: str) -> list[str]:
        return []

    def relay(self, url: str) -> None:
        """Nothing was relayed."""

    def watch(self, end: BodyEnd) -> None:
        end.read()


class Sender:
    """Sends the requests of one call."""

    __slots__ = ("_context", "_spending", "presented")

    def __init__(self, context: SenderContext, spending: Spending) -> None:
        self._context = context
        self._spending = spending
        self.presented = presented_now()

    def present(self, given: Outgoing, target: Target, used: Held) -> Flow[Reply]:
        """Sends the request with a handed-over credential. While an earlier request with it still
        runs at the service, it is sent again after a while. Gives a 402 of the client's own if the
        answer to an earlier request is gone.
        """
        # The key of a use tells its body from another one.
        if used.credential.chain.is_single_use:
            given = yield from whole(given)
        # The use may be counted although the connection was closed, which the next request finds
        # out.
        request = replace(given, is_once=True)
        key = key_of_use(request, used)
        tries = Tries()
        while True:
            reply = yield from self.send(request, target, used.credential, key=key, will_buy=True)
            repeated = repetition(reply)
            # What the service says about a key of the caller's is the caller's to judge.
            if repeated is None or (repeated == "gone" and key is None):
                return reply
            if repeated == "running":
                if not (yield from _is_repeatable(request)):
                    return reply
                if not (yield from tries.again(_seconds(reply.get("retry-after")))):
                    return reply
                yield from close(reply)
                continue
            yield from close(reply)
            used.was_answered()
            return Gone()

    def send(
        self,
        request: Outgoing,
        target: Target,
        credential: Credential | None,
        *,
        will_buy: bool,
        key: str | None = None,
    ) -> Flow[Reply]:
        """Sends the request. ``will_buy``: a 402 is answered by an order to a treasury, which
        fetches a challenge of its own.
        """
        context = self._context
        # Of a limited number of uses, one may be counted although no answer came.
        if credential is not None and credential.chain.is_used_up_by_use:
            request = replace(request, is_once=True)
        fields = request.fields
        if key is not None:
            fields = fields.with_(IDEMPOTENCY_FIELD, key)
        if will_buy:
            fields = fields.and_(PREFER_FIELD, NO_INVOICE)
        if credential is None:
            reply = yield from self.fetched(request, fields)
        else:
            check_transport(target.origin)
            shown = presented_at(credential, target.origin)
            self.presented.note(shown.text)
            reply = yield from self._presented(request, fields, shown)
        if reply.status in (401, 402):
            context.held.learn_clock(target, reply.get("date"), context.clock())
        return reply

    def _presented(self, request: Outgoing, fields: Fields, credential: Credential) -> Flow[Reply]:
        """Sends a credential in ``Authorization``, or in ``Macaroon`` if the request has an
        ``Authorization`` of the API's own. A service that does not read that field is asked again
        with the credential in the place of the API's own. A credential that anyone verifies stands
        beside it, in one field. spec/3-challenge.md §4.
        """
        in_place_of_own = request.has_own_authorization
        if in_place_of_own:
            both = both_in_one(fields, credential)
            if both is not None:
                return (yield from self.fetched(request, both))
            separate = with_macaroon(fields, credential)
            if separate is not None:
                beside = yield from self.fetched(request, separate)
                if not may_be_unread(beside) or not (yield from _is_repeatable(request)):
                    return beside
                yield from close(beside)
        shown = fields.with_("authorization", format_authorization(credential))
        reply = yield from self.fetched(request, shown)
        if not in_place_of_own or is_refusal(reply) or reply.status not in (401, 403):
            return reply
        yield from close(reply)
        raise own_is_wanted(request.origin, self._spending.spent, reply.status)

    def fetched(self, request: Outgoing, fields: Fields) -> Flow[Reply]:
        """Sends the request with these fields. A GET whose connection was closed under it is sent
        once more, if its origin has answered before.
        """
        context = self._context
        streamed = request.streamed
        if streamed is not None and not streamed.take():
            request = yield from whole(request)
            if request.streamed is not None:
                raise too_large_to_buy(request.origin)
            streamed = None
        if context.signer is not None:
            fields, request = yield from context.signer.signed(request, fields)
            streamed = request.streamed
        body = streamed or request.body or request.large
        sent = Send(request.method, request.url, fields, body)
        may_repeat = not request.is_once and request.method in ("GET", "HEAD")
        try:
            reply = yield from send(sent)
        except Exception as error:
            is_kept = context.answered.get(request.origin) is not None
            if not may_repeat or streamed is not None or not is_kept or not was_closed(error):
                raise
            reply = yield from send(sent)
        if context.answered.get(request.origin) is None:
            context.answered.set(request.origin, True)
        reply.code = yield from code_in(reply)
        return reply


def code_in(reply: Reply) -> Flow[str | None]:
    """The code of the problem in a reply, if it decides anything. The reply can still be passed on:
    what breaks off in its body is met by its reader.
    """
    if not may_have_code(reply):
        return None
    try:
        body = yield from read(reply, _MAX_PROBLEM_BYTES)
    except Exception:
        return None
    error = None if body is None else read_problem(reply.get("content-type"), None, body)
    return None if error is None else error.code


def _is_repeatable(request: Outgoing) -> Flow[bool]:
    return (yield from whole(request)).streamed is None


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdecimal() else 0
