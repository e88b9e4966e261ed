"""The client of an agent: requests with credentials that open services and pay. spec/4-purchase.md
§2.
"""

from .async_client import AsyncClient
from .client import Client
from .standing import NodeStanding, PaymentSummary, ReceiptRow, Standing

__all__ = [
    "AsyncClient",
    "Client",
    "NodeStanding",
    "PaymentSummary",
    "ReceiptRow",
    "Standing",
]
