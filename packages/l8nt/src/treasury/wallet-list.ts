/**
 * Reads the wallet's list of payments row by row, and adds up what it has listed for each payment
 * hash. spec/4-purchase.md §8.
 */
import { msatInRange } from "../amount.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import type { Facts } from "../ports/facts.ts";
import { shown } from "./shown.ts";

/** A payment of the wallet's list. */
export interface ListedRow {
  /** 64 hex digits in lower case. Of a row that cannot be read, the hash of its content. */
  readonly paymentHash: string;
  readonly amountMsat: bigint;
  readonly feeMsat: bigint;
  readonly at: number;
  readonly id?: string;
  /** The row that cannot be read, for the owner; amount and fee are 0 if they are what cannot. */
  readonly unreadable?: { readonly row: string; readonly of?: string };
}

const HASH = /^[0-9a-f]{64}$/;
/** Unix seconds of the year 9999. */
const LAST_SECOND = 253_402_300_799;

/**
 * Reads a row, whatever the wallet gave. A time that cannot be read is `now`, so that the payment
 * is compared.
 */
export function readRow(given: unknown, now: number): ListedRow {
  const { paymentHash, amountMsat, feeMsat, at, id }: Readonly<Record<string, unknown>> =
    Object(given);
  const hash = typeof paymentHash === "string" ? paymentHash.toLowerCase() : "";
  const amount = inRange(amountMsat);
  const fee = inRange(feeMsat);
  const time = typeof at === "number" && at >= 0 && at <= LAST_SECOND ? at : now;
  if (HASH.test(hash) && amount !== undefined && fee !== undefined)
    return {
      ...{ paymentHash: hash, amountMsat: amount, feeMsat: fee, at: time },
      ...(typeof id === "string" && { id }),
    };
  const named = typeof id === "string" ? ` id ${shown(id)},` : "";
  const stated = HASH.test(hash) ? hash : shown(paymentHash);
  const row = `hash ${stated},${named} amount ${shown(amountMsat)}, fee ${shown(feeMsat)}, time ${shown(at)}`;
  return {
    paymentHash: hexText(sha256(utf8(row))),
    amountMsat: amount ?? 0n,
    feeMsat: fee ?? 0n,
    at: time,
    unreadable: { row, ...(HASH.test(hash) && { of: hash }) },
  };
}

const inRange = (value: unknown): bigint | undefined =>
  typeof value === "bigint" ? msatInRange(value) : undefined;

/** What the wallet paid for one hash, in one payment or in several. */
export interface Sum {
  readonly amountMsat: bigint;
  readonly feeMsat: bigint;
}

const NOTHING: Sum = { amountMsat: 0n, feeMsat: 0n };
const plus = (a: Sum, b: Sum): Sum => ({
  amountMsat: a.amountMsat + b.amountMsat,
  feeMsat: a.feeMsat + b.feeMsat,
});
export const totalOf = ({ amountMsat, feeMsat }: Sum): bigint => amountMsat + feeMsat;
const larger = (a: Sum, b: Sum): Sum => (totalOf(b) > totalOf(a) ? b : a);

interface Known {
  /** By the wallet's own id. */
  readonly named: Map<string, Sum>;
  /** Of the rows without an id, the most that one list had. */
  unnamed: Sum;
  /** The total that the books were found to have. */
  matchedMsat: bigint | undefined;
  isKept: boolean;
}

const REMEMBERED = 50_000;

/**
 * What the wallet has listed for each hash, over all its lists. A list reaches back to the last
 * comparison only, so a second payment of a hash may be listed without the first; by their ids they
 * are told apart after a restart too.
 */
export class ListedSums {
  readonly #facts: Pick<Facts, "fact" | "setFact">;
  readonly #known = new Lru<string, Known>(REMEMBERED);

  constructor(facts: Pick<Facts, "fact" | "setFact">) {
    this.#facts = facts;
  }

  /**
   * Adds the rows that one list has for a hash.
   *
   * @returns all that the wallet listed for it; undefined if the books were found to have as much
   */
  async add(paymentHash: string, rows: readonly ListedRow[]): Promise<Sum | undefined> {
    const known = this.#known.get(paymentHash) ?? (await this.#kept(paymentHash));
    this.#known.set(paymentHash, known);
    let unnamed = NOTHING;
    for (const row of rows) {
      if (row.id === undefined) {
        unnamed = plus(unnamed, row);
        continue;
      }
      const before = known.named.get(row.id);
      if (before !== undefined && totalOf(before) >= totalOf(row)) continue;
      known.named.set(row.id, { amountMsat: row.amountMsat, feeMsat: row.feeMsat });
      known.isKept = false;
    }
    known.unnamed = larger(known.unnamed, unnamed);
    const sum = [...known.named.values()].reduce(plus, known.unnamed);
    return totalOf(sum) === known.matchedMsat ? undefined : sum;
  }

  /** The books have as much for this hash as `add` returned. */
  async matched(paymentHash: string, sum: Sum): Promise<void> {
    const known = this.#known.get(paymentHash);
    if (known === undefined) return;
    known.matchedMsat = totalOf(sum);
    if (known.isKept) return;
    const rows = [...known.named].map(([id, one]) => [id, `${one.amountMsat}`, `${one.feeMsat}`]);
    await this.#facts.setFact(nameOf(paymentHash), JSON.stringify(rows));
    known.isKept = true;
  }

  async #kept(paymentHash: string): Promise<Known> {
    const text = (await this.#facts.fact(nameOf(paymentHash))) ?? "[]";
    const rows = JSON.parse(text) as readonly (readonly [string, string, string])[];
    const named = new Map(
      rows.map(([id, amount, fee]) => [id, { amountMsat: BigInt(amount), feeMsat: BigInt(fee) }]),
    );
    return { named, unnamed: NOTHING, matchedMsat: undefined, isKept: true };
  }
}

const nameOf = (paymentHash: string): string => `listed ${paymentHash}`;
