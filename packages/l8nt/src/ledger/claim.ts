/**
 * A claim: one use of a credential, with what it costs, counted before the request is served.
 * spec/5-ledger.md §2.
 */
import type { Amount } from "../amount.ts";
import { type ChainLimit, countersOf } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { timedId } from "../internal/timed-id.ts";
import type { Ledger, ReserveAnswer, Resolution } from "../ports/ledger.ts";
import type { SalesBook } from "../ports/sales.ts";
import { raisedBy } from "./refund.ts";
import { budgetError, withResets } from "./refusal.ts";

/** Begins the id of every claim, which tells it from the reservation of a payment. */
const PREFIX = "use.";

export const isClaim = (id: string): boolean => id.startsWith(PREFIX);

/** The id of a reservation that belongs to a use, so that it ends with its process. */
export const claimId = (by: string, id: string): string => `${PREFIX}${by}.${id}`;

export const notCounted = (cause: unknown): AdapterError =>
  new AdapterError(
    "ERR_STORE",
    "The use could not be counted just now, so nothing was served. Try again later.",
    { cause },
  );

export interface ClaimRequest {
  /** Who claims, for who ends what a dead process left open. Stands in the id of the claim. */
  readonly by: string;
  /**
   * Unique for who claims. The same for a request that is made again, so that it counts once.
   *
   * @default one at random
   */
  readonly id?: string;
  readonly limits: readonly ChainLimit[];
  /** What is spent with the use. */
  readonly amount: Amount;
  /** Unix seconds. */
  readonly at: number;
}

export interface Claim {
  /** Of the reservation: what a refund names. */
  readonly id: string;
  /**
   * Counts the use for good, unless another process has given it back.
   *
   * @default spent what was claimed
   */
  commit(at: number, spent?: Amount): Promise<Resolution>;
  /** Gives the use back: nothing was served. */
  release(at: number): Promise<Resolution>;
}

type ClaimLedger = Ledger & Partial<Pick<SalesBook, "credits">>;

/**
 * Reserves a use. What was given back of earlier uses is looked for only if a counter is used up,
 * so it costs other requests nothing.
 */
export async function reserveUse(
  ledger: ClaimLedger,
  use: Parameters<Ledger["reserve"]>[0],
): Promise<ReserveAnswer> {
  const answer = await ledger.reserve(use);
  if (answer.reserved || ledger.credits === undefined) return answer;
  const credits = await ledger.credits(answer.refused.map((usage) => usage.id));
  if (credits.length === 0) return answer;
  return ledger.reserve({ ...use, counted: raisedBy(use.counted, credits, use.at) });
}

/**
 * Reserves one use on every limit.
 *
 * A preimage proves that an invoice was paid, not that its
 * credential is used for the first time, so the use is counted before anything is served. [case 88]
 *
 * @throws BudgetError if a limit is used up; AdapterError `ERR_STORE`
 */
export async function claimUse(
  ledger: ClaimLedger,
  { by, at, id: own = timedId(at), limits, amount }: ClaimRequest,
): Promise<Claim> {
  const id = claimId(by, own);
  const need = { amount, uses: 1n };
  const counted = countersOf(limits);
  let answer: ReserveAnswer;
  try {
    answer = await reserveUse(ledger, { id, at, counted, ...need });
  } catch (cause) {
    throw notCounted(cause);
  }
  if (!answer.reserved)
    throw budgetError(limits, await withResets(ledger, answer.refused, counted, at), need);
  return {
    id,
    commit: (end, spent = amount) => ledger.commit(id, spent, end),
    release: (end) => ledger.release(id, end),
  };
}

export interface Abandoned {
  /** Who claimed, or the beginning of it up to a dot. */
  readonly of: string;
  /** Whether the process of a claimant is gone. @default all are */
  readonly isGone?: (claimant: string) => boolean | Promise<boolean>;
  /** Ends claims that were made before this time, in Unix seconds. */
  readonly before: number;
  readonly at: number;
}

/**
 * Counts the uses that were under way when the process before this one died, with what they cost:
 * they may have been served. Returns how many it ended. [case 89]
 */
export async function endAbandonedUses(
  ledger: Ledger,
  { of, isGone = () => true, before, at }: Abandoned,
): Promise<number> {
  let ended = 0;
  for (const { id, amount } of await ledger.abandoned(before)) {
    if (!id.startsWith(`${PREFIX}${of}.`) || !(await isGone(claimantOf(id)))) continue;
    await ledger.commit(id, amount, at);
    ended++;
  }
  return ended;
}

/** The part of a claim's id between the prefix and its own. */
const claimantOf = (id: string): string => id.slice(PREFIX.length, id.lastIndexOf("."));
