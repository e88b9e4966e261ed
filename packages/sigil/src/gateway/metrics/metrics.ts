/**
 * Metrics of a gateway for Prometheus. Every value of a label is of the presets, the price file or
 * the gateway itself, so nobody who asks can make more of them.
 */
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { Observer, Row } from "../observer.ts";
import { TOKEN_PARTS } from "../usage.ts";

const SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const UNLISTED = "unlisted";

export class GatewayMetrics implements Observer {
  readonly #registry = new Registry();
  readonly #requests: Counter<"service" | "route" | "status" | "end">;
  readonly #denials: Counter<"service" | "code">;
  readonly #wouldDeny: Counter<"service" | "code">;
  readonly #spent: Counter<"service" | "price" | "unit">;
  readonly #estimated: Counter<"service" | "price">;
  readonly #tokens: Counter<"service" | "price" | "type">;
  readonly #seconds: Histogram<"service" | "route">;
  readonly #firstByte: Histogram<"service" | "route">;
  readonly #alarms: Counter;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: "sigil_gateway_requests_total",
      help: "Requests that were let through, by the path of the preset's route, class of status and end",
      labelNames: ["service", "route", "status", "end"],
      registers,
    });
    this.#denials = new Counter({
      name: "sigil_gateway_denials_total",
      help: "Requests that were denied, by the code of the denial",
      labelNames: ["service", "code"],
      registers,
    });
    this.#wouldDeny = new Counter({
      name: "sigil_gateway_would_deny_total",
      help: "Requests that --shadow let through, by the code of the denial",
      labelNames: ["service", "code"],
      registers,
    });
    this.#spent = new Counter({
      name: "sigil_gateway_spent_total",
      help: "What was charged, in the unit that the label names, by the line of the price file",
      labelNames: ["service", "price", "unit"],
      registers,
    });
    this.#estimated = new Counter({
      name: "sigil_gateway_estimated_total",
      help: "Requests whose charge was estimated, because the vendor did not state all usage",
      labelNames: ["service", "price"],
      registers,
    });
    this.#tokens = new Counter({
      name: "sigil_gateway_tokens_total",
      help: "Tokens as the vendor stated them, each in one type",
      labelNames: ["service", "price", "type"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "sigil_gateway_request_seconds",
      help: "Time until an answer had ended",
      labelNames: ["service", "route"],
      buckets: SECONDS,
      registers,
    });
    this.#firstByte = new Histogram({
      name: "sigil_gateway_first_byte_seconds",
      help: "Time until the head of the vendor's answer had come",
      labelNames: ["service", "route"],
      buckets: SECONDS,
      registers,
    });
    this.#alarms = new Counter({
      name: "sigil_gateway_alarms_total",
      help: "Alarms in the log",
      registers,
    });
  }

  settled(row: Row): void {
    const { end, spent, usage, durationMs, firstByteMs } = row;
    const service = row.service ?? UNLISTED;
    const route = row.route ?? UNLISTED;
    this.#requests.inc({ service, route, status: classOf(row.status), end });
    if (durationMs !== undefined) this.#seconds.observe({ service, route }, durationMs / 1000);
    if (firstByteMs !== undefined) this.#firstByte.observe({ service, route }, firstByteMs / 1000);
    if (row.wouldDeny !== undefined) this.#wouldDeny.inc({ service, code: row.wouldDeny });
    if (row.price === undefined) return;
    const labels = { service, price: row.price };
    if (spent !== undefined && row.unit !== undefined)
      this.#spent.inc({ ...labels, unit: row.unit }, Number(spent));
    if (row.isEstimated) this.#estimated.inc(labels);
    if (usage === undefined) return;
    for (const type of TOKEN_PARTS) {
      const count = usage[type];
      if (count > 0 && Number.isFinite(count)) this.#tokens.inc({ ...labels, type }, count);
    }
  }

  denied({ service = UNLISTED, code = "denied" }: Row): void {
    this.#denials.inc({ service, code });
  }

  /** Counts an alarm. */
  alarmed(): void {
    this.#alarms.inc();
  }

  /** The text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

const classOf = (status: number | undefined): string =>
  status === undefined ? "none" : `${Math.floor(status / 100)}xx`;
