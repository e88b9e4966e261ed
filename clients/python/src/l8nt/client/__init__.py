"""The client of an agent: requests with credentials that open services and pay. spec/4-purchase.md
§2.
"""

from .async_client import AsyncClient, arequest_as
from .client import Client, request_as
from .standing import NodeStanding, PaymentSummary, ReceiptRow, Standing

__all__ = [
    "AsyncClient",
    "Client",
    "NodeStanding",
    "PaymentSummary",
    "ReceiptRow",
    "Standing",
    "arequest_as",
    "request_as",
]
