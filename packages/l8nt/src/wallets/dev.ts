/**
 * The wallet of an account on the dev network (`l8nt/testing`), over its HTTP API. It needs nothing
 * but `fetch`.
 */

import { msatInRange } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { NETWORKS, type Network } from "../invoice/network.ts";
import type {
  InvoiceRequest,
  PaymentOutcome,
  PaymentRequest,
  Wallet,
  WalletFacts,
  WalletOptions,
  WalletPayment,
} from "../ports/wallet.ts";
import {
  ask,
  type Backend,
  type Call,
  exchange,
  mayDo,
  preimageOf,
  recordOf,
  timingOf,
  WALLET_KEYS,
  wholeNumber,
} from "./backend.ts";
import { readWalletUrl, type WalletUrlForm } from "./wallet-url.ts";

/** Options of {@link devWallet}. */
export interface DevWalletOptions extends WalletOptions {
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch;
}

const OPTIONS = { fetch: true, ...WALLET_KEYS } satisfies Keys<DevWalletOptions>;

const FORM: WalletUrlForm = {
  name: "the dev network",
  scheme: "dev",
  form: "dev+http://127.0.0.1:PORT/NAME?key=KEY, as DevNetwork.account and `sigil network` give it",
  params: { key: true },
};

/**
 * Returns the wallet of an account on the dev network, at `dev+http://127.0.0.1:PORT/alice?key=…`.
 * With an invoice-only key the wallet can make invoices and nothing else.
 *
 * @throws TypeError without a URL; AdapterError `ERR_WALLET` for a URL of another form
 */
export function devWallet(url: string | undefined, options: DevWalletOptions = {}): Wallet {
  checkKeys(options, OPTIONS, "a dev wallet");
  const { fetch: fetcher = (input, init) => fetch(input, init), ...time } = options;
  if (url === undefined)
    throw new TypeError(
      "a dev wallet needs the URL of an account, and got undefined: is SIGIL_WALLET set?",
    );
  const { base, header } = readWalletUrl(url, FORM);
  if (!/[^/]\/[a-z][a-z0-9-]{0,62}$/.test(base))
    throw new AdapterError(
      "ERR_WALLET",
      `The URL of ${FORM.name} does not name an account. Its form is ${FORM.form}.`,
    );
  const backend: Backend = {
    name: FORM.name,
    base,
    headers: { authorization: `Bearer ${header("key")}` },
    fetch: fetcher,
    timing: timingOf(time, "a dev wallet"),
  };

  return Object.freeze<Wallet>({
    async network(): Promise<Network> {
      const known = networkOf(await ask(backend, { method: "GET", path: "" }));
      if (known === undefined)
        throw new AdapterError("ERR_WALLET", "The dev network did not name a Bitcoin network.");
      return known;
    },

    async createInvoice({
      amountMsat,
      expirySeconds,
      description,
    }: InvoiceRequest): Promise<string> {
      const json = {
        amountMsat: amountMsat.toString(),
        expirySeconds,
        ...(description !== undefined && { description }),
      };
      const { invoice } = await ask(backend, { method: "POST", path: "/invoices", json });
      if (typeof invoice !== "string")
        throw new AdapterError("ERR_WALLET", "The dev network made no invoice.");
      return invoice;
    },

    async pay({
      invoice,
      amountMsat,
      maxFeeMsat,
      timeoutSeconds,
    }: PaymentRequest): Promise<PaymentOutcome> {
      const json = {
        invoice,
        amountMsat: amountMsat.toString(),
        maxFeeMsat: maxFeeMsat.toString(),
        timeoutSeconds,
      };
      const answer = await exchange(backend, {
        method: "POST",
        path: "/payments",
        json,
        seconds: timeoutSeconds,
      });
      if (answer.got === "nothing")
        return { status: answer.sent ? "unknown" : "never-sent", reason: answer.reason };
      // The network looks at the key and at the form of a request before it touches money.
      if (answer.status === 403)
        return { status: "failed", reason: "this wallet's URL can only make invoices (HTTP 403)" };
      if (answer.status === 400 || answer.status === 401)
        return { status: "failed", reason: `the dev network refused (HTTP ${answer.status})` };
      return readOutcome(answer.status, answer.body);
    },

    async find(paymentHash: string): Promise<PaymentOutcome> {
      const path = `/payments/${encodeURIComponent(paymentHash)}`;
      const answer = await exchange(backend, { method: "GET", path });
      // A look-up that was never sent says nothing about the payment. A network that does not know
      // this key cannot know what became of its payments. [case 59]
      if (answer.got === "nothing") return { status: "unknown", reason: answer.reason };
      return readOutcome(answer.status, answer.body);
    },

    async paidSince(at: number): Promise<readonly WalletPayment[]> {
      const { payments } = await ask(backend, { method: "GET", path: `/paid/${Math.floor(at)}` });
      if (!Array.isArray(payments))
        throw new AdapterError("ERR_WALLET", "The dev network's list of payments cannot be read.");
      return payments.map((payment: Record<string, unknown>) => ({
        paymentHash: String(payment.paymentHash),
        amountMsat: BigInt(String(payment.amountMsat)),
        feeMsat: BigInt(String(payment.feeMsat)),
        at: Number(payment.at),
      }));
    },

    async examine(): Promise<WalletFacts> {
      const account = await ask(backend, { method: "GET", path: "" });
      const [pay, find, invoice] = await Promise.all(
        TRIALS.map((trial) => mayDo(backend, trial, { yes: [200, 400], no: [403] })),
      );
      const network = networkOf(account);
      const spendableMsat = wholeNumber(account.balanceMsat);
      return {
        software: "the dev network of l8nt",
        rights: { pay: pay!, find: find!, invoice: invoice! },
        limits: [],
        ...(network !== undefined && { network }),
        ...(typeof account.clock === "number" && { clock: account.clock }),
        ...(spendableMsat !== undefined && { spendableMsat }),
      };
    },
  });
}

/**
 * Requests that can have no effect: a payment without an invoice, an unknown hash, an invoice
 * without an amount. The network checks the key first, so that a 400 proves the right to make the
 * request.
 */
const TRIALS: readonly Call[] = [
  { method: "POST", path: "/payments", json: {} },
  { method: "GET", path: `/payments/${"00".repeat(32)}` },
  { method: "POST", path: "/invoices", json: {} },
];

const networkOf = ({ network }: Record<string, unknown>): Network | undefined =>
  NETWORKS.find((name) => name === network);

/** Any answer that is not exactly an outcome is unknown: money may have moved. */
function readOutcome(status: number, answer: unknown): PaymentOutcome {
  const body = recordOf(answer);
  if (status !== 200)
    return { status: "unknown", reason: `the dev network answered HTTP ${status}` };
  const reason = typeof body.reason === "string" ? body.reason : "";
  if (body.status === "paid") {
    const { feeMsat: fee } = body;
    const preimage = preimageOf(body.preimage);
    const feeMsat =
      typeof fee === "string" && /^[0-9]{1,19}$/.test(fee) ? msatInRange(BigInt(fee)) : undefined;
    if (preimage !== undefined && feeMsat !== undefined)
      return { status: "paid", preimage, feeMsat };
  }
  if (body.status === "failed" || body.status === "never-sent")
    return { status: body.status, reason };
  return { status: "unknown", reason: reason || "the dev network's answer cannot be read" };
}
