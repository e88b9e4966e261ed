/** The whole HTTP API of a treasury, as tables of messages. */
import { openApiDocument, treasuryDiscovery } from "./discovery.ts";
import type { AnyMessage } from "./message.ts";
import { ownStanding, ownTree } from "./nodes.ts";
import {
  ownerAcceptClock,
  ownerAllowPayee,
  ownerClock,
  ownerConfirmBooks,
  ownerExplain,
  ownerFreeze,
  ownerGiveUp,
  ownerHealth,
  ownerJournal,
  ownerPayments,
  ownerRecalls,
  ownerReceipts,
  ownerReconcile,
  ownerReopen,
  ownerRevoke,
  ownerThaw,
  ownerTree,
  ownerUnexplained,
} from "./owner.ts";
import { answeredOrders, purchase } from "./purchase.ts";
import { ownReceipts } from "./receipts.ts";
import { revocation } from "./revocation.ts";
import { ownerRevenue, ownerSales } from "./sales.ts";

/** What agents ask, and what anybody may. */
export const AGENT_MESSAGES: readonly AnyMessage[] = [
  treasuryDiscovery,
  openApiDocument,
  purchase,
  answeredOrders,
  revocation,
  ownStanding,
  ownTree,
  ownReceipts,
];

export const OWNER_MESSAGES: readonly AnyMessage[] = [
  ownerHealth,
  ownerTree,
  ownerPayments,
  ownerJournal,
  ownerRecalls,
  ownerReceipts,
  ownerSales,
  ownerRevenue,
  ownerRevoke,
  ownerFreeze,
  ownerThaw,
  ownerReconcile,
  ownerUnexplained,
  ownerExplain,
  ownerConfirmBooks,
  ownerClock,
  ownerAcceptClock,
  ownerAllowPayee,
  ownerReopen,
  ownerGiveUp,
];
