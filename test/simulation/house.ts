/**
 * The treasury's process: it starts, dies between any two effects, and starts again with what the
 * disk has.
 */
import { Treasury, treasuryApi } from "l8nt/treasury";
import { acting, Life, living } from "./schedule.ts";
import { secretOf } from "./shops.ts";
import type { Town } from "./town.ts";
import { webOf } from "./web.ts";

export const LOCATION = "https://treasury.example";
export const SECRET = secretOf("the treasury");

export interface Open {
  readonly treasury: Treasury;
  /** Its HTTP side. */
  readonly api: (request: Request) => Promise<Response>;
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
    const { schedule, disk, lightning, oracle, clocks } = this.#town;
    const life = new Life(`life ${++this.#lives}`);
    const treasury = new Treasury({
      secret: SECRET,
      location: LOCATION,
      wallet: lightning.payer(life),
      store: disk.open(life),
      fetch: webOf(this.#town, life, { isAgent: false }),
      clock: clocks.of("the treasury"),
      alarm: (what) => oracle.alarm(what, acting.getStore()),
    });
    const answer = treasuryApi(treasury);
    const api = (request: Request) => living.run(life, () => answer(request));
    this.open = { treasury, api, life };
    schedule.note(`${life.name} begins`);
    const deed = oracle.begin("owner", undefined, "starts");
    // What it cannot do now it does before the first request.
    acting.run(deed, () => living.run(life, () => void treasury.start().catch(() => {})));
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
    return Promise.race([living.run(life, () => work(treasury)), life.death]);
  }
}
