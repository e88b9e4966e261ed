"""Towns for tests: a development Lightning network, a treasury and shops on loopback.

The real ones, of the TypeScript library, in one Node process a session of pytest.

    from tests.town import Town

    def test_it_pays(town: Town) -> None:
        shop = town.open_shop(price="10 sat")
        client = Client(credential=town.mint(budget="100 sat"), clock=town.clock)
        assert client.get(shop.url).json() == {"served": 1}
        assert town.paid() == (1, 10_010)
"""

from .places import Arrived, Place, Served, Shop
from .process import TownError, TownProcess
from .town import Node, Payment, Town

__all__ = [
    "Arrived",
    "Node",
    "Payment",
    "Place",
    "Served",
    "Shop",
    "Town",
    "TownError",
    "TownProcess",
]
