"""What Client and AsyncClient share: credentials, treasuries, and what each method asks."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, Protocol

from typing_extensions import Self

from .._forked import follows_forks
from .._given import check_callable, check_text, kind_of
from .._tables import DEFAULT_LIMITS
from ..caveat import Scope, check_mapping, compile_scope
from ..credential import Credential, Descent
from ..l402 import Minter
from .carried import Carried, CarriedCredentials, GivenCredentials, read_credential
from .flow import Flow
from .orders import orders_of
from .ready import ReadyPasses
from .remote import EMBEDDED_LOCATION, RemoteTreasury
from .sender import SenderContext
from .signing import Signer
from .standing import NodeStanding, PaymentSummary, ReceiptRow
from .trip import Trip
from .trip_context import TripContext
from .trusted import Trusted

if TYPE_CHECKING:
    from ..holder import HolderKey
    from .wallet_child import WalletChild


class HoldsCredentials:
    """Base of objects that hold credentials: they are not pickled."""

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} holds credentials and is not pickled: pass the .text of a "
            "credential, a secret, and make the object where it is used"
        )

    def alike(self) -> Self:
        """Another one with the same attributes."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made


class Environment(Protocol):
    """Environment variables."""

    def get(self, name: str, /) -> str | None: ...


class Core(HoldsCredentials):
    """A client without an HTTP library."""

    def __init__(
        self,
        *,
        credential: GivenCredentials | None,
        wallet: str | None,
        limits: Scope | None,
        holder_key: str | HolderKey | None,
        on_payment: Callable[[PaymentSummary], object] | None,
        clock: Callable[[], float],
        environment: Environment = os.environ,
    ) -> None:
        """Raises TokenError for a credential that cannot be read; TypeError for a value of the
        wrong type.
        """
        if credential is None and wallet is None:
            credential = environment.get("SIGIL_CREDENTIAL") or None
        if wallet is None and credential is None:
            wallet = environment.get("SIGIL_WALLET") or None
        if credential is not None and wallet is not None:
            raise TypeError(
                "give a client a credential or a wallet, not both: a credential is spent at the "
                "treasury that minted it"
            )
        if limits is not None and wallet is None:
            raise TypeError(
                "`limits` are those of a wallet: give wallet= or set SIGIL_WALLET, or narrow the "
                "credential with attenuate()"
            )
        if wallet is not None:
            check_text(wallet, "wallet", "the URL of a wallet")
        check_callable(on_payment, "on_payment", "a function of one argument, the payment")
        check_callable(clock, "clock", "a function that gives Unix seconds, such as time.time")
        if limits is not None:
            check_mapping(limits, "limits")
            compile_scope(limits, now=clock())  # A mistake is told now, and not at a payment.
        self.clock = clock
        self._wallet = wallet
        self._limits: Scope | None = limits
        self._child: WalletChild | None = None
        self._mints = wallet is not None
        """Whether its credential is the one that the treasury of its wallet mints for it."""
        key = holder_key if holder_key is not None else environment.get("SIGIL_HOLDER_KEY") or None
        self._signer = None if key is None else Signer(_holder_key(key, clock))
        self._on_payment = on_payment
        self._given = credential
        self._begin()
        if wallet is None:
            self._carried = CarriedCredentials(credential, self._treasury_at)

    def __repr__(self) -> str:
        return f"<Core with {self.shown}>"

    @property
    def shown(self) -> str:
        """What the client has, for people."""
        if self._carried is None:
            return "a wallet"
        return ", ".join(repr(one.credential) for one in self._carried.all) or "no credential"

    def _after_fork(self) -> None:
        """What the treasury of a wallet minted and bought stays with the other process, and this
        one starts another treasury, if it needs one.
        """
        self._lock = threading.Lock()
        if self._mints:
            self._child = None
            self._begin()

    def derived(self, given: GivenCredentials) -> Core:
        """The same with another credential. What was handed over to this one is not its own."""
        _ = self.carried  # Starts the treasury of a wallet.
        core = self.alike()
        core.begin(given)
        return core

    def begin(self, given: GivenCredentials | None) -> None:
        """Holds these credentials and nothing that was handed over."""
        self._mints = False
        self._begin()
        self._carried = CarriedCredentials(given, self._treasury_at)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        follows_forks(self, Core._after_fork)
        self._sender = SenderContext(self.clock, self._signer)
        self.ready = ReadyPasses(self._sender)
        self._carried: CarriedCredentials | None = None
        self._context: TripContext | None = None

    @property
    def is_open(self) -> bool:
        """Whether the credentials are there. Otherwise ``carried`` starts what mints them."""
        return self._carried is not None

    @property
    def is_empty(self) -> bool:
        """Whether there is no credential, and nothing that mints one."""
        return self._carried is not None and not self._carried.all

    @property
    def carried(self) -> CarriedCredentials:
        """The credentials. Starts the treasury of a wallet, which takes a moment.

        Raises AdapterError ``ERR_WALLET``.
        """
        if self._carried is None:
            with self._lock:
                if self._carried is None:
                    from .wallet_child import wallet_child

                    child = wallet_child(self._wallet or "")
                    text = child.credential(self._limits)
                    self._child = child
                    self._carried = CarriedCredentials(text, self._treasury_at)
        return self._carried

    @property
    def child(self) -> WalletChild | None:
        """The treasury that this client has started, once it has."""
        return self._child

    def _treasury_at(self, location: str) -> RemoteTreasury:
        child = self._child
        is_its = child is not None and location == EMBEDDED_LOCATION
        return RemoteTreasury(location, self._signer, child if is_its else None)

    def context(self, written: Callable[[str], str]) -> TripContext:
        """What all calls share. ``written`` gives a URL as the HTTP library writes it."""
        context = self._context
        if context is None:
            carried, opened = self._carried, None
            # Until a service asks for payment, nothing is needed that pays.
            if carried is None:
                carried, opened = self._foreseen(), lambda: self.first
            context = TripContext(
                self._sender, carried, Trusted(carried), self._on_payment, written, opened
            )
            if opened is None:
                self._context = context
        return context

    def _foreseen(self) -> CarriedCredentials:
        """A credential with the limits of the one that the wallet's treasury will mint. It says
        what that covers, and can buy nothing.

        Raises TypeError or ValueError for limits that cannot be minted.
        """
        minter = Minter(
            secret=secrets.token_bytes(32),
            location=EMBEDDED_LOCATION,
            kind="spending",
            clock=self.clock,
        )
        limits = DEFAULT_LIMITS if self._limits is None else self._limits
        return CarriedCredentials(minter.mint(**limits), self._treasury_at)

    def call(self, written: Callable[[str], str] = str) -> Trip:
        """One call, which an HTTP library may follow to where a redirect leads."""
        return Trip(self.context(written))

    @property
    def first(self) -> Carried:
        """The first credential. Raises PaymentError ``ERR_PAYMENT_REQUIRED`` without one."""
        return self.carried.first

    def delegate(self, scope: Scope) -> Credential:
        """A weaker credential for a sub-agent."""
        return self.first.credential.delegate(now=self.clock(), **scope)

    def revoke(self, child: Credential | str) -> Flow[str]:
        """Revokes what was derived from a credential of this client."""
        if isinstance(child, str):
            credential = read_credential(child, "In what revoke was given")
        elif isinstance(child, Credential):  # pyright: ignore[reportUnnecessaryIsInstance]
            credential = child
        else:
            raise TypeError(
                "revoke takes the credential that delegate returned, or its text, and was given "
                f"{kind_of(child)}"
            )
        carried, descent = self._ancestor_of(credential)
        return carried.treasury().revoke(carried.credential, descent)

    def _ancestor_of(self, child: Credential) -> tuple[Carried, Descent]:
        for carried in self.carried.all:
            descent = child.descent_from(carried.credential)
            if descent is not None:
                return carried, descent
        raise TypeError("this client can only revoke what was delegated from its own credential")

    def standing(self) -> Flow[list[NodeStanding]]:
        """What is left at this credential's node and at every node above it."""
        first = self.first
        return first.treasury().standing(first.credential)

    def tree(self) -> Flow[list[NodeStanding]]:
        """This credential's node and everything below it that has spent."""
        first = self.first
        return first.treasury().tree(first.credential)

    def receipts(self, after: int, limit: int) -> Flow[list[ReceiptRow]]:
        """Signed receipts."""
        first = self.first
        return first.treasury().receipts(first.credential, after, limit)

    def telling(self) -> list[Flow[None]]:
        """What tells each treasury which orders were answered."""
        carried = () if self._carried is None else self._carried.all
        return [_tell(one) for one in carried if orders_of(one.credential).untold()]


def _tell(carried: Carried) -> Flow[None]:
    orders = orders_of(carried.credential)
    while ids := orders.untold():
        yield from carried.treasury().answered(carried.credential, ids)
        orders.acknowledged(ids)


def _holder_key(key: str | HolderKey, clock: Callable[[], float]) -> HolderKey:
    from ..holder import HolderKey as Key  # Loads what signs.

    if isinstance(key, Key):
        return key
    check_text(key, "holder_key", "the text of a private key, or an l8nt.holder.HolderKey")
    return Key(key, clock=clock)
