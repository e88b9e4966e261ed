"""A treasury across HTTP, as a client uses it. spec/4-purchase.md §7."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .._secrecy import without_frames
from ..credential import Blocks, Credential, Descent
from ..errors import AdapterError, BudgetError, ChallengeError, PaymentError, SigilError
from ..macaroon.packet import check_descent
from ..wire import _types as messages
from ..wire.reading import UnreadableAnswer
from .endings import was_not_sent
from .fields import Fields
from .flow import Flow, Reply, close, read
from .orders import Told
from .retry import Tries
from .signing import Signer
from .standing import (
    NodeStanding,
    PaymentSummary,
    ReceiptRow,
    parse_payment,
    read_nodes,
    read_payment,
    read_receipts,
)
from .treasury_http import (
    UNREACHABLE,
    UNREADABLE,
    TreasuryHttp,
    answered_with,
    retry_after,
)
from .tree import tree_of

if TYPE_CHECKING:
    from .wallet_child import WalletChild

EMBEDDED_LOCATION = "https://embedded.invalid"
"""The location of a treasury that is not served: no other process can reach it."""

RELAYED_FIELD = "sigil-relayed"
PAYMENT_FIELD = "sigil-payment"

TELLING_SECONDS = 2.0
"""How long the end of a client waits for its treasury."""

_BROKEN = frozenset((408, 499, 502, 503, 504))
"""Statuses of a proxy that got no answer from the treasury behind it, which may have acted."""
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_WITHHELD = (
    "cookie",
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "proxy-authorization",
)
"""Fields that a treasury does not pass on, and need not see."""


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """One logical request that may cost money: the treasury pays at most once for it."""

    id: str
    credential: Credential
    method: str
    url: str
    origin: str
    fields: Fields
    body: bytes | None = None
    is_key_made: bool = False
    refused: messages.RefusedCredential | None = None
    told: Told = field(default_factory=Told)

    def to_json(self) -> messages.PurchaseRequest:
        """The body of the order; the credential travels in ``Authorization``."""
        order: messages.PurchaseRequest = {
            "id": self.id,
            "method": self.method,
            "url": self.url,
            "headers": [(name, value) for name, value in self.fields if name not in _WITHHELD],
        }
        if self.body is not None:
            order["body"] = base64.b64encode(self.body).decode()
        if self.is_key_made:
            order["madeKey"] = True
        if self.refused is not None:
            order["refused"] = self.refused
        if self.told.answered:
            order["answered"] = self.told.answered
        if self.told.under_way:
            order["underWay"] = self.told.under_way
        return order


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the treasury gave for an order: a credential for the service, narrowed to the agent's
    own scope, or the service's answer, where the service could not enforce that scope.
    """

    credential: str | None = field(default=None, repr=False)
    reply: Reply | None = None
    payment: PaymentSummary | None = None


@dataclass(frozen=True, slots=True)
class _Lost:
    """A try of an order whose answer was not heard."""

    what: str
    was_sent: bool
    """Whether the treasury may have received it."""
    may_repeat: bool
    """Whether the same order may be heard at another try."""
    cause: Exception | None = None
    after_seconds: float = 0


