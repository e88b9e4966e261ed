/** The whole HTTP API of a treasury, as tables of messages. */
import { openApiDocument, treasuryDiscovery } from "./discovery.ts";
import type { AnyMessage } from "./message.ts";
import { ownStanding, ownTree } from "./nodes.ts";
import {
  ownerAllowPayee,
  ownerFreeze,
  ownerGiveUp,
  ownerHealth,
  ownerJournal,
  ownerPayments,
  ownerReceipts,
  ownerReconcile,
  ownerRevoke,
  ownerThaw,
  ownerTree,
} from "./owner.ts";
import { purchase } from "./purchase.ts";
import { ownReceipts } from "./receipts.ts";
import { revocation } from "./revocation.ts";

/** What agents ask, and what anybody may. */
export const AGENT_MESSAGES: readonly AnyMessage[] = [
  treasuryDiscovery,
  openApiDocument,
  purchase,
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
  ownerReceipts,
  ownerRevoke,
  ownerFreeze,
  ownerThaw,
  ownerReconcile,
  ownerAllowPayee,
  ownerGiveUp,
];
