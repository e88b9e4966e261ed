/**
 * A disk under the treasury's store: what was synced is there after a crash, what was not may be
 * lost. [cases 106, 107]
 */
import { AdapterError } from "l8nt";
import { MemoryStore } from "l8nt/stores/memory";
import type { TreasuryOptions } from "l8nt/treasury";
import { isPaidBy } from "../../packages/l8nt/src/treasury/order.ts";
import type { Random } from "./random.ts";
import { acting, type Life, type Schedule } from "./schedule.ts";
import type { Weather } from "./weather.ts";

type Store = NonNullable<TreasuryOptions["store"]>;
type Call = readonly [method: string, parameters: readonly unknown[]];
type Methods = Record<string, (...parameters: readonly unknown[]) => Promise<unknown>>;

const WRITES = new Set([
  "reserve",
  "commit",
  "release",
  "begin",
  "settle",
  "mark",
  "take",
  "rewrap",
  "reopen",
  "handOver",
  "recall",
  "widenRecall",
  "acknowledge",
  "postponeRecall",
  "forgetHandOvers",
  "firstFact",
  "setFact",
  "allowPayee",
  "appendReceipts",
  "addDirective",
  "meet",
  "note",
  "keepWrapped",
]);

export class Disk {
  /** The present state, as a reader sees it. */
  image = new MemoryStore({ journal: true });
  readonly #synced: Call[] = [];
  readonly #unsynced: Call[] = [];
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #weather: Weather;

  constructor(schedule: Schedule, random: Random, weather: Weather) {
    this.#schedule = schedule;
    this.#random = random;
    this.#weather = weather;
  }

  /** Whether another order took what an order paid for, as the books have it now. */
  readonly isTaken = async (paymentHash: string): Promise<boolean> => {
    const record = await this.image.payment(paymentHash);
    return record !== undefined && !isPaidBy(record, record.order);
  };

  /** The store as one process has it. */
  open(life: Life): Store {
    const call = (method: string, parameters: readonly unknown[]) =>
      this.#call(life, method, parameters);
    return new Proxy(this.image, {
      get: (image, name) => {
        const member = Reflect.get(image, name, image) as unknown;
        if (typeof name !== "string" || typeof member !== "function") return member;
        return (...parameters: readonly unknown[]) => call(name, parameters);
      },
    }) as Store;
  }

  async #call(life: Life, method: string, parameters: readonly unknown[]): Promise<unknown> {
    const schedule = this.#schedule;
    await schedule.turn(`store ${method}`, { life, seconds: this.#seconds() });
    if (this.#random.chance(this.#weather.storeRefuses)) throw this.#failure(method, "refused");
    const answer = await (this.image as unknown as Methods)[method]!(...parameters);
    if (WRITES.has(method)) {
      this.#unsynced.push([method, parameters]);
      const isLost = this.#random.chance(this.#weather.storeForgetsToAnswer);
      if (isLost && this.#random.chance(0.5)) throw this.#failure(method, "not synced");
      await schedule.turn(`store ${method} synced`, { life, seconds: this.#seconds() });
      this.#sync(this.#unsynced.length);
      if (isLost) throw this.#failure(method, "its answer lost");
    }
    return answer;
  }

  #seconds(): number {
    return this.#random.chance(0.02) ? this.#random.between(0.1, 1) : this.#random.below(4) / 1000;
  }

  #failure(method: string, how: string): AdapterError {
    this.#schedule.note(`store ${method} failed: ${how}`);
    const deed = acting.getStore();
    if (deed !== undefined) deed.isFaulted = true;
    return new AdapterError("ERR_STORE", "The store failed.");
  }

  /** In order: what is on the disk has everything before it there too. */
  #sync(count: number): void {
    this.#synced.push(...this.#unsynced.splice(0, count));
  }

  /** A power failure: a random part of what was not synced is lost. */
  async crash(): Promise<void> {
    this.#sync(this.#random.below(this.#unsynced.length + 1));
    this.#unsynced.length = 0;
    await this.#replay();
  }

  /** The owner restores a backup: everything after some moment is lost. */
  async restore(): Promise<void> {
    this.#unsynced.length = 0;
    this.#synced.length = this.#random.below(this.#synced.length + 1);
    await this.#replay();
  }

  async #replay(): Promise<void> {
    const image = new MemoryStore({ journal: true });
    for (const [method, parameters] of this.#synced)
      await (image as unknown as Methods)[method]!(...parameters);
    this.image = image;
  }
}