class RemoteTreasury:
    """Serves credentials that name this location. Their text is sent there and nowhere else."""

    def __init__(
        self, location: str, signer: Signer | None, child: WalletChild | None = None
    ) -> None:
        """``child``: the program that this process has started for it, if there is one.

        Raises AdapterError ``ERR_REQUEST`` for a location that is not a URL, or for plain HTTP
        to another machine; ``ERR_TREASURY`` for one that no other process can reach.
        """
        if location == EMBEDDED_LOCATION and child is None:
            raise AdapterError(
                "ERR_TREASURY",
                "The credential comes from a client that pays from a wallet by itself, and its "
                "treasury cannot be reached from other processes. Run `sigil treasury start`, set "
                "SIGIL_CREDENTIAL for that client in place of SIGIL_WALLET, and delegate from it "
                "as before.",
            )
        self._child = child
        base = None if child is None else child.base
        self._treasury = TreasuryHttp(location, signer, base)

    def buy(self, order: PurchaseRequest) -> Flow[Purchase]:
        """Sends the order, and sends the same one again while its answer is lost on the way: the
        treasury pays at most once for an id. [case 63]

        Raises the treasury's own error; AdapterError ``ERR_TREASURY`` if nothing was sent;
        PaymentError ``ERR_PAYMENT_UNKNOWN`` if the treasury may have paid.
        """
        tries = Tries()
        was_sent = False
        while True:
            outcome = yield from self._try(order)
            ended = None if self._child is None else self._child.failure
            if isinstance(outcome, _Lost) or was_sent:
                was_sent = was_sent or (isinstance(outcome, _Lost) and outcome.was_sent)
                if ended is not None and not isinstance(outcome, Purchase):
                    raise _ended_under_way(order, ended) if was_sent else ended
            if isinstance(outcome, SigilError):
                # Nothing was done for the order, and there is room for it later.
                if outcome.code == "ERR_RATE_LIMITED" and (
                    yield from tries.again(outcome.retry_after_seconds or 0)
                ):
                    continue
                raise self._refused_later(order, outcome) if was_sent else outcome
            if isinstance(outcome, Purchase):
                return _made_now(outcome) if was_sent else outcome
            # A treasury that was never reached is not running. One that was may be starting again.
            if not was_sent:
                raise self._treasury.failed(outcome.what) from outcome.cause
            if not outcome.may_repeat or not (yield from tries.again(outcome.after_seconds)):
                tried = "" if tries.made == 1 else f", tried {tries.made} times"
                raise self._unknown(order, f"{outcome.what}{tried}") from outcome.cause

    def _try(self, order: PurchaseRequest) -> Flow[Purchase | SigilError | _Lost]:
        treasury = self._treasury
        try:
            reply = yield from treasury.send(messages.PURCHASE, order.credential, order.to_json())
        except Exception as error:
            # Of a signature over the body, which is made before anything is sent.
            if isinstance(error, AdapterError):
                return error
            if was_not_sent(error):
                return _Lost(UNREACHABLE, was_sent=False, may_repeat=True, cause=error)
            return _Lost("did not answer", was_sent=True, may_repeat=True, cause=error)
        is_relayed = reply.get(RELAYED_FIELD) is not None
        if reply.status != 200 and not is_relayed:
            own = yield from treasury.problem_in(reply)
            if own is not None:
                return own
            return _hidden(reply)
        try:
            if is_relayed:
                return _relayed(reply, order)
            answer = yield from read(reply, _MAX_ANSWER_BYTES)
        except UnreadableAnswer as error:
            yield from close(reply)
            return _Lost(UNREADABLE, was_sent=True, may_repeat=False, cause=error)
        except Exception as error:
            yield from close(reply)
            return _Lost("broke off its answer", was_sent=True, may_repeat=True, cause=error)
        try:
            bought = messages.PURCHASE.read(treasury.value_of(answer))
            credential = Credential.parse(bought["credential"]).text
            payment = read_payment(bought["payment"]) if "payment" in bought else None
            return Purchase(credential=credential, payment=payment)
        except (UnreadableAnswer, SigilError) as error:
            cause = without_frames(error)
            what = f"{UNREADABLE}: {error}" if isinstance(error, UnreadableAnswer) else UNREADABLE
            return _Lost(what, was_sent=True, may_repeat=False, cause=cause)

    def _refused_later(self, order: PurchaseRequest, error: SigilError) -> SigilError:
        """What the treasury answered to a later try. It looks for the order's payment before
        anything else that costs money, so an error about money is about the order. Any other one is
        not.
        """
        if isinstance(error, (PaymentError, BudgetError, ChallengeError)):
            return error
        unknown = self._unknown(
            order, f"did not answer, and then refused the order: {error.message}"
        )
        unknown.__cause__ = error
        return unknown

    def _unknown(self, order: PurchaseRequest, what: str) -> PaymentError:
        return PaymentError(
            "ERR_PAYMENT_UNKNOWN",
            "unknown",
            f"{self._treasury.name} {what.removesuffix('.')}. It may have paid for "
            f"this order ({order.id}). Send the request again: with its Idempotency-Key, if it has "
            "one, it is the same order, which is paid for once; without one it is a new order, "
            "which uses what was paid for before it pays.",
        )

    def answered(self, credential: Credential, orders: list[str]) -> Flow[None]:
        """Tells the treasury that the agent has the answers of these orders."""
        yield from self._treasury.ask(
            messages.ANSWERED, credential, {"orders": orders}, seconds=TELLING_SECONDS
        )

    def revoke(self, credential: Credential, descent: Descent) -> Flow[str]:
        """Revokes the node that ``descent`` opens below the credential; gives its id.

        Raises TokenError ``ERR_TOKEN_TOO_LARGE`` for more than a credential can have.
        """
        if not isinstance(descent, Blocks):
            check_descent(credential.body.caveats, [caveat.encode() for caveat in descent])
        body: messages.RevocationRequest = (
            {"blocks": list(descent.blocks)}
            if isinstance(descent, Blocks)
            else {"caveats": list(descent)}
        )
        answer = yield from self._treasury.ask(messages.REVOCATION, credential, body)
        return answer["node"]

    def standing(self, credential: Credential) -> Flow[list[NodeStanding]]:
        """The credential's node and its ancestors, root first."""
        answer = yield from self._treasury.ask(messages.STANDING, credential)
        return read_nodes(answer["nodes"])

    def tree(self, credential: Credential) -> Flow[list[NodeStanding]]:
        """The credential's node and everything below it that has spent, parents first."""
        return (yield from tree_of(self._treasury, credential))

    def receipts(self, credential: Credential, after: int, limit: int) -> Flow[list[ReceiptRow]]:
        """Signed receipts of what the credential's node and those below it paid, in order."""
        query: messages.ReceiptQuery = {"after": after, "limit": limit}
        answer = yield from self._treasury.ask(messages.RECEIPTS, credential, query=query)
        return read_receipts(answer["receipts"])


