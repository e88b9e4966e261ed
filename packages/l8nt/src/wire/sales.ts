/** What was sold by services on an owner's books. spec/5-ledger.md §9. */
import type { RevenueTotal } from "../ports/owner.ts";
import type { NumberedSale } from "../ports/sales.ts";
import { amount } from "./amount.ts";
import {
  codecOf,
  count,
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
import { message } from "./message.ts";
import { page } from "./page.ts";
import { OWNER_PATH } from "./paths.ts";

const sale = codecOf<NumberedSale>()(
  object({
    seq: count(),
    paymentHash: hash,
    nodeId,
    amount,
    route: text,
    method: text,
    path: text,
    at: seconds,
    endsAt: seconds,
  }),
);

const total = codecOf<RevenueTotal>()(
  object({
    day: optional(pattern(/^\d{4}-\d\d-\d\d$/, "be a date, such as 2026-11-29")),
    route: optional(text),
    sales: count(),
    amount,
  }),
);

const read = { audience: "owner", method: "GET" } as const;

export const ownerSales = message({
  ...read,
  name: "sales",
  path: `${OWNER_PATH}/sales`,
  summary: "What services on these books have sold, in order",
  query: object(page),
  answer: object({ sales: list(sale) }),
});

export const ownerRevenue = message({
  ...read,
  name: "revenue",
  path: `${OWNER_PATH}/revenue`,
  summary: "The sums of what services on these books have sold, by day (UTC) or route",
  query: object({ by: oneOf("day", "route") }),
  answer: object({ totals: list(total) }),
});
