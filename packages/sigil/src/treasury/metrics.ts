/** What a treasury counts for Prometheus. No label has more values than this file lists. */
import type { PaymentSummary } from "l8nt";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Watched {
  health(): Promise<{
    readonly spending: boolean;
    readonly openPayments: number;
    readonly stuckPayments: number;
  }>;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<"route" | "status">;
  readonly #paid: Counter;
  readonly #msat: Counter<"part">;
  readonly #alarms: Counter;
  readonly #spending: Gauge;
  readonly #open: Gauge;
  readonly #stuck: Gauge;
  readonly #owner: Watched;

  constructor(owner: Watched) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: "sigil_request_seconds",
      help: "Time until a request was answered, by route and class of status",
      labelNames: ["route", "status"],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60],
      registers,
    });
    this.#paid = new Counter({
      name: "sigil_payments_total",
      help: "Payments that were made",
      registers,
    });
    this.#msat = new Counter({
      name: "sigil_spent_msat_total",
      help: "What they came to, in msat",
      labelNames: ["part"],
      registers,
    });
    this.#alarms = new Counter({
      name: "sigil_alarms_total",
      help: "What a person should look at",
      registers,
    });
    this.#spending = new Gauge({
      name: "sigil_spending",
      help: "1 where the treasury spends, 0 where it has stopped",
      registers,
    });
    this.#open = new Gauge({
      name: "sigil_open_payments",
      help: "Payments whose outcome is not known",
      registers,
    });
    this.#stuck = new Gauge({
      name: "sigil_stuck_payments",
      help: "Of them, those older than an hour",
      registers,
    });
    this.#owner = owner;
  }

  requested(route: string, status: number, seconds: number): void {
    this.#requests.observe({ route, status: `${Math.floor(status / 100)}xx` }, seconds);
  }

  paid({ amountMsat, feeMsat }: PaymentSummary): void {
    this.#paid.inc();
    this.#msat.inc({ part: "amount" }, Number(amountMsat));
    this.#msat.inc({ part: "fee" }, Number(feeMsat));
  }

  alarmed(): void {
    this.#alarms.inc();
  }

  /** The text format of Prometheus. */
  async text(): Promise<string> {
    const { spending, openPayments, stuckPayments } = await this.#owner.health();
    this.#spending.set(spending ? 1 : 0);
    this.#open.set(openPayments);
    this.#stuck.set(stuckPayments);
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}
