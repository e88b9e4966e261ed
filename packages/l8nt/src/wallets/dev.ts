/** The wallet of the dev network (`l8nt/testing`): pays and makes invoices over its HTTP API. Runs wherever `fetch` does. */
import { AdapterError } from "../errors.ts";
import { readAmount } from "../invoice/amount.ts";
import { NETWORKS, type Network } from "../invoice/network.ts";
import type { InvoiceRequest, PaymentOutcome, PaymentRequest, Wallet, WalletPayment } from "../ports/wallet.ts";

export interface DevWalletOptions {
  /** Instead of the global one. */
  readonly fetch?: typeof fetch;
}

/** An answer of the network, or how far the request got. */
type Exchange =
  | { readonly got: "answer"; readonly status: number; readonly body: Record<string, unknown> }
  | { readonly got: "nothing"; readonly sent: boolean; readonly reason: string; readonly cause?: unknown };

/** Beyond the time that the network may take to answer. */
const GRACE_MS = 5_000;
const ANSWER_TIMEOUT_SECONDS = 10;
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A wallet of the dev network, from an account's URL: `dev+http://127.0.0.1:PORT/alice?key=…`. With an invoice-only key
 * it makes invoices and is refused everything else.
 *
 * @throws TypeError where the URL is none of the dev network's
 */
export function devWallet(url: string | undefined, options: DevWalletOptions = {}): Wallet {
  if (url === undefined)
    throw new TypeError("a dev wallet needs an account's URL, and was given none: is SIGIL_WALLET set?");
  const { account, key } = readUrl(url);
  const send = options.fetch ?? fetch;

  async function exchange(method: string, path: string, seconds: number, body?: object): Promise<Exchange> {
    let response: Response;
    try {
      response = await send(account + path, {
        method,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: "manual",
        signal: AbortSignal.timeout(Math.min(seconds * 1000 + GRACE_MS, MAX_TIMER_MS)),
      });
    } catch (cause) {
      const sent = !wasNeverSent(cause);
      const reason = sent ? "the dev network did not answer" : "the dev network cannot be reached";
      return { got: "nothing", sent, reason, cause };
    }
    try {
      const answer: unknown = JSON.parse(await response.text());
      if (typeof answer === "object" && answer !== null)
        return { got: "answer", status: response.status, body: answer as Record<string, unknown> };
    } catch {
      // Half an answer, or one that is not JSON.
    }
    return { got: "nothing", sent: true, reason: "the dev network's answer cannot be read" };
  }

  async function ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await exchange(method, path, ANSWER_TIMEOUT_SECONDS, body);
    if (answer.got === "answer" && answer.status === 200) return answer.body;
    if (answer.got === "nothing")
      throw new AdapterError("ERR_WALLET", `The wallet cannot be used: ${answer.reason}.`, {
        cause: answer.cause,
      });
    throw new AdapterError("ERR_WALLET", `The dev network refused (HTTP ${answer.status}).`);
  }

  return Object.freeze<Wallet>({
    async network(): Promise<Network> {
      const { network } = await ask("GET", "");
      const known = NETWORKS.find((name) => name === network);
      if (known === undefined)
        throw new AdapterError("ERR_WALLET", "The dev network names no Bitcoin network.");
      return known;
    },

    async createInvoice({ amountMsat, expirySeconds, description }: InvoiceRequest): Promise<string> {
      const request = {
        amountMsat: amountMsat.toString(),
        expirySeconds,
        ...(description !== undefined && { description }),
      };
      const { invoice } = await ask("POST", "/invoices", request);
      if (typeof invoice !== "string") throw new AdapterError("ERR_WALLET", "The dev network made no invoice.");
      return invoice;
    },

    async pay({ invoice, amountMsat, maxFeeMsat, timeoutSeconds }: PaymentRequest): Promise<PaymentOutcome> {
      const answer = await exchange("POST", "/payments", timeoutSeconds, {
        invoice,
        amountMsat: amountMsat.toString(),
        maxFeeMsat: maxFeeMsat.toString(),
        timeoutSeconds,
      });
      if (answer.got === "nothing")
        return { status: answer.sent ? "unknown" : "never-sent", reason: answer.reason };
      // The network looks at the key and at the form of a request before it touches money.
      if (answer.status === 400 || answer.status === 401 || answer.status === 403)
        return { status: "failed", reason: `the dev network refused (HTTP ${answer.status})` };
      return readOutcome(answer.status, answer.body);
    },

    async find(paymentHash: string): Promise<PaymentOutcome> {
      const answer = await exchange(
        "GET",
        `/payments/${encodeURIComponent(paymentHash)}`,
        ANSWER_TIMEOUT_SECONDS,
      );
      // Here "never sent" is about asking, not about the payment. And a network that does not know this key cannot know
      // what became of its payments. [case 59]
      if (answer.got === "nothing") return { status: "unknown", reason: answer.reason };
      return readOutcome(answer.status, answer.body);
    },

    async paidSince(at: number): Promise<readonly WalletPayment[]> {
      const { payments } = await ask("GET", `/paid/${Math.floor(at)}`);
      if (!Array.isArray(payments))
        throw new AdapterError("ERR_WALLET", "The dev network's list of payments cannot be read.");
      return payments.map((payment: Record<string, unknown>) => ({
        paymentHash: String(payment.paymentHash),
        amountMsat: BigInt(String(payment.amountMsat)),
        feeMsat: BigInt(String(payment.feeMsat)),
        at: Number(payment.at),
      }));
    },
  });
}

function readUrl(url: string): { account: string; key: string } {
  const match =
    /^dev\+(http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?\/[a-z][a-z0-9-]{0,62})\?key=([0-9a-f]+)$/.exec(
      url,
    );
  if (match === null)
    throw new TypeError(
      "a dev wallet's URL is dev+http://127.0.0.1:PORT/NAME?key=KEY, as DevNetwork.account gives it",
    );
  return { account: match[1]!, key: match[2]! };
}

/** Anything that is not exactly an outcome is no proof of anything: money may have moved. */
function readOutcome(status: number, body: Record<string, unknown>): PaymentOutcome {
  if (status !== 200) return { status: "unknown", reason: `the dev network answered HTTP ${status}` };
  const reason = typeof body.reason === "string" ? body.reason : "";
  if (body.status === "paid") {
    const { preimage, feeMsat: fee } = body;
    const feeMsat = typeof fee === "string" && /^[0-9]{1,19}$/.test(fee) ? readAmount(BigInt(fee)) : undefined;
    if (typeof preimage === "string" && /^[0-9a-f]{64}$/i.test(preimage) && feeMsat !== undefined)
      return { status: "paid", preimage: preimage.toLowerCase(), feeMsat };
  }
  if (body.status === "failed" || body.status === "never-sent") return { status: body.status, reason };
  return { status: "unknown", reason: reason || "the dev network's answer cannot be read" };
}

// What Node, Bun and Deno call a connection that was never made. A reset or a time-out may come after the request left.
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ConnectionRefused",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function wasNeverSent(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    if (NEVER_SENT.has(String((at as { code?: unknown }).code))) return true;
    if (/\(Connect\).*connection refused/i.test(at.message)) return true;
  }
  return false;
}
