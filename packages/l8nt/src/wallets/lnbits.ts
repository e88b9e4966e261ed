/**
 * The wallet of an LNbits account, which the operator of the server holds in custody. lnbits/lnbits
 * v1.x, `core/views/payment_api.py`, `core/services/payments.py`, `core/models/payments.py`;
 * amounts and fees are msat, negative for outgoing payments.
 */
import { AdapterError } from "../errors.ts";
import type { Network } from "../invoice/network.ts";
import { readInvoice } from "../invoice/read.ts";
import type {
  PaymentOutcome,
  PaymentRequest,
  Wallet,
  WalletOptions,
  WalletPayment,
} from "../ports/wallet.ts";
import {
  ask,
  type Backend,
  type Call,
  exchange,
  fetchTrusting,
  mayDo,
  recordOf,
  timingOf,
  wholeMsat,
  wholeNumber,
} from "./backend.ts";
import {
  explain,
  givesPreimages,
  paymentsOf,
  readPage,
  readPayment,
  whyNot,
} from "./lnbits-answers.ts";
import { type OnRecord, payOnce, type Sent } from "./pay-once.ts";
import { readWalletUrl, type WalletUrlForm } from "./wallet-url.ts";
import { wholeSatoshi } from "./whole-satoshi.ts";

const FORM: WalletUrlForm = {
  name: "LNbits",
  scheme: "lnbits",
  form: "lnbits+https://HOST?key=… (the wallet's admin key for a treasury, its invoice key for a service)",
  params: { key: true, cert: false },
};

/** LNbits handles the payments of one wallet in turn, and records each only then. */
const LINGER_SECONDS = 60;
const POLL_SECONDS = 0.5;
const PAGE = 100;
const PAYMENTS = "/api/v1/payments";
/**
 * Statuses of LNbits itself. An error of the server (500), or of a proxy in front of it (408, 5xx),
 * says nothing about the payment.
 */
const REFUSALS = new Set([400, 401, 403, 404, 422, 429]);
/** A 520 of LNbits itself has a status in its body. */
const isFailed = (body: unknown) => recordOf(body).status === "failed";

/**
 * Returns the wallet of an LNbits account at `lnbits+https://HOST?key=…`. With an invoice key the
 * wallet can make invoices but not pay.
 *
 * @throws AdapterError `ERR_WALLET` for a URL of another form
 */
