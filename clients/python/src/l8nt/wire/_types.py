"""The messages of a treasury and of a service, as they are in JSON. Amounts are decimal texts.

Generated from packages/l8nt/src/wire by `npm run reference`. Do not edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from typing_extensions import NotRequired, TypedDict


class ProblemNode(TypedDict):
    id: str
    agent: NotRequired[str]


class ProblemRefusal(TypedDict):
    code: str
    condition: str
    node: NotRequired[ProblemNode]
    have: str
    need: str


class Problem(TypedDict):
    """Problem details of a refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    spent: NotRequired[Literal["no", "yes", "unknown"]]
    line: NotRequired[int]
    condition: NotRequired[str]
    node: NotRequired[ProblemNode]
    refusals: NotRequired[Sequence[ProblemRefusal]]


class RefusedCredential(TypedDict):
    paymentHash: str
    mayBeUsed: bool
    unanswered: NotRequired[bool]


class PurchaseRequest(TypedDict):
    """The body of ``POST /v1/purchases``."""

    id: str
    method: str
    url: str
    headers: NotRequired[Sequence[tuple[str, str]]]
    body: NotRequired[str]
    madeKey: NotRequired[bool]
    refused: NotRequired[RefusedCredential]
    answered: NotRequired[Sequence[str]]
    underWay: NotRequired[Sequence[str]]


class Amount(TypedDict):
    unit: Literal["msat", "usd_micro"]
    value: str


class PaymentSummary(TypedDict):
    origin: str
    paymentHash: str
    amount: Amount
    fee: Amount
    earlier: NotRequired[bool]


class PurchaseAnswer(TypedDict):
    """The answer of ``POST /v1/purchases``."""

    credential: str
    payment: NotRequired[PaymentSummary]


class AnsweredRequest(TypedDict):
    """The body of ``POST /v1/answered``."""

    orders: Sequence[str]


class AnsweredAnswer(TypedDict):
    """The answer of ``POST /v1/answered``."""

    done: bool


class Standing(TypedDict):
    condition: str
    unit: NotRequired[Literal["msat", "usd_micro"]]
    max: str
    used: str
    windowSeconds: NotRequired[int]


class NodeStanding(TypedDict):
    id: str
    agent: NotRequired[str]
    parentId: NotRequired[str]
    state: Literal["active", "expired", "frozen", "revoked"]
    caveats: Sequence[str]
    spent: Sequence[Amount]
    limits: Sequence[Standing]
    more: NotRequired[int]


class StandingAnswer(TypedDict):
    """The answer of ``GET /v1/credential``."""

    nodes: Sequence[NodeStanding]


class TreePage(TypedDict):
    """The answer of ``GET /v1/tree``."""

    nodes: Sequence[NodeStanding]
    next: NotRequired[str]


class ReceiptRow(TypedDict):
    seq: int
    paymentHash: str
    hash: str
    text: str


class ReceiptPage(TypedDict):
    """The answer of ``GET /v1/receipts``."""

    receipts: Sequence[ReceiptRow]


class Grants(TypedDict):
    uses: NotRequired[int]
    usesPerMinute: NotRequired[int]
    usesPerHour: NotRequired[int]
    usesPerDay: NotRequired[int]
    budget: NotRequired[str]
    validFor: NotRequired[str]
    endpoints: NotRequired[Sequence[str]]


class FreeQuota(TypedDict):
    requests: int
    per: Literal["hour", "day", "month"]
    by: Literal["address", "credential"]


class PaidRoute(TypedDict):
    path: NotRequired[str]
    price: str | None
    grants: Grants
    capability: NotRequired[str]
    free: NotRequired[FreeQuota]


class Discovery(TypedDict):
    """The answer of ``GET /.well-known/l402``."""

    version: Literal["0"]
    location: str
    service: NotRequired[str]
    caveats: Sequence[str]
    issuers: NotRequired[Sequence[str]]
    revocations: str
    routes: Sequence[PaidRoute]


class RevocationRequest(TypedDict):
    """The body of ``POST /.well-known/l402/revocations``."""

    caveats: NotRequired[Sequence[str]]
    blocks: NotRequired[Sequence[str]]


class RevocationAnswer(TypedDict):
    """The answer of ``POST /.well-known/l402/revocations``."""

    node: str
