"""The messages of a treasury and of a service, as they are in JSON. Amounts are decimal texts.

Generated from packages/l8nt/src/wire by `npm run reference`. Do not edit.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from typing_extensions import NotRequired, TypedDict

from .reading import Message, matches, within

Code = Annotated[str, matches(r"ERR_[A-Z0-9_]{1,64}")]
Count = Annotated[int, within(0, 9007199254740991)]
Decimal = Annotated[str, matches(r"-?[0-9]{1,20}")]
Hash = Annotated[str, matches(r"[0-9a-f]{64}")]
Instant = Annotated[float, within(0, 250000000000)]
NodeId = Annotated[str, matches(r"[0-9a-f]{32}")]
TreePlace = Annotated[str, matches(r"[0-9]{1,2}-[0-9]{1,12}(?:\.[0-9]{1,20})?-[0-9a-f]{32}")]


class ProblemNode(TypedDict):
    id: str
    agent: NotRequired[str]


class ProblemRefusal(TypedDict):
    code: Code
    condition: str
    node: NotRequired[ProblemNode]
    have: str
    need: str
    resetsAt: NotRequired[Instant]


class Problem(TypedDict):
    """Problem details of a refusal (RFC 9457)."""

    type: str
    title: str
    status: Count
    detail: str
    code: Code
    spent: NotRequired[Literal["no", "yes", "unknown"]]
    line: NotRequired[Count]
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
    value: Decimal


class PaymentSummary(TypedDict):
    origin: str
    paymentHash: Hash
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
    max: Decimal
    used: Decimal
    windowSeconds: NotRequired[Count]


class NodeStanding(TypedDict):
    id: NodeId
    agent: NotRequired[str]
    parentId: NotRequired[NodeId]
    state: Literal["active", "expired", "frozen", "revoked"]
    caveats: Sequence[str]
    spent: Sequence[Amount]
    limits: Sequence[Standing]
    more: NotRequired[Count]


class StandingAnswer(TypedDict):
    """The answer of ``GET /v1/credential``."""

    nodes: Sequence[NodeStanding]


class TreeQuery(TypedDict):
    """The query of ``GET /v1/tree``."""

    after: NotRequired[str]
    limit: NotRequired[int]


class TreePage(TypedDict):
    """The answer of ``GET /v1/tree``."""

    nodes: Sequence[NodeStanding]
    next: NotRequired[TreePlace]


class ReceiptQuery(TypedDict):
    """The query of ``GET /v1/receipts``."""

    after: NotRequired[int]
    limit: NotRequired[int]


class ReceiptRow(TypedDict):
    seq: Count
    paymentHash: Hash
    hash: Hash
    text: str


class ReceiptPage(TypedDict):
    """The answer of ``GET /v1/receipts``."""

    receipts: Sequence[ReceiptRow]


class Grants(TypedDict):
    uses: NotRequired[Count]
    usesPerMinute: NotRequired[Count]
    usesPerHour: NotRequired[Count]
    usesPerDay: NotRequired[Count]
    budget: NotRequired[str]
    validFor: NotRequired[str]
    endpoints: NotRequired[Sequence[str]]


class FreeQuota(TypedDict):
    requests: Count
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

    node: NodeId


PURCHASE: Final[Message[None, PurchaseRequest, PurchaseAnswer]] = Message(
    "POST", "/v1/purchases", PurchaseAnswer
)
ANSWERED: Final[Message[None, AnsweredRequest, AnsweredAnswer]] = Message(
    "POST", "/v1/answered", AnsweredAnswer
)
STANDING: Final[Message[None, None, StandingAnswer]] = Message(
    "GET", "/v1/credential", StandingAnswer
)
TREE: Final[Message[TreeQuery, None, TreePage]] = Message("GET", "/v1/tree", TreePage)
RECEIPTS: Final[Message[ReceiptQuery, None, ReceiptPage]] = Message(
    "GET", "/v1/receipts", ReceiptPage
)
DISCOVERY: Final[Message[None, None, Discovery]] = Message("GET", "/.well-known/l402", Discovery)
REVOCATION: Final[Message[None, RevocationRequest, RevocationAnswer]] = Message(
    "POST", "/.well-known/l402/revocations", RevocationAnswer
)
