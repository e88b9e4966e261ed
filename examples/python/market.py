"""A service that sells reports at 10 sat each, and a treasury of play money, for the examples. It
is the real paywall and the real treasury, on this machine alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "clients" / "python"))

from tests.town import Place, Shop, Town, TownProcess  # noqa: E402


@dataclass
class Market:
    """What an agent finds in its environment, and the books for the end of an example."""

    credential: str
    """What stands in ``SIGIL_CREDENTIAL``: at most ``budget``, at the shop alone."""
    url: str
    _shop: Place
    _town: Town

    @property
    def served(self) -> list[str]:
        """The paths that were paid for and served, in order."""
        return [one.target for one in self._shop.served] if isinstance(self._shop, Shop) else []

    @property
    def payments(self) -> int:
        """How many payments the treasury made."""
        return self._town.paid()[0]


@contextmanager
def market(*, price: str = "10 sat", budget: str = "100 sat") -> Iterator[Market]:
    """Opens the market, and closes it at the end of the block."""
    with _town() as town:
        shop = town.open_shop(price=price)
        yield _market(town, shop, f"GET {shop.url}/**", budget)


@contextmanager
def mcp_market(
    upstream: str, *, price: str = "10 sat", budget: str = "100 sat"
) -> Iterator[Market]:
    """A market that sells the calls of the MCP server at the origin ``upstream``."""
    with _town() as town:
        paywall = town.open_mcp(upstream, price=price)
        yield _market(town, paywall, f"* {paywall.url}/**", budget)


def _market(town: Town, place: Place, endpoint: str, budget: str) -> Market:
    credential = town.mint(endpoints=[endpoint], budget=budget, expires_in="1h")
    return Market(credential, place.url, place, town)


@contextmanager
def _town() -> Iterator[Town]:
    process = TownProcess()
    town = Town(process, now=None)
    try:
        yield town
    finally:
        town.close()
        process.close()
