/**
 * A vendor's refusal of the gateway's own key. It is no fault of the agent, and its text may show a
 * part of the key, so that the agent gets another answer.
 */
import type { Head, Watcher, Whole } from "./core/forward.ts";
import type { Dialect } from "./presets/dialect.ts";

export const isRefusal = (status: number | undefined): boolean => status === 401 || status === 403;

/** What stands for a refusal; undefined for every other answer. */
export type Instead = (answer: Whole) => Whole | undefined;

/** @param name the service, in the alarm and in the answer */
export const insteadOf =
  (name: string, dialect: Dialect, alarm: (what: string) => void): Instead =>
  ({ status }) => {
    if (!isRefusal(status)) return undefined;
    alarm(`${name} refused the gateway's own key with status ${status}`);
    const { body, contentType } = dialect.denial({
      status: 502,
      code: "upstream_refused",
      title: "The vendor refused the gateway",
      detail: `Sigil: ${name} refused the key of this gateway, or what it is allowed to do. Nothing was charged; the owner of the gateway was told.`,
    });
    const fields = [
      ...["content-type", contentType, "cache-control", "no-store"],
      // Another try would be refused alike. Stripe's SDK reads a name of its own.
      ...["x-should-retry", "false", "stripe-should-retry", "false"],
    ];
    return { status: 502, fields, body: Buffer.from(body) };
  };

/** Watches the answer to a request that is not metered: all but a refusal goes through unseen. */
export class RefusalWatcher implements Watcher {
  fields: readonly string[] = [];
  readonly #instead: Instead;
  readonly #ofSuccess: readonly string[];

  /** @param ofSuccess lines that are added to the head of an answer with 2xx */
  constructor(instead: Instead, ofSuccess: readonly string[] = []) {
    this.#instead = instead;
    this.#ofSuccess = ofSuccess;
  }

  mode({ status }: Head): "whole" | "unseen" {
    if (status >= 200 && status <= 299) this.fields = this.#ofSuccess;
    return isRefusal(status) ? "whole" : "unseen";
  }

  async whole(answer: Whole): Promise<Whole> {
    return this.#instead(answer) ?? answer;
  }

  /** Of a refusal that was too large to be kept. */
  part(): undefined {}

  async ended(): Promise<undefined> {}
}