def _ended_under_way(order: PurchaseRequest, ended: AdapterError) -> PaymentError:
    """The program ended, and its books with it: it may have paid, and nobody knows it."""
    unknown = PaymentError(
        "ERR_PAYMENT_UNKNOWN",
        "unknown",
        f"{ended.message} It may have paid for this order ({order.id}), and what it knew of that "
        "has ended with it: look at the payments of the wallet before you send the request again, "
        "which pays anew.",
    )
    unknown.__cause__ = ended
    return unknown


def _hidden(reply: Reply) -> _Lost:
    """An answer that something between the client and the treasury wrote. It does not know what the
    treasury did, which may have paid, unless it refused the request itself: 4xx, but those of a
    proxy that waited in vain. A 2xx may be the treasury's 200, changed on the way.
    """
    kind = reply.status // 100
    is_broken = reply.status in _BROKEN
    return _Lost(
        answered_with(reply),
        was_sent=is_broken or kind != 4,
        may_repeat=is_broken or kind == 2,
        after_seconds=retry_after(reply),
    )


def _relayed(reply: Reply, order: PurchaseRequest) -> Purchase:
    paid = reply.get(PAYMENT_FIELD)
    payment = None if paid is None else parse_payment(paid, order.origin)
    reply.relay(order.url)
    return Purchase(reply=reply, payment=payment)


def _made_now(purchase: Purchase) -> Purchase:
    """A payment that may be one of an earlier try of this very call, whose answer was lost."""
    payment = purchase.payment
    return (
        purchase if payment is None else replace(purchase, payment=replace(payment, earlier=False))
    )
