/**
 * The wallet of a phoenixd node, over its HTTP API: requests are forms, answers JSON or plain text.
 * https://phoenix.acinq.co/server/api (0.8.0), and `Api.kt` and `JsonSerializers.kt` of
 * ACINQ/phoenixd.
 */
import { AdapterError } from "../errors.ts";
import { base64Text, utf8 } from "../internal/bytes.ts";
import type { Network } from "../invoice/network.ts";
import type { PaymentRequest, Wallet, WalletOptions, WalletPayment } from "../ports/wallet.ts";
import {
  ask,
  askTheTime,
  type Backend,
  type Call,
  exchange,
  fetchTrusting,
  mayDo,
  preimageOf,
  recordOf,
  timingOf,
  wholeNumber,
} from "./backend.ts";
import { type OnRecord, payOnce } from "./pay-once.ts";
import { inboundMsat, networkOf, paymentOf, readPayment, whyNot } from "./phoenixd-answers.ts";
import { readWalletUrl, type WalletUrlForm } from "./wallet-url.ts";
import { wholeSatoshi } from "./whole-satoshi.ts";

const FORM: WalletUrlForm = {
  name: "phoenixd",
  scheme: "phoenixd",
  form: "phoenixd+http://127.0.0.1:9740?password=… (or https, with cert=… for a certificate of your own)",
  params: { password: true, cert: false },
};

/**
 * How long phoenixd may take from a request to its record of it, which it writes before it sends a
 * payment.
 */
const LINGER_SECONDS = 60;
const MAX_DESCRIPTION = 128;
const PAGE = 100;

/**
 * Returns the wallet of a phoenixd node at `phoenixd+http://127.0.0.1:9740?password=…`. With the
 * limited password the wallet can make invoices but not pay.
 *
 * @throws AdapterError `ERR_WALLET` for a URL of another form
 */
export function phoenixdWallet(url: string, options: WalletOptions = {}): Wallet {
  const timing = timingOf(options, "a phoenixd wallet");
  const { base, text } = readWalletUrl(url, FORM);
  const backend: Backend = {
    name: FORM.name,
    base,
    // The user's name is empty.
    headers: { authorization: `Basic ${base64Text(utf8(`:${text("password")}`))}` },
    fetch: fetchTrusting(text("cert"), FORM.name),
    timing,
    explain: (status) => (status === 401 ? NOT_LET_IN : undefined),
  };

  async function look(paymentHash: string): Promise<OnRecord> {
    const path = `/payments/outgoingbyhash/${paymentHash}`;
    const answer = await exchange(backend, { method: "GET", path, words: true });
    if (answer.got === "nothing") return { status: "unseen", reason: answer.reason };
    // A version without this endpoint also answers 404 ("Unknown endpoint"); only this text is
    // about the payment.
    if (answer.status === 404 && answer.body === "Not found")
      return { status: "never-sent", reason: "phoenixd knows no such payment" };
    if (answer.status !== 200)
      return {
        status: "unseen",
        reason: `phoenixd did not answer whether it paid (HTTP ${answer.status})`,
      };
    return readPayment(recordOf(answer.body), paymentHash);
  }

  async function send({
    invoice,
    paymentHash,
    amountMsat,
    maxFeeMsat,
    timeoutSeconds,
  }: PaymentRequest) {
    const published = publishedFee(amountMsat);
    if (published > maxFeeMsat)
      return neverSent(`phoenixd takes up to ${published} msat, above the fee cap`);
    const answer = await exchange(backend, {
      method: "POST",
      path: "/payinvoice",
      form: { invoice },
      seconds: timeoutSeconds,
      words: true,
    });
    if (answer.got === "nothing")
      return answer.sent ? unknown(answer.reason) : neverSent(answer.reason);
    const { paymentPreimage, routingFeeSat, reason } = recordOf(answer.body);
    const preimage = preimageOf(paymentPreimage);
    const feeSat = wholeNumber(routingFeeSat);
    if (answer.status === 200 && preimage !== undefined) {
      // The answer rounds the fee down to whole satoshi; the record has the exact fee.
      const record = await look(paymentHash);
      if (record.status === "paid") return record;
      return feeSat === undefined || feeSat < 0n
        ? unknown("phoenixd paid, but did not state the fee")
        : ({ status: "paid", preimage, feeMsat: wholeFee(feeSat, published) } as const);
    }
    if (answer.status === 401)
      return failed("phoenixd refused the password: it is not the full password");
    if (answer.status === 400) return failed("phoenixd cannot read the invoice");
    if (answer.status === 200 && typeof reason === "string") return failed(whyNot(reason));
    return unknown(`phoenixd did not state an outcome (HTTP ${answer.status})`);
  }

  const info = () => askTheTime(backend, { method: "GET", path: "/getinfo", words: true });

  return Object.freeze<Wallet>({
    ...payOnce({ look, send, lingerSeconds: () => LINGER_SECONDS, clock: timing.clock }),

    async network(): Promise<Network> {
      const network = networkOf((await info()).body);
      if (network === undefined) throw unusable("phoenixd is on an unknown chain");
      return network;
    },

    async identity(): Promise<string> {
      const { nodeId } = (await info()).body;
      if (typeof nodeId !== "string") throw unusable("phoenixd does not say which node it is");
      return nodeId;
    },

    async createInvoice({ amountMsat, expirySeconds, description = "" }) {
      const amountSat = wholeSatoshi(amountMsat, FORM.name);
      if (description.length > MAX_DESCRIPTION)
        throw unusable(`phoenixd takes descriptions of at most ${MAX_DESCRIPTION} characters`);
      const form = { amountSat, description, expirySeconds: String(expirySeconds) };
      const call: Call = { method: "POST", path: "/createinvoice", form, words: true };
      const { serialized } = await ask(backend, call);
      if (typeof serialized !== "string") throw unusable("phoenixd made no invoice");
      return serialized;
    },

    async paidSince(at): Promise<readonly WalletPayment[]> {
      const since = Math.floor(at) * 1000;
      const found: WalletPayment[] = [];
      for (let offset = 0; ; offset += PAGE) {
        const path = `/payments/outgoing?from=${since}&limit=${PAGE}&offset=${offset}`;
        const answer = await exchange(backend, { method: "GET", path, words: true });
        if (answer.got === "nothing" || answer.status !== 200 || !Array.isArray(answer.body))
          throw unusable("phoenixd did not list its payments");
        found.push(...answer.body.map(recordOf).flatMap((row) => paymentOf(row, since)));
        if (answer.body.length < PAGE) return found;
      }
    },

    async examine() {
      const { body, clock } = await info();
      const [pay, find, invoice] = await Promise.all(
        TRIALS.map((trial) => mayDo(backend, trial, VERDICT)),
      );
      const { balanceSat } = await ask(backend, {
        method: "GET",
        path: "/getbalance",
        words: true,
      });
      const spendableSat = wholeNumber(balanceSat);
      const network = networkOf(body);
      const { nodeId, version, channels } = body;
      return {
        software: `phoenixd ${typeof version === "string" ? version : "of an unknown version"}`,
        rights: { pay: pay!, find: find!, invoice: invoice! },
        synced: typeof body.blockHeight === "number",
        receivableMsat: inboundMsat(channels),
        limits: LIMITS,
        ...(network !== undefined && { network }),
        ...(typeof nodeId === "string" && { identity: nodeId }),
        ...(clock !== undefined && { clock }),
        ...(spendableSat !== undefined && { spendableMsat: spendableSat * 1000n }),
      };
    },
  });
}

