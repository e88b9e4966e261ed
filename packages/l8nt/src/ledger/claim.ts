/**
 * A claim: one use of a credential, with what it costs, counted before the request is served.
 * spec/5-ledger.md §2.
 */
import type { Amount } from "../amount.ts";
import { type ChainLimit, countersOf } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import type { Ledger, ReserveAnswer } from "../ports/ledger.ts";
import { budgetError } from "./refusal.ts";

/** Begins the id of every claim, which tells it from the reservation of a payment. */
const PREFIX = "use.";

export interface ClaimRequest {
  readonly limits: readonly ChainLimit[];
  /** What is spent with the use. */
  readonly amount: Amount;
  /** Unix seconds. */
  readonly at: number;
}

export interface Claim {
  /** Counts the use for good. */
  commit(at: number): Promise<void>;
  /** Gives the use back: nothing was served. */
  release(at: number): Promise<void>;
}

/**
 * Reserves one use on every limit. A preimage proves that an invoice was paid, not that its
 * credential is used for the first time, so the use is counted before anything is served. [case 88]
 *
 * @throws BudgetError if a limit is used up; AdapterError `ERR_STORE`
 */
export async function claimUse(
  ledger: Ledger,
  { limits, amount, at }: ClaimRequest,
): Promise<Claim> {
  const id = `${PREFIX}${hexText(randomBytes(16))}`;
  const need = { amount, uses: 1n };
  let answer: ReserveAnswer;
  try {
    answer = await ledger.reserve({ id, at, counted: countersOf(limits), ...need });
  } catch (cause) {
    throw new AdapterError(
      "ERR_STORE",
      "The use could not be counted just now, so nothing was served. Try again later.",
      { cause },
    );
  }
  if (!answer.reserved) throw budgetError(limits, answer.refused, need);
  return {
    commit: async (end) => {
      await ledger.commit(id, amount, end);
    },
    release: async (end) => {
      await ledger.release(id, end);
    },
  };
}

/**
 * Counts the uses that were under way when the process before this one died, with what they cost:
 * they may have been served. [case 89]
 */
export async function endAbandonedUses(ledger: Ledger, before: number, at: number): Promise<void> {
  for (const { id, amount } of await ledger.abandoned(before))
    if (id.startsWith(PREFIX)) await ledger.commit(id, amount, at);
}
