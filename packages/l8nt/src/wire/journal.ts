/** The journal's entries as the owner reads them. spec/5-ledger.md. */

import type { JournalEntry, JournalEvent } from "../ports/journal.ts";
import type { Counted } from "../ports/limit.ts";
import { decimal, unit } from "./amount.ts";
import {
  type Codec,
  count,
  hash,
  list,
  object,
  oneOf,
  optional,
  seconds,
  text,
  variants,
} from "./codec.ts";

const counted: Codec<Counted> = object({
  id: text,
  kind: oneOf("spend", "uses", "in-flight", "in-flight-msat"),
  unit: optional(unit),
  max: optional(decimal),
  windowSeconds: optional(count()),
  expiresAt: optional(seconds),
});

const event: Codec<JournalEvent> = variants("type", {
  reserve: {
    reservation: object({
      id: text,
      at: seconds,
      amountMsat: decimal,
      uses: decimal,
      counted: list(counted),
    }),
  },
  commit: { id: text, amountMsat: decimal },
  release: { id: text },
  payment: { paymentHash: hash, status: text },
  directive: { kind: text, nodeId: text, reason: optional(text) },
  note: { text },
});

export const entry: Codec<JournalEntry> = object({ seq: count(), at: seconds, event });
