"""``l8nt.service``: a service that verifies credentials. spec/3-challenge.md §5.

Middlewares stand in ``l8nt.asgi``, ``l8nt.wsgi``, ``l8nt.flask`` and ``l8nt.django``.
"""

from .decide import DecideLedger
from .facts import RequestFacts
from .grant import Grant, Left
from .ledger import Claim, ClaimRequest, Ledger, MemoryLedger
from .refused import Answer, Answered, Refused
from .service import Decision, Service

__all__ = [
    "Answer",
    "Answered",
    "Claim",
    "ClaimRequest",
    "DecideLedger",
    "Decision",
    "Grant",
    "Ledger",
    "Left",
    "MemoryLedger",
    "Refused",
    "RequestFacts",
    "Service",
]
