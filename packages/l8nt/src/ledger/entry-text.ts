/** An entry of the journal as the text that is hashed when it is folded. spec/5-ledger.md §6. */
import type { Amount } from "../amount.ts";
import type { JournalEntry, JournalEvent } from "../ports/journal.ts";
import type { Counted } from "../ports/limit.ts";

/** JSON without white space: the same text from every store. Integers of any size are strings. */
export const entryText = ({ seq, at, event }: JournalEntry): string =>
  JSON.stringify([seq, at, event.type, ...partsOf(event)]);

function partsOf(event: JournalEvent): readonly unknown[] {
  switch (event.type) {
    case "reserve": {
      const { id, at, amount, uses, counted } = event.reservation;
      return [id, at, ...amountOf(amount), `${uses}`, counted.map(limitOf)];
    }
    case "commit":
      return [event.id, ...amountOf(event.amount)];
    case "release":
      return [event.id];
    case "payment":
      return [event.paymentHash, event.status];
    case "directive":
      return [event.kind, event.nodeId, event.reason ?? null];
    case "note":
      return [event.text];
  }
}

const amountOf = ({ unit, value }: Amount): readonly string[] => [unit, `${value}`];

const limitOf = ({
  id,
  kind,
  unit,
  max,
  windowSeconds,
  expiresAt,
}: Counted): readonly unknown[] => [
  id,
  kind,
  unit ?? null,
  max === undefined ? null : `${max}`,
  windowSeconds ?? null,
  expiresAt ?? null,
];