const unknown = (reason: string) => ({ status: "unknown", reason }) as const;
const failed = (reason: string) => ({ status: "failed", reason }) as const;
const neverSent = (reason: string) => ({ status: "never-sent", reason }) as const;
const unusable = (why: string) =>
  new AdapterError("ERR_WALLET", `The wallet cannot be used: ${why}.`);

const NOT_LET_IN =
  "phoenixd refused the password: take http-password from its phoenix.conf for a treasury, http-password-limited-access for a service";

/**
 * The fee of every payment, because phoenixd takes no fee cap: 0.4 % and 4 sat, by
 * https://phoenix.acinq.co/faq and phoenixd's own `Lsp.kt`.
 */
const publishedFee = (amountMsat: bigint) => 4_000n + (amountMsat * 4n + 999n) / 1_000n;

/**
 * The fee before it was rounded down to whole satoshi: the published fee, if it rounds to the same;
 * else the largest fee that does.
 */
const wholeFee = (feeSat: bigint, published: bigint) =>
  published / 1000n === feeSat ? published : feeSat * 1000n + 999n;

const LIMITS: readonly string[] = [
  "phoenixd takes no fee cap: a payment is not sent if ACINQ's published fee (0.4 % and 4 sat) is above the cap, and a change of that fee would not be noticed.",
  "phoenixd takes no time-out: a payment may stay in flight for longer than asked.",
  "phoenixd makes invoices of whole satoshi only.",
];

/**
 * Requests that can have no effect: phoenixd checks password and form first, the first form lacks
 * an invoice, and the last a description.
 */
const TRIALS: readonly Call[] = [
  { method: "POST", path: "/payinvoice", form: {}, words: true },
  { method: "GET", path: `/payments/outgoingbyhash/${"00".repeat(32)}`, words: true },
  { method: "POST", path: "/createinvoice", form: {}, words: true },
];
const VERDICT = { yes: [200, 400, 404], no: [401] };
