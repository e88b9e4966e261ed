/**
 * The rate of unpaid challenges: each one costs the Lightning node an invoice. [case 113]
 */
import { Lru } from "../internal/lru.ts";

interface Bucket {
  tokens: number;
  /** Unix seconds. */
  filledAt: number;
}

export class Limiter {
  readonly #perMinute: number;
  readonly #buckets: Lru<string, Bucket>;

  constructor(perMinute: number, clients: number) {
    this.#perMinute = perMinute;
    this.#buckets = new Lru(clients);
  }

  /** Takes one challenge. Returns the seconds to wait; 0 if there is nothing to wait for. */
  take(client: string, now: number): number {
    const bucket = this.#buckets.get(client) ?? { tokens: this.#perMinute, filledAt: now };
    const refilled = bucket.tokens + Math.max(0, now - bucket.filledAt) * (this.#perMinute / 60);
    const tokens = Math.min(this.#perMinute, refilled);
    const taken = tokens >= 1;
    this.#buckets.set(client, {
      tokens: taken ? tokens - 1 : tokens,
      filledAt: Math.max(now, bucket.filledAt),
    });
    return taken ? 0 : Math.ceil((1 - tokens) * (60 / this.#perMinute));
  }
}

/** The client that an address belongs to: an IPv6 subscriber chooses freely within a /64. */
export function clientKey(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const mapped = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
  if (!mapped.includes(":")) return mapped;
  const [head = "", tail] = mapped.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups =
    tail === undefined
      ? before
      : [...before, ...Array(Math.max(0, 8 - before.length - after.length)).fill("0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
