/**
 * Pays each hash at most once over HTTP, where a request may reach the backend after its answer was
 * lost. A payment that the backend may still try is never reported as ended. [cases 56-59, 75]
 */
import type { Clock } from "../ports/clock.ts";
import type { Payer, PaymentOutcome, PaymentRequest } from "../ports/wallet.ts";

/** The backend's record of a hash now; `unseen` if it could not be read. */
export type OnRecord = PaymentOutcome | { readonly status: "unseen"; readonly reason: string };

/**
 * `arrived`: the backend has recorded the payment, so that its records are complete from now on.
 */
export type Sent = PaymentOutcome & { readonly arrived?: true };

export interface PayOnceOptions {
  /** Reads the record. `never-sent` if the backend answers that it knows no such payment. */
  look(paymentHash: string): Promise<OnRecord>;
  /**
   * Asks the backend to pay. `failed`: the backend says that its attempt ended. `never-sent`: the
   * backend was not asked.
   */
  send(request: PaymentRequest): Promise<Sent>;
  /**
   * The longest time after `send` at which a payment may first appear in the backend's records, or
   * be tried again.
   */
  lingerSeconds(timeoutSeconds: number): number;
  /**
   * The backend itself refuses a hash that it has paid or is paying, so that no look-up is needed
   * before `send`.
   */
  readonly refusesTwice?: true;
  /** Seconds, from a clock that only goes forward. */
  readonly clock: Clock;
}

export function payOnce(options: PayOnceOptions): Pick<Payer, "pay" | "find"> {
  const { look, send, lingerSeconds, refusesTwice = false, clock: now } = options;
  const running = new Map<string, Promise<PaymentOutcome>>();
  /** By hash: until when a payment that this process sent may still begin. */
  const lingering = new Map<string, number>();
  // An earlier process may have sent a payment just before it died.
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
    // The entry stays: it tells `find` that this process sent the last attempt.
    if (outcome.status !== "unknown" || arrived) lingering.set(paymentHash, now());
    return outcome;
  }

  /**
   * An error is about one request. Only the records tell whether another part of the payment, or
   * another request for it, is still under way.
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
        return { status: "unknown", reason: "the text is not a payment hash" };
      const hash = paymentHash.toLowerCase();
      const seen = await look(hash);
      if (seen.status === "unseen") return { status: "unknown", reason: seen.reason };
      if (seen.status === "paid" || seen.status === "unknown") return seen;
      if (running.has(hash)) return { status: "unknown", reason: ON_ITS_WAY };
      const own = lingering.get(hash);
      // A failure on record may belong to an earlier attempt, with the last one still on its way,
      // unless this process sent the last one.
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
  "the payment may still be on its way to the node, or be tried again: ask again in a few minutes";
