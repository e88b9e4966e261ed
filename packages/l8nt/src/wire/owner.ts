/** What a treasury's owner sees and may do. spec/4-purchase.md §7. */
import type { ClockView, Health, PaymentView, RecallView } from "../ports/owner.ts";
import { amount } from "./amount.ts";
import {
  codecOf,
  count,
  flag,
  hash,
  list,
  nodeId,
  object,
  oneOf,
  optional,
  pattern,
  seconds,
  text,
} from "./codec.ts";
import { entry } from "./journal.ts";
import { message } from "./message.ts";
import { nodePage, nodePageQuery } from "./nodes.ts";
import { limit, page } from "./page.ts";
import { OWNER_PATH } from "./paths.ts";
import { receiptList } from "./receipts.ts";
import { unexplained } from "./unexplained.ts";

const read = { audience: "owner", method: "GET" } as const;
const write = { audience: "owner", method: "POST" } as const;
const done = object({ done: flag });
const reason = pattern(/^[^\p{Cc}]{1,200}$/u, "be one line of at most 200 characters");
const status = oneOf("open", "paid", "used", "failed", "undelivered");

const health = codecOf<Health>()(
  object({
    spending: flag,
    reason: optional(text),
    openPayments: count(),
    stuckPayments: count(),
    unexplainedPayments: count(),
    pendingRecalls: count(),
    previousSecretsNeeded: flag,
  }),
);

/** Without a preimage or a token: nothing that could be spent. */
const payment = codecOf<PaymentView>()(
  object({
    paymentHash: hash,
    intent: text,
    nodeIds: list(nodeId),
    lineage: list(text),
    method: text,
    origin: text,
    path: text,
    invoice: text,
    payee: text,
    amount,
    maxFee: amount,
    enforced: optional(list(text)),
    createdAt: seconds,
    wallet: optional(text),
    status,
    fee: optional(amount),
    settledAt: optional(seconds),
    delivered: flag,
    closed: optional(object({ to: text, until: seconds })),
  }),
);

const clockView = codecOf<ClockView>()(
  object({ machine: seconds, books: seconds, behindSeconds: seconds, stopped: flag }),
);

const recallView = codecOf<RecallView>()(
  object({
    paymentHash: hash,
    origin: text,
    nodeId: optional(nodeId),
    state: oneOf("pending", "confirmed", "unsupported", "ended"),
    at: seconds,
    until: seconds,
    confirmedAt: optional(seconds),
  }),
);

export const ownerHealth = message({
  ...read,
  name: "health",
  path: `${OWNER_PATH}/health`,
  summary: "Whether the treasury spends, and what its owner should look at",
  answer: health,
});

export const ownerTree = message({
  ...read,
  name: "tree",
  path: `${OWNER_PATH}/tree`,
  summary: "A page of every node that has spent, or of one and all below it; parents first",
  query: object({ node: optional(nodeId), ...nodePageQuery }),
  answer: nodePage,
});

export const ownerPayments = message({
  ...read,
  name: "payments",
  path: `${OWNER_PATH}/payments`,
  summary: "Payments, the newest first",
  query: object({
    status: optional(status),
    node: optional(nodeId),
    before: optional(hash),
    limit,
  }),
  answer: object({ payments: list(payment) }),
});

export const ownerJournal = message({
  ...read,
  name: "journal",
  path: `${OWNER_PATH}/journal`,
  summary: "Everything that changed the books, in order",
  query: object(page),
  answer: object({ entries: list(entry) }),
});

export const ownerReceipts = message({
  ...read,
  name: "receipts",
  path: `${OWNER_PATH}/receipts`,
  summary: "Signed receipts, in order; with a node, of what it and those below it paid",
  query: object({ ...page, node: optional(nodeId) }),
  answer: receiptList,
});

/** In the text format of Prometheus. */
export const ownerMetrics = message({
  ...read,
  name: "metrics",
  path: `${OWNER_PATH}/metrics`,
  summary: "Metrics, in the text format of Prometheus",
  contentType: "text/plain",
});

export const ownerRevoke = message({
  ...write,
  name: "revocation",
  path: `${OWNER_PATH}/revoke`,
  summary: "Revokes a node and everything below it, for good",
  body: object({ node: nodeId, reason: optional(reason) }),
  answer: done,
});

export const ownerRecalls = message({
  ...read,
  name: "recalls",
  path: `${OWNER_PATH}/revocations`,
  summary: "What services were told of revocations, and whether they confirmed it, newest first",
  query: object({ node: optional(nodeId), limit }),
  answer: object({ recalls: list(recallView) }),
});

export const ownerFreeze = message({
  ...write,
  name: "freeze",
  path: `${OWNER_PATH}/freeze`,
  summary: "Stops spending by a node and those below it, or, without a node, by everyone",
  body: object({ node: optional(nodeId), reason: optional(reason) }),
  answer: done,
});

export const ownerThaw = message({
  ...write,
  name: "thaw",
  path: `${OWNER_PATH}/thaw`,
  summary: "Ends a freeze",
  body: object({ node: optional(nodeId), reason: optional(reason) }),
  answer: done,
});

export const ownerReconcile = message({
  ...write,
  name: "reconciliation",
  path: `${OWNER_PATH}/reconcile`,
  summary: "Asks the wallet about every payment whose outcome is not known",
  body: object({}),
  answer: object({ stillOpen: count() }),
});

export const ownerUnexplained = message({
  ...read,
  name: "unexplained",
  path: `${OWNER_PATH}/unexplained`,
  summary: "Payments of the wallet that the books cannot explain; nothing is spent until they are",
  answer: object({ payments: list(unexplained) }),
});

export const ownerExplain = message({
  ...write,
  name: "explanation",
  path: `${OWNER_PATH}/unexplained/{hash}/explain`,
  summary: "Says what such a payment was, for good; `node` is required if it was one of a node",
  parameters: object({ hash }),
  body: object({
    as: oneOf("own", "node", "late"),
    node: optional(nodeId),
    reason: optional(reason),
  }),
  answer: done,
});

export const ownerConfirmBooks = message({
  ...write,
  name: "confirmation",
  path: `${OWNER_PATH}/books/confirm`,
  summary: "Lets spending go on after a restored backup, if the wallet cannot list its payments",
  body: object({ reason: optional(reason) }),
  answer: done,
});

export const ownerClock = message({
  ...read,
  name: "clock",
  path: `${OWNER_PATH}/clock`,
  summary: "The machine's time beside the time of the books, and whether orders are taken",
  answer: clockView,
});

export const ownerAcceptClock = message({
  ...write,
  name: "clock acceptance",
  path: `${OWNER_PATH}/clock/accept`,
  summary:
    "Makes the machine's time the books', which are ahead of it; nothing is given a second time",
  body: object({ reason: optional(reason) }),
  answer: done,
});

export const ownerAllowPayee = message({
  ...write,
  name: "payee",
  path: `${OWNER_PATH}/payees`,
  summary: "Lets another node be paid for an origin",
  body: object({ origin: text, payee: text }),
  answer: done,
});

export const ownerReopen = message({
  ...write,
  name: "reopening",
  path: `${OWNER_PATH}/reopen`,
  summary: "Lets an origin that was accused of not delivering be paid again",
  body: object({ origin: text }),
  answer: done,
});

export const ownerGiveUp = message({
  ...write,
  name: "give-up",
  path: `${OWNER_PATH}/payments/{hash}/give-up`,
  summary: "Gives up an open payment on the owner's word that it was not made; written down",
  parameters: object({ hash }),
  body: object({ reason }),
  answer: done,
});