export function lnbitsWallet(url: string, options: WalletOptions = {}): Wallet {
  const timing = timingOf(options, "an LNbits wallet");
  const { base, text, header } = readWalletUrl(url, FORM);
  const backend: Backend = {
    name: FORM.name,
    base,
    headers: { "x-api-key": header("key") },
    fetch: fetchTrusting(text("cert"), FORM.name),
    timing,
    explain,
  };
  let network: Promise<Network> | undefined;

  /**
   * Reads the list of this wallet's payments, because `GET /payments/HASH` also answers 404 to an
   * unknown key.
   */
  async function look(paymentHash: string): Promise<OnRecord> {
    const path = `${PAYMENTS}/paginated?payment_hash=${paymentHash}&recheck_pending=true&limit=${PAGE}`;
    const answer = await exchange(backend, { method: "GET", path });
    if (answer.got === "nothing") return { status: "unseen", reason: answer.reason };
    if (answer.status !== 200)
      return { status: "unseen", reason: whyNot(answer.status, answer.body) };
    return readPage(answer.body, paymentHash);
  }

  async function send(request: PaymentRequest): Promise<Sent> {
    const { invoice, maxFeeMsat, timeoutSeconds, paymentHash } = request;
    // LNbits takes no fee cap. It limits its node to this reserve, which needs no key to read.
    const path = `${PAYMENTS}/fee-reserve?invoice=${encodeURIComponent(invoice)}`;
    const reserve = await exchange(backend, { method: "GET", path });
    if (reserve.got === "nothing") return { status: "never-sent", reason: reserve.reason };
    const feeMsat = wholeMsat(recordOf(reserve.body).fee_reserve);
    if (reserve.status !== 200 || feeMsat === undefined)
      return { status: "never-sent", reason: "LNbits did not state the fee that it reserves" };
    if (feeMsat > maxFeeMsat)
      return {
        status: "never-sent",
        reason: `LNbits reserves a fee of ${feeMsat} msat, above the fee cap`,
      };
    const until = timing.clock() + timeoutSeconds;
    const json = { out: true, bolt11: invoice };
    const answer = await exchange(backend, {
      method: "POST",
      path: PAYMENTS,
      json,
      seconds: timeoutSeconds,
    });
    if (answer.got === "nothing")
      return { status: answer.sent ? "unknown" : "never-sent", reason: answer.reason };
    if (answer.status < 200 || answer.status > 299) {
      const reason = whyNot(answer.status, answer.body);
      if (REFUSALS.has(answer.status) || (answer.status === 520 && isFailed(answer.body)))
        return { status: "failed", reason };
      // The status of "Payment already paid" is 520 too.
      const seen = await look(paymentHash);
      return seen.status === "paid" ? seen : { status: "unknown", reason };
    }
    if (recordOf(answer.body).status !== "pending") return readPayment(recordOf(answer.body));
    return { ...(await follow(paymentHash, until)), arrived: true };
  }

  /** Waits for the end of a payment: LNbits answers after 5 seconds, and goes on paying. */
  async function follow(paymentHash: string, until: number): Promise<PaymentOutcome> {
    for (;;) {
      const seen = await look(paymentHash);
      if (seen.status === "paid" || seen.status === "failed") return seen;
      if (timing.clock() + POLL_SECONDS > until) return { status: "unknown", reason: seen.reason };
      await timing.sleep(POLL_SECONDS);
    }
  }

  async function createInvoice(
    amountMsat: bigint,
    expirySeconds: number,
    memo: string,
  ): Promise<string> {
    const amount = Number(wholeSatoshi(amountMsat, FORM.name));
    const json = { out: false, unit: "sat", amount, memo, expiry: expirySeconds };
    const body = await ask(backend, { method: "POST", path: PAYMENTS, json });
    const invoice = body.bolt11 ?? body.payment_request;
    if (typeof invoice !== "string" || readInvoice(invoice).invoice.amountMsat !== amountMsat)
      throw unusable("LNbits made no invoice of this amount");
    return invoice;
  }

  /**
   * Reads the network from an invoice, because LNbits does not state it. The invoice is made once,
   * and given to no one.
   */
  function networkOf(): Promise<Network> {
    network ??= createInvoice(1_000n, 60, "which network is this")
      .then((invoice) => readInvoice(invoice).invoice.network)
      .catch((error: unknown) => {
        network = undefined;
        throw error;
      });
    return network;
  }

  return Object.freeze<Wallet>({
    ...payOnce({ look, send, lingerSeconds: () => LINGER_SECONDS, clock: timing.clock }),

    network: networkOf,

    async identity(): Promise<string> {
      const { id } = await ask(backend, { method: "GET", path: "/api/v1/wallet" });
      if (typeof id !== "string")
        throw unusable("LNbits does not state the wallet's id to an invoice key");
      return id;
    },

    createInvoice: ({ amountMsat, expirySeconds, description = "" }) =>
      createInvoice(amountMsat, expirySeconds, description),

    async paidSince(at): Promise<readonly WalletPayment[]> {
      const since = encodeURIComponent(new Date(Math.floor(at) * 1000).toISOString());
      const found: WalletPayment[] = [];
      for (let offset = 0; ; offset += PAGE) {
        const query = `status=success&time[ge]=${since}&limit=${PAGE}&offset=${offset}&sortby=time&direction=asc`;
        const { data } = await ask(backend, {
          method: "GET",
          path: `${PAYMENTS}/paginated?${query}`,
        });
        if (!Array.isArray(data)) throw unusable("LNbits did not list its payments");
        found.push(...paymentsOf(data, at));
        if (data.length < PAGE) return found;
      }
    },

    async examine() {
      const wallet = await ask(backend, { method: "GET", path: "/api/v1/wallet" });
      const [pay, find, invoice] = await Promise.all(
        TRIALS.map((trial) => mayDo(backend, trial, VERDICT)),
      );
      const path = `${PAYMENTS}/paginated?status=success&limit=${PAGE}&sortby=time&direction=desc`;
      const gives = givesPreimages((await ask(backend, { method: "GET", path })).data);
      if (pay && gives === false)
        throw unusable(
          "the node behind this LNbits gives no preimages of its payments, and without them nothing can be bought",
        );
      const health = await exchange(backend, { method: "GET", path: "/api/v1/health" });
      const time =
        health.got === "answer" ? wholeNumber(recordOf(health.body).server_time) : undefined;
      const spendableMsat = wholeNumber(wallet.balance);
      return {
        software: "LNbits (which states its version to admins only)",
        network: await networkOf(),
        rights: { pay: pay!, find: find!, invoice: invoice! },
        limits: LIMITS,
        ...(gives === undefined && { preimagesUntried: true as const }),
        ...(typeof wallet.id === "string" && { identity: wallet.id }),
        ...(time !== undefined && { clock: Number(time) }),
        ...(spendableMsat !== undefined && { spendableMsat }),
      };
    },
  });
}

const unusable = (why: string) =>
  new AdapterError("ERR_WALLET", `The wallet cannot be used: ${why}.`);

/**
 * Requests that can have no effect: a payment without an invoice, an unknown hash, an invoice of 0
 * sat. LNbits checks the key first.
 */
const TRIALS: readonly Call[] = [
  { method: "POST", path: PAYMENTS, json: { out: true } },
  { method: "GET", path: `${PAYMENTS}/paginated?payment_hash=${"00".repeat(32)}&limit=1` },
  { method: "POST", path: PAYMENTS, json: { out: false, unit: "sat", amount: 0 } },
];
const VERDICT = { yes: [200, 400, 520], no: [401, 403] };

const LIMITS: readonly string[] = [
  "LNbits holds the money: the balance is a promise of the server's operator.",
  "LNbits takes no fee cap: a payment is not sent if the fee that LNbits reserves is above the cap.",
  "LNbits takes no time-out: a payment may stay in flight for longer than asked.",
  "LNbits calls a payment failed, and does not charge it, even if its own node gave no clear answer.",
  "Whether LNbits returns a preimage depends on the node behind it: OpenNode, for example, gives none, and no L402 can be bought with it.",
  "LNbits makes invoices of whole satoshi only.",
];
