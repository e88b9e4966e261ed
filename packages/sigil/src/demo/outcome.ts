/**
 * What became of one thing that somebody tried: the facts that the director compares, and the
 * picture tells.
 */
import { type Client, DeniedError, explain, type PaymentSummary, SigilError } from "l8nt";
import { type AmountJson, amountJson } from "../amounts.ts";

export interface Outcome {
  /** What was tried. */
  readonly what: string;
  /** Who answered. `client`: the agent's own library; with `requests: 0` it answered offline. */
  readonly by: "client" | "treasury" | "service";
  readonly granted: boolean;
  /** HTTP status, where there was an answer over HTTP. */
  readonly status?: number;
  readonly code?: string;
  /** Why not: "you have …; you need …". */
  readonly reasons?: readonly string[];
  /** What was learnt, where it was granted. */
  readonly answer?: string;
  readonly paid?: { readonly amount: AmountJson; readonly fee: AmountJson };
  /** How many requests left the process for it. */
  readonly requests?: number;
  readonly [fact: string]: unknown;
}

const refused = (error: SigilError): Pick<Outcome, "granted" | "code" | "reasons"> => ({
  granted: false,
  code: error.code,
  reasons: error instanceof DeniedError ? error.refusals.map(explain) : [error.message],
});

/** What nobody denied, and still did not work: a server that is gone. The script expects none. */
export const failed = (what: string, error: unknown): Outcome => ({
  what,
  by: "client",
  granted: false,
  code: "(failed)",
  reasons: [error instanceof Error ? error.message : String(error)],
});

/** Counts what a client sends and pays, so that "nothing was sent" is a fact and not a claim. */
export class Meter {
  requests = 0;
  paid: PaymentSummary | undefined;

  readonly fetch: typeof fetch = (input, init) => {
    this.requests++;
    return fetch(input, init);
  };
  readonly onPayment = (payment: PaymentSummary): void => {
    this.paid = payment;
  };

  reset(): void {
    this.requests = 0;
    this.paid = undefined;
  }
}

/** One request through a client, as an outcome. */
export async function visit(
  client: Client,
  meter: Meter,
  url: string,
  what = `GET ${pathOf(url)}`,
): Promise<Outcome> {
  meter.reset();
  try {
    const response = await client.get(url);
    const { summary } = (await response.json()) as { summary?: string };
    const { paid } = meter;
    return {
      what,
      by: "service",
      granted: response.ok,
      status: response.status,
      ...(summary !== undefined && { answer: summary }),
      ...(paid !== undefined && {
        paid: { amount: amountJson(paid.amount), fee: amountJson(paid.fee) },
      }),
    };
  } catch (error) {
    const { requests } = meter;
    if (!(error instanceof SigilError)) return { ...failed(what, error), requests };
    return { what, by: requests === 0 ? "client" : "treasury", ...refused(error), requests };
  }
}

export function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
