/** The events of a world in order, and the faults that were found. */

import type { Clocks } from "./clocks.ts";
import { type Agent, Deed, type Goods, type Payment } from "./facts.ts";
import type { Schedule } from "./schedule.ts";

export interface Serving {
  readonly deed: Deed;
  readonly paymentHash: string;
  readonly at: number;
  /** Whether a gateway threw the answer away. */
  readonly isUnheard: boolean;
}

export class Chronicle {
  readonly faults: string[] = [];
  readonly goods = new Map<string, Goods>();
  readonly agents: Agent[] = [];
  readonly deeds: Deed[] = [];
  /** Those that an order made, as they reached the node. */
  readonly payments: Payment[] = [];
  readonly servings: Serving[] = [];
  /** How many requests a gateway has answered that have not reached their service yet. */
  atGateways = 0;
  readonly alarms: string[] = [];
  /** When the treasury died. */
  readonly deaths: number[] = [];
  protected readonly schedule: Schedule;
  protected readonly clocks: Clocks;

  constructor(schedule: Schedule, clocks: Clocks) {
    this.schedule = schedule;
    this.clocks = clocks;
  }

  demand(holds: boolean, what: string): void {
    if (holds) return;
    this.schedule.note(`FAULT ${what}`);
    this.faults.push(what);
  }

  begin(kind: Deed["kind"], agent: Agent | undefined, what: string): Deed {
    const deed = new Deed(this.deeds.length + 1, kind, agent, what, this.schedule.now);
    this.deeds.push(deed);
    this.schedule.note(`${deed} begins: ${kind} ${agent?.name ?? ""} ${what}`);
    return deed;
  }

  offered(goods: Goods): void {
    this.goods.set(goods.paymentHash, goods);
  }

  /** A service asks for payment although a paid credential was presented. */
  refused(paymentHash: string): void {
    const goods = this.goods.get(paymentHash);
    if (goods !== undefined) goods.refused++;
  }
}
