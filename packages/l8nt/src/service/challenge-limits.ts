/**
 * How many challenges are given and not paid: each one costs the Lightning node an invoice. A paid
 * one gives its place back. spec/3-challenge.md §5. [case 113]
 */
import { Lru } from "../internal/lru.ts";
import { begunAt } from "../ports/clock.ts";
import { NETWORK_LEVELS, networkFactor, networksOf } from "./networks.ts";

/** Unpaid challenges in a minute. */
export interface ChallengeRates {
  /** To one client: an IPv4 address, or an IPv6 /64. */
  readonly perClient: number;
  readonly total: number;
}

interface Bucket {
  /** Challenges that may be given at once. */
  readonly size: number;
  places: number;
  /** Unix seconds. */
  filledAt: number;
}

/** What is remembered of a provider's network, the outermost one. */
interface Provider {
  /** Challenges that it was given and that were not paid. */
  unpaid: number;
  paid: number;
  /** Unix seconds of the last challenge that it was given. */
  at: number;
}

/** The place of one challenge, taken in every network of its client. */
export interface Place {
  /** Seconds to wait; 0 if the place was taken. */
  readonly waitSeconds: number;
  /** Whether it waits for the wallet alone, which has enough to do. */
  readonly isBusy: boolean;
  readonly buckets: readonly Bucket[];
  readonly provider: Provider | undefined;
}

/** The part of the total that is there only for networks with no unpaid challenge. */
const KEPT_SHARE = 0.25;
/** How long a network is known for challenges that it did not pay, in seconds. */
const REMEMBERED_SECONDS = 600;
/** The number of networks of each size whose rate is kept. */
const NETWORKS = 10_000;
/**
 * Invoices that are being made at once. Behind more of them, those who pay would wait, and each has
 * a request in memory: a wallet that takes a second would have a flood of 300 of them.
 */
const MAX_UNDER_WAY = 64;
/** The number of unpaid challenges whose place is known. */
const CHALLENGES = 16_384;

export class ChallengeLimits {
  readonly #perClient: number;
  readonly #total: Bucket;
  readonly #kept: number;
  /** By the size of the network, so that no flood of small ones makes a large one forgotten. */
  readonly #networks: readonly Lru<string, Bucket>[];
  readonly #providers = new Lru<string, Provider>(NETWORKS);
  readonly #unpaid = new Lru<string, Place>(CHALLENGES);
  #underWay = 0;

  constructor({ perClient, total }: ChallengeRates) {
    this.#perClient = perClient;
    this.#total = { size: total, places: total, filledAt: Number.NEGATIVE_INFINITY };
    this.#kept = Math.floor(total * KEPT_SHARE);
    this.#networks = Array.from({ length: NETWORK_LEVELS }, () => new Lru(NETWORKS));
  }

  /**
   * Takes a place for one challenge, in every network of the address and in the total, or in none
   * of them.
   *
   * @param now Unix seconds
   */
  take(address: string | undefined, now: number): Place {
    const names = networksOf(address);
    const buckets = names.map((name, level) => this.#bucket(name, level, names.length));
    const outermost = names.at(-1)!;
    const known = this.#providers.get(outermost);
    if (known !== undefined) known.at = begunAt(known.at, now);
    const isKnown = known !== undefined && now - known.at < REMEMBERED_SECONDS;
    // Who pays is not kept waiting by a flood: it has no more open than it has paid for. Of what is
    // there for all others, a part is left to those that have nothing open.
    const pays = isKnown && known.paid > known.unpaid;
    const kept = isKnown && known.unpaid > 0 ? this.#kept : 0;
    const waitForTotal = waitOf(this.#total, kept, now);
    const limited = Math.max(
      ...buckets.map((bucket) => waitOf(bucket, 0, now)),
      pays ? 0 : waitForTotal,
    );
    const isBusy = limited === 0 && !pays && this.#underWay >= MAX_UNDER_WAY;
    const waitSeconds = isBusy ? 1 : limited;
    if (waitSeconds > 0) return { waitSeconds, isBusy, buckets: [], provider: undefined };
    const provider = isKnown ? known : { unpaid: 0, paid: 0, at: now };
    provider.unpaid++;
    provider.at = Math.max(now, provider.at);
    this.#providers.set(outermost, provider);
    for (const [level, bucket] of buckets.entries())
      this.#networks[level]!.set(names[level]!, bucket);
    const all = waitForTotal > 0 ? buckets : [...buckets, this.#total];
    for (const bucket of all) bucket.places--;
    return { waitSeconds, isBusy, buckets: all, provider };
  }

  /** Makes the invoice of a place, in the turn in which it was taken. */
  async making<Made>(make: () => Promise<Made>): Promise<Made> {
    this.#underWay++;
    try {
      return await make();
    } finally {
      this.#underWay--;
    }
  }

  /** Remembers whose place the challenge with this payment hash has. */
  given(place: Place, paymentHash: string): void {
    this.#unpaid.set(paymentHash, place);
  }

  /** Gives the place back once the challenge is known to be paid. */
  paid(paymentHash: string): void {
    if (this.#unpaid.size === 0) return;
    const place = this.#unpaid.get(paymentHash);
    if (place === undefined) return;
    this.#unpaid.delete(paymentHash);
    for (const bucket of place.buckets) bucket.places = Math.min(bucket.size, bucket.places + 1);
    if (place.provider === undefined) return;
    place.provider.unpaid--;
    place.provider.paid++;
  }

  #bucket(name: string, level: number, levels: number): Bucket {
    const found = this.#networks[level]!.get(name);
    if (found !== undefined) return found;
    // No network alone may use up what is there for all.
    const most = Math.max(this.#perClient, Math.floor(this.#total.size * KEPT_SHARE));
    const size = Math.min(this.#perClient * networkFactor(level, levels), most);
    return { size, places: size, filledAt: Number.NEGATIVE_INFINITY };
  }
}

/** The seconds until a bucket has one place more than `kept`; 0 if it has. */
function waitOf(bucket: Bucket, kept: number, now: number): number {
  const perSecond = bucket.size / 60;
  bucket.filledAt = begunAt(bucket.filledAt, now);
  const passed = Math.max(0, now - Math.max(bucket.filledAt, now - 60));
  bucket.places = Math.min(bucket.size, bucket.places + passed * perSecond);
  bucket.filledAt = Math.max(now, bucket.filledAt);
  const missing = kept + 1 - bucket.places;
  return missing > 0 ? Math.ceil(missing / perSecond) : 0;
}
