/** Metrics of a treasury for Prometheus. The set of label values is fixed. */
import type { PaymentSummary } from "l8nt";
import type { Health } from "l8nt/ports";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** The metrics of one treasury. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<"route" | "status">;
  readonly #paid: Counter;
  readonly #spent: Counter<"unit" | "part">;
  readonly #alarms: Counter;
  readonly #spending: Gauge;
  readonly #open: Gauge;
  readonly #stuck: Gauge;
  readonly #unexplained: Gauge;
  readonly #recalls: Gauge;

  constructor() {
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
    this.#spent = new Counter({
      name: "sigil_spent_total",
      help: "The amounts of these payments, in the unit that the label names",
      labelNames: ["unit", "part"],
      registers,
    });
    this.#alarms = new Counter({
      name: "sigil_alarms_total",
      help: "Alarms that were raised",
      registers,
    });
    this.#spending = new Gauge({
      name: "sigil_spending",
      help: "1 if the treasury spends, 0 if it has stopped",
      registers,
    });
    this.#open = new Gauge({
      name: "sigil_open_payments",
      help: "Payments whose outcome is unknown",
      registers,
    });
    this.#stuck = new Gauge({
      name: "sigil_stuck_payments",
      help: "Open payments that are older than an hour",
      registers,
    });
    this.#unexplained = new Gauge({
      name: "sigil_unexplained_payments",
      help: "Payments of the wallet that the books cannot explain",
      registers,
    });
    this.#recalls = new Gauge({
      name: "sigil_pending_recalls",
      help: "Revocations that a service which was handed something has not confirmed",
      registers,
    });
  }

  /** Counts a request. */
  requested(route: string, status: number, seconds: number): void {
    this.#requests.observe({ route, status: `${Math.floor(status / 100)}xx` }, seconds);
  }

  /** Counts a payment. */
  paid({ amount, fee }: PaymentSummary): void {
    this.#paid.inc();
    this.#spent.inc({ unit: amount.unit, part: "amount" }, Number(amount.value));
    this.#spent.inc({ unit: fee.unit, part: "fee" }, Number(fee.value));
  }

  /** Counts an alarm. */
  alarmed(): void {
    this.#alarms.inc();
  }

  /** The text format of Prometheus. */
  text({
    spending,
    openPayments,
    stuckPayments,
    unexplainedPayments,
    pendingRecalls,
  }: Health): Promise<string> {
    this.#spending.set(spending ? 1 : 0);
    this.#open.set(openPayments);
    this.#stuck.set(stuckPayments);
    this.#unexplained.set(unexplainedPayments);
    this.#recalls.set(pendingRecalls);
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}
