/** The journal's entries as the owner reads them. spec/5-ledger.md. */

import type { JournalEntry, JournalEvent } from "../ports/journal.ts";
import type { Counted } from "../ports/limit.ts";
import { amount, decimal, unit } from "./amount.ts";
import {
  type Codec,
  codecOf,
  count,
  hash,
  list,
  object,
  optional,
  seconds,
  text,
  variants,
} from "./codec.ts";

const limit = {
  id: text,
  max: optional(decimal),
  windowSeconds: optional(count()),
  expiresAt: optional(seconds),
};

const counted: Codec<Counted> = variants("kind", {
  spend: { unit, ...limit },
  uses: limit,
  "in-flight": limit,
  "in-flight-amount": { unit, ...limit },
});

const event: Codec<JournalEvent> = variants("type", {
  reserve: {
    reservation: object({
      id: text,
      at: seconds,
      amount,
      uses: decimal,
      counted: list(counted),
    }),
  },
  commit: { id: text, amount },
  release: { id: text },
  payment: { paymentHash: hash, status: text },
  directive: { kind: text, nodeId: text, reason: optional(text) },
  note: { text },
});

export const entry = codecOf<JournalEntry>()(object({ seq: count(), at: seconds, event }));
