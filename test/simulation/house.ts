/**
 * The treasury's process: it starts, dies between any two effects, and starts again with what the
 * disk has.
 */
import { Treasury } from "l8nt/treasury";
import { acting, Life } from "./schedule.ts";
import { secretOf } from "./shops.ts";
import type { Town } from "./town.ts";
import { webOf } from "./web.ts";

export const LOCATION = "https://treasury.example";
export const SECRET = secretOf("the treasury");

export interface Open {
  readonly treasury: Treasury;
  readonly life: Life;
}

export class House {
  /** Undefined while it is down. */
  open: Open | undefined;
  deaths = 0;
  readonly #town: Town;
  #lives = 0;

  constructor(town: Town) {
    this.#town = town;
  }

  start(): void {
    const { schedule, disk, lightning, oracle } = this.#town;
    const life = new Life(`life ${++this.#lives}`);
    const treasury = new Treasury({
      secret: SECRET,
      location: LOCATION,
      wallet: lightning.payer(life),
      store: disk.open(life),
      fetch: webOf(this.#town, life),
      clock: schedule.clock,
      alarm: (what) => oracle.alarm(what, acting.getStore()),
    });
    this.open = { treasury, life };
    schedule.note(`${life.name} begins`);
    const deed = oracle.begin("owner", undefined, "starts");
    // What it cannot do now it does before the first request.
    acting.run(deed, () => void treasury.start().catch(() => {}));
  }

  async die(): Promise<void> {
    const { schedule, disk, oracle } = this.#town;
    if (this.open === undefined) return;
    const { life } = this.open;
    schedule.note(`${life.name} dies`);
    this.open = undefined;
    this.deaths++;
    oracle.died();
    await schedule.kill(life);
    await disk.crash();
  }

  /** Acts on the running treasury. Rejects if it is down, or dies before the end. */
  ask<Answer>(work: (treasury: Treasury) => Promise<Answer>): Promise<Answer> {
    if (this.open === undefined) return Promise.reject(new Error("the treasury is down"));
    const { treasury, life } = this.open;
    return Promise.race([work(treasury), life.death]);
  }
}
