/**
 * Requests that are served without a payment, a number of them in each hour, day or month.
 * spec/3-challenge.md §5.
 */
import { type Amount, msat } from "../amount.ts";
import { countersOf } from "../caveat/index.ts";
import { DAY, HOUR, MONTH, type Window } from "../caveat/window.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { hmacUnder } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Authority, Verified } from "../l402/index.ts";
import { type Claim, claimId, notCounted, reserveUse } from "../ledger/claim.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { SalesBook } from "../ports/sales.ts";
import { networkFactor, networksOf } from "./networks.ts";

/** Requests that cost nothing. */
export interface FreeQuota {
  /** How many in each `per`. */
  readonly requests: number;
  /** Begins at the full hour, at midnight UTC, or every 30 days. */
  readonly per: "hour" | "day" | "month";
  /**
   * Who has the quota. `"address"`: a client without a credential, by its IPv4 address or IPv6 /64;
   * the networks around it have a few times as many, as `challengesPerMinute.perClient` says.
   * `"credential"`: each credential, together with all that descend from it. It may be one that
   * buys nothing else.
   *
   * @default "address"
   */
  readonly by?: "address" | "credential";
  /**
   * How many in each `per` for all clients together: it bounds what the store keeps of them.
   *
   * @default 10000
   */
  readonly total?: number;
  /**
   * Routes whose quotas are equal share one. A name gives a quota of its own.
   *
   * @default ""
   */
  readonly name?: string;
}

const QUOTA = {
  requests: true,
  per: true,
  by: true,
  total: true,
  name: true,
} satisfies Keys<FreeQuota>;

const WINDOWS: Readonly<Record<FreeQuota["per"], Window>> = { hour: HOUR, day: DAY, month: MONTH };
const DEFAULT_TOTAL = 10_000;

/** Written in one order: equal quotas have equal texts. */
export const quotaText = ({ requests, per, by, total, name }: Required<FreeQuota>): string =>
  JSON.stringify([requests, per, by, total, name]);

export const wholeQuota = (quota: FreeQuota): Required<FreeQuota> => ({
  by: "address",
  total: Math.max(DEFAULT_TOTAL, quota.requests),
  name: "",
  ...quota,
});

/** @throws TypeError for a quota that cannot be counted */
export function checkQuota(quota: FreeQuota): void {
  checkKeys(quota, QUOTA, "a route's free");
  const { requests, per, by, total, name } = wholeQuota(quota);
  for (const [key, count] of Object.entries({ requests, total }))
    if (!(Number.isSafeInteger(count) && count > 0))
      throw new TypeError(`free.${key} must be a whole number, 1 or more`);
  if (total < requests)
    throw new TypeError("free.total is for all clients together, and is less than free.requests");
  if (!Object.hasOwn(WINDOWS, per))
    throw new TypeError('free.per must be "hour", "day" or "month"');
  if (by !== "address" && by !== "credential")
    throw new TypeError('free.by must be "address" or "credential"');
  if (typeof name !== "string") throw new TypeError("free.name must be a text");
}

/** Who asks for a free request. */
export interface FreeAsker {
  readonly address: string | undefined;
  /** Undefined for a request without a credential. */
  readonly verified: Verified | undefined;
  /** Stands in the id of the claim. */
  readonly by: string;
  readonly id: string;
  /** Unix seconds. */
  readonly at: number;
}

/** One free request that was claimed. */
export interface FreeClaim extends Claim {
  /** Unix seconds after which nothing counts it any more. */
  readonly until: number;
}

/** Counts the free requests of one quota in the ledger. */
export class FreeRequests {
  readonly by: "address" | "credential";
  readonly #quota: Required<FreeQuota>;
  readonly #ledger: Ledger & Partial<Pick<SalesBook, "credits">>;
  readonly #authority: Authority;
  #digest: ((message: Uint8Array) => Uint8Array) | undefined;

  constructor(
    quota: FreeQuota,
    authority: Authority,
    ledger: Ledger & Partial<Pick<SalesBook, "credits">>,
  ) {
    this.#quota = wholeQuota(quota);
    this.by = this.#quota.by;
    this.#authority = authority;
    this.#ledger = ledger;
  }

  /**
   * Claims one free request; undefined if there is none left.
   *
   * @throws AdapterError `ERR_STORE`, `ERR_SECRET`
   */
  async claim({ address, verified, by, id: own, at }: FreeAsker): Promise<FreeClaim | undefined> {
    const { seconds } = WINDOWS[this.#quota.per];
    const window = Math.floor(at / seconds);
    const expiresAt = (window + 1) * seconds;
    const quota = this.#shares(address, verified).map(
      ([share, max]): Counted => ({
        id: this.#counterId(`${share} ${window}`),
        kind: "uses",
        max: BigInt(max),
        expiresAt,
      }),
    );
    // What a holder narrowed to a number of requests stays narrowed to it.
    const narrowed = countersOf(verified?.limits ?? []).filter(({ kind }) => kind === "uses");
    const id = claimId(by, own);
    try {
      const counted = [...narrowed, ...quota];
      const { reserved } = await reserveUse(this.#ledger, { id, at, counted, ...FREE_USE });
      if (!reserved) return undefined;
    } catch (cause) {
      throw notCounted(cause);
    }
    const { validUntil = Number.MAX_SAFE_INTEGER } = verified ?? {};
    return {
      id,
      until: narrowed.length > 0 ? Math.max(expiresAt, validUntil) : expiresAt,
      commit: (end) => this.#ledger.commit(id, FREE_USE.amount, end),
      release: (end) => this.#ledger.release(id, end),
    };
  }

  /** Who shares the quota, each with how much of it they have: the client, and all around it. */
  #shares(
    address: string | undefined,
    verified: Verified | undefined,
  ): readonly (readonly [share: string, max: number])[] {
    const { requests, total } = this.#quota;
    const all = ["all", total] as const;
    if (verified !== undefined) return [[`credential ${verified.nodes[0]!.id}`, requests], all];
    const networks = networksOf(address);
    return [
      ...networks.map(
        (name, level) =>
          [name, Math.min(total, requests * networkFactor(level, networks.length))] as const,
      ),
      all,
    ];
  }

  /** Under a key, so that the store holds nobody's address. */
  #counterId(share: string): string {
    this.#digest ??= hmacUnder(this.#authority.derivedKeys("free requests")[0]);
    const digest = this.#digest(utf8(`${quotaText(this.#quota)} ${share}`));
    return `free.${hexText(digest.subarray(0, 16))}`;
  }
}

const FREE_USE: { readonly amount: Amount; readonly uses: bigint } = { amount: msat(0n), uses: 1n };
