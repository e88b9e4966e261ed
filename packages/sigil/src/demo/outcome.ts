/** The outcome of one attempt in the demo, which the director compares and the story prints. */
import { type Client, DeniedError, explain, type PaymentSummary, SigilError } from "l8nt";
import { PURCHASES_PATH } from "l8nt/treasury";
import { type AmountJson, amountJson } from "../amounts.ts";

/** The outcome of one attempt. */
export interface Outcome {
  /** What was tried, in words. */
  readonly what: string;
  /** Which part answered. `client` is the agent's library, which with `requests: 0` was offline. */
  readonly by: "client" | "treasury" | "service";
  readonly granted: boolean;
  /** HTTP status, if the answer came over HTTP. */
  readonly status?: number;
  readonly code?: string;
  /** Reasons of a denial: "you have …; you need …". */
  readonly reasons?: readonly string[];
  /** The summary in the response. */
  readonly answer?: string;
  readonly paid?: { readonly amount: AmountJson; readonly fee: AmountJson };
  /** How many requests the process sent for it. */
  readonly requests?: number;
  readonly [fact: string]: unknown;
}

const refused = (error: SigilError): Pick<Outcome, "granted" | "code" | "reasons"> => ({
  granted: false,
  code: error.code,
  reasons: error instanceof DeniedError ? error.refusals.map(explain) : [error.message],
});

/** The outcome of a failure that is not a denial, such as a dead server. The script has none. */
export const failed = (what: string, error: unknown): Outcome => ({
  what,
  by: "client",
  granted: false,
  code: "(failed)",
  reasons: [error instanceof Error ? error.message : String(error)],
});

/** Counts the requests of a client, and records its orders and its last payment. */
export class Meter {
  requests = 0;
  /** The ids of the client's orders. */
  readonly orders = new Set<string>();
  paid: PaymentSummary | undefined;

  readonly fetch: typeof fetch = (input, init) => {
    this.requests++;
    if (new URL(String(input)).pathname === PURCHASES_PATH)
      this.orders.add((JSON.parse(String(init?.body)) as { id: string }).id);
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

/** Makes one request through a client and returns its outcome. */
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

/** The path and query of a URL. */
export function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
