/**
 * Paying over HTTP, where a request may still be on its way when its answer is not: no hash is
 * handed over twice, and nothing counts as ended that a backend may still try. [cases 56-59, 75]
 */
import type { Payer, PaymentOutcome, PaymentRequest } from "../ports/wallet.ts";

/**
 * What the backend's own records say of a hash, this moment; `unseen` where they could not be read.
 */
export type OnRecord = PaymentOutcome | { readonly status: "unseen"; readonly reason: string };

/** `arrived`: the backend has it, so that from now on its records know. */
export type Sent = PaymentOutcome & { readonly arrived?: true };

export interface PayOnceOptions {
  /** `never-sent` where the backend itself answers that it knows no such payment. */
  look(paymentHash: string): Promise<OnRecord>;
  /**
   * Hands it over, once. `failed`: the backend says that its attempt is over. `never-sent`: it was
   * not asked.
   */
  send(request: PaymentRequest): Promise<Sent>;
  /**
   * How long after it was handed over a payment may first show up in the backend's records, at
   * most.
   */
  lingerSeconds(timeoutSeconds: number): number;
  /**
   * The backend itself refuses a hash that it has paid or has under way: it is not asked
   * beforehand.
   */
  readonly refusesTwice?: true;
  /** Seconds, from a clock that only goes forward. */
  readonly now?: () => number;
}

const monotonic = () => performance.now() / 1000;

export function payOnce(options: PayOnceOptions): Pick<Payer, "pay" | "find"> {
  const { look, send, lingerSeconds, refusesTwice = false, now = monotonic } = options;
  const running = new Map<string, Promise<PaymentOutcome>>();
  /** Until when what this process handed over may still begin. */
  const lingering = new Map<string, number>();
  // A process before this one may have handed something over just before it died.
  const settled = now() + lingerSeconds(Number.MAX_SAFE_INTEGER);

  const lingers = (paymentHash: string) => now() < (lingering.get(paymentHash) ?? 0);

  async function payNow(request: PaymentRequest): Promise<PaymentOutcome> {
    const { paymentHash, timeoutSeconds } = request;
    const before = refusesTwice && !lingers(paymentHash) ? NOT_ASKED : await look(paymentHash);
    if (before.status === "paid" || before.status === "unknown") return before;
    if (lingers(paymentHash)) return { status: "unknown", reason: ON_ITS_WAY };
    if (before.status === "unseen") return { status: "never-sent", reason: before.reason };
    for (const [hash, until] of lingering) if (until < now()) lingering.delete(hash);
    lingering.set(paymentHash, now() + lingerSeconds(timeoutSeconds));
    const { arrived = false, ...sent } = await send(request);
    const outcome = sent.status === "failed" ? await afterFailure(paymentHash, sent.reason) : sent;
    // Kept, so that it is known whose try this hash's last one was.
    if (outcome.status !== "unknown" || arrived) lingering.set(paymentHash, now());
    return outcome;
  }

  /**
   * An error is what one request heard; the records know whether another part of the payment, or
   * another request, lives.
   */
  async function afterFailure(paymentHash: string, reason: string): Promise<PaymentOutcome> {
    const after = await look(paymentHash);
    if (after.status === "paid") return after;
    if (after.status === "failed" || after.status === "never-sent")
      return { status: "failed", reason };
    return { status: "unknown", reason: `${reason}; ${after.reason}` };
  }

  return {
    pay(request) {
      const { paymentHash } = request;
      const joined = running.get(paymentHash);
      if (joined !== undefined) return joined;
      const outcome = payNow(request).finally(() => running.delete(paymentHash));
      running.set(paymentHash, outcome);
      return outcome;
    },

    async find(paymentHash) {
      if (!/^[0-9a-f]{64}$/i.test(paymentHash))
        return { status: "unknown", reason: "what was asked for is no payment hash" };
      const hash = paymentHash.toLowerCase();
      const seen = await look(hash);
      if (seen.status === "unseen") return { status: "unknown", reason: seen.reason };
      if (seen.status === "paid" || seen.status === "unknown") return seen;
      if (running.has(hash)) return { status: "unknown", reason: ON_ITS_WAY };
      const own = lingering.get(hash);
      // A failure on record may be an earlier try's, with the last one still to come, unless that
      // one was ours.
      const until = seen.status === "failed" ? (own ?? settled) : Math.max(settled, own ?? 0);
      const wait = until - now();
      return wait > 0
        ? { status: "unknown", reason: ON_ITS_WAY, askAgainInSeconds: Math.ceil(wait) }
        : seen;
    },
  };
}

const NOT_ASKED: OnRecord = { status: "never-sent", reason: "" };

const ON_ITS_WAY =
  "the payment may still be on its way to the node, or be tried again: ask again in some minutes";
