"""The table of broken links: where they break, who asks, and the judge of what a caller is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tests.town import Place, Shop, Town

from l8nt import PaymentError, SigilError

from .askers import ASKERS, Asker, Outcome

Where = Literal["shop", "treasury"]
Mode = Literal["handed over", "relayed"]

ORDERS: Final = "/v1/purchases"
KEY: Final = "the-order-of-the-cell"
MODES: Final[dict[Mode, dict[str, object]]] = {"handed over": {}, "relayed": {"max_uses": 100}}


@dataclass(frozen=True)
class Link:
    """Where a link breaks. In a relay the paid exchange is that of the treasury."""

    where: Where
    kind: Literal["cut", "lost", "half"]
    of: Literal["paid", "unpaid"] | None = None

    def breaks(self, town: Town, shop: Shop, times: int = 0) -> None:
        """Breaks it for so many requests; 0: until ``mend``."""
        place: Place = shop if self.where == "shop" else town.treasury
        place.fault(
            self.kind, of=self.of, path=ORDERS if self.where == "treasury" else "", times=times
        )

    @property
    def is_after_payment(self) -> bool:
        """Whether the treasury has paid by then."""
        return self.of == "paid" or (self.where == "treasury" and self.kind != "cut")

    def serves(self, mode: Mode) -> bool:
        """Whether the shop has served when the caller is told nothing."""
        if self.kind == "cut" or self.of == "unpaid":
            return False
        return self.where == "shop" or mode == "relayed"


LINKS: Final = {
    "client to shop, unpaid": Link("shop", "cut", "unpaid"),
    "shop to client, 402": Link("shop", "lost", "unpaid"),
    "client to treasury, order": Link("treasury", "cut"),
    "treasury to client, before the head": Link("treasury", "lost"),
    "treasury to client, in the body": Link("treasury", "half"),
    "client to shop, paid": Link("shop", "cut", "paid"),
    "shop to client, before the head": Link("shop", "lost", "paid"),
    "shop to client, in the body": Link("shop", "half", "paid"),
}


class Judge:
    """Asks, and judges what the caller is told by the books."""

    def __init__(self, town: Town, shop: Shop, *, is_named: bool = False) -> None:
        self.town = town
        self.shop = shop
        self._is_named = is_named

    def ask(self, asker: Asker, path: str = "/a") -> Outcome:
        before = self.town.paid()[0]
        outcome = asker.get(f"{self.shop.url}{path}", KEY if self._is_named else None)
        if isinstance(outcome, Exception):
            # Both requests of a named order are one order.
            paid = self.town.paid()[0] - (0 if self._is_named else before)
            self._is_true(outcome, paid, asker)
        return outcome

    def _is_true(self, error: Exception, paid: int, asker: Asker) -> None:
        if not isinstance(error, SigilError):
            # The errors of the HTTP library are raised as they are if nothing was paid.
            assert paid == 0 or not asker.sees_failures, error
            assert type(error).__module__.split(".")[0] in ("httpx2", "requests", "aiohttp"), error
            return
        spent = error.spent if isinstance(error, PaymentError) else "no"
        assert spent != "no" or paid == 0, error
        assert spent != "yes" or paid > 0, error
        assert (spent == "unknown") == (error.code == "ERR_PAYMENT_UNKNOWN"), error

    def has(self, *, paid: int, served: int) -> None:
        """What the books of the network and the shop say."""
        assert (len(self.town.payments()), self.town.paid()[0]) == (paid, paid)
        assert len(self.shop.served) == served


def mend(town: Town, shop: Shop) -> None:
    shop.clear_faults()
    town.treasury.clear_faults()


@dataclass(frozen=True)
class Cell:
    """One row of the table."""

    asker: str
    link: str
    mode: Mode
    is_new: bool
    """Whether another client of the same credential asks again."""
    is_named: bool
    """Whether the caller gives an ``Idempotency-Key``: both requests are one order."""
    keeps: bool = True
    """Whether the service keeps its answers."""

    @property
    def key(self) -> str | None:
        return KEY if self.is_named else None

    @property
    def is_served(self) -> bool:
        return LINKS[self.link].serves(self.mode)

    @property
    def is_gone(self) -> bool:
        """Whether the answer is gone for the order that asks again, though the service counted it:
        nothing kept it, or it was kept for the first order alone.
        """
        if not self.is_served or not self.keeps:
            return self.is_served
        by_treasury = self.mode == "relayed" and LINKS[self.link].where == "treasury"
        by_client = self.mode == "handed over" and self.is_new
        return not self.is_named and (by_treasury or by_client)

    @property
    def name(self) -> str:
        return ", ".join(
            (
                self.asker,
                self.link,
                self.mode,
                "another client" if self.is_new else "same client",
                *(["named"] if self.is_named else []),
                *([] if self.keeps else ["forgets"]),
            )
        )


AGAIN: Final = ((False, False), (True, False), (True, True))
"""Whether another client asks again, and whether the order is named."""


def _cells() -> Iterator[Cell]:
    """All of them for ``Client``. Any other asks again in one of the ways, by turns."""
    for turn, asker in enumerate(ASKERS):
        for at, link in enumerate(LINKS):
            for mode in MODES:
                is_served = LINKS[link].serves(mode)
                for which, (is_new, is_named) in enumerate(AGAIN):
                    if asker == "Client" or which == (at + turn + len(mode)) % len(AGAIN):
                        yield Cell(asker, link, mode, is_new, is_named)
                    if is_served and (which == 0 or (asker == "Client" and is_named)):
                        yield Cell(asker, link, mode, is_new, is_named, keeps=False)


CELLS: Final = list(_cells())
