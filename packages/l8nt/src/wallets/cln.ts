/**
 * The wallet of a Core Lightning node, over clnrest: every method is `POST /v1/METHOD` with the
 * rune in a header. HTTP 201 is an answer, 500 an error of the node, 401 a rune without the
 * permission (`plugins/rest-plugin/src` and `doc/schemas` of ElementsProject/lightning, v25.09 to
 * v26.06).
 */
import { AdapterError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Invoice, type Network } from "../invoice/index.ts";
import type { PaymentOutcome, PaymentRequest, Wallet, WalletOptions } from "../ports/wallet.ts";
import {
  ask,
  askTheTime,
  type Backend,
  type Exchange,
  exchange,
  fetchTrusting,
  noAnswer,
  recordOf,
  timingOf,
} from "./backend.ts";
import {
  channelsOf,
  codeOf,
  explain,
  isSynced,
  networkOf,
  paidOf,
  paymentsOf,
  readPays,
  whyNot,
} from "./cln-answers.ts";
import { excessOf } from "./cln-rune.ts";
import { type OnRecord, payOnce } from "./pay-once.ts";
import { readWalletUrl, type WalletUrlForm } from "./wallet-url.ts";

const FORM: WalletUrlForm = {
  name: "Core Lightning",
  scheme: "cln",
  form: "cln+https://HOST:3010?rune=…&cert=… (the address of clnrest; cert= is the ca.pem in its folder of certificates)",
  params: { rune: true, cert: false },
};

/**
 * The longest `retry_for` that the node is given, so that a failure on record is final after this
 * time.
 */
const MAX_TRY_SECONDS = 300;
/** xpay makes its first attempt even after `retry_for`, and looks for routes before it. */
const SLOW_START_SECONDS = 60;

const trySeconds = (timeoutSeconds: number) =>
  Math.min(Math.max(Math.ceil(timeoutSeconds), 1), MAX_TRY_SECONDS);

/**
 * Returns the wallet of a Core Lightning node at `cln+https://HOST:3010?rune=…&cert=…`. The rune
 * decides what the wallet may do.
 *
 * @throws AdapterError `ERR_WALLET` for a URL of another form
 */
export function clnWallet(url: string, options: WalletOptions = {}): Wallet {
  const timing = timingOf(options, "a Core Lightning wallet");
  const { base, text, header } = readWalletUrl(url, FORM);
  const rune = header("rune");
  const backend: Backend = {
    name: FORM.name,
    base: `${base}/v1`,
    headers: { rune },
    fetch: fetchTrusting(text("cert"), FORM.name),
    timing,
    explain,
  };
  const call = (method: string, json: object = {}, seconds?: number) =>
    ({
      method: "POST",
      path: `/${method}`,
      json,
      ...(seconds !== undefined && { seconds }),
    }) as const;
  const info = () => askTheTime(backend, call("getinfo"));

  async function look(paymentHash: string): Promise<OnRecord> {
    const answer = await exchange(backend, call("listpays", { payment_hash: paymentHash }));
    if (answer.got === "nothing") return { status: "unseen", reason: answer.reason };
    if (answer.status !== 201)
      return { status: "unseen", reason: whyNot(answer.status, answer.body) };
    return readPays(recordOf(answer.body).pays, paymentHash);
  }

  async function send({
    invoice,
    maxFeeMsat,
    timeoutSeconds,
  }: PaymentRequest): Promise<PaymentOutcome> {
    const limits = { maxfee: `${maxFeeMsat}msat`, retry_for: trySeconds(timeoutSeconds) };
    const pay = (method: string, invoiceParam: string) =>
      exchange(backend, call(method, { [invoiceParam]: invoice, ...limits }, timeoutSeconds));
    const answer = await pay("xpay", "invstring");
    // Nodes before v24.11 do not have xpay; their pay takes the same limits.
    return readSent(isNoSuchCommand(answer) ? await pay("pay", "bolt11") : answer);
  }

  /**
   * Whether the rune permits a method. `json` is a request that the node refuses: the error then
   * comes from the node, and not from the check of the rune.
   */
  async function mayCall(method: string, json: object): Promise<boolean> {
    const answer = await exchange(backend, call(method, json));
    if (answer.got === "answer" && (answer.status === 201 || codeOf(answer.body) !== undefined))
      return answer.status === 201 || answer.status === 500;
    throw answer.got === "nothing"
      ? noAnswer(answer)
      : unusable(whyNot(answer.status, answer.body));
  }

  return Object.freeze<Wallet>({
    ...payOnce({
      look,
      send,
      // listpays also says `failed` between two attempts of one xpay.
      // https://github.com/ElementsProject/lightning/issues/9036
      lingerSeconds: (timeoutSeconds) => trySeconds(timeoutSeconds) + SLOW_START_SECONDS,
      clock: timing.clock,
    }),

    async network(): Promise<Network> {
      const network = networkOf((await info()).body);
      if (network === undefined) throw unusable("Core Lightning is on an unknown chain");
      return network;
    },

    async identity(): Promise<string> {
      const { id } = (await info()).body;
      if (typeof id !== "string") throw unusable("Core Lightning does not say which node it is");
      return id;
    },

    async createInvoice({ amountMsat, expirySeconds, description = "" }) {
      if (amountMsat <= 0n) throw unusable("Core Lightning makes invoices of 1 msat and more");
      // Each label must be new. Only the node sees it.
      const label = `l8nt-${hexText(randomBytes(16))}`;
      const json = { amount_msat: `${amountMsat}msat`, label, description, expiry: expirySeconds };
      const { bolt11 } = await ask(backend, call("invoice", json));
      if (typeof bolt11 !== "string") throw unusable("Core Lightning made no invoice");
      return bolt11;
    },

    async paidSince(at) {
      return paymentsOf((await ask(backend, call("listpays", { status: "complete" }))).pays, at);
    },

    async examine() {
      const { body, clock } = await info();
      const network = networkOf(body);
      const invstring = unpayable(network);
      const pay =
        (await mayCall("xpay", { invstring, maxfee: "0msat", retry_for: 1 })) ||
        (await mayCall("pay", { bolt11: invstring, maxfee: "0msat", retry_for: 1 }));
      const find = await mayCall("listpays", { payment_hash: "00".repeat(32) });
      const invoice = await mayCall("invoice", {
        amount_msat: "none",
        label: "l8nt",
        description: "",
      });
      const channels = await exchange(backend, call("listpeerchannels"));
      const excess = excessOf(rune);
      return {
        software: `Core Lightning ${typeof body.version === "string" ? body.version : "of an unknown version"}`,
        rights: { pay, find, invoice },
        synced: isSynced(body),
        limits: LIMITS,
        ...(network !== undefined && { network }),
        ...(typeof body.id === "string" && { identity: body.id }),
        ...(clock !== undefined && { clock }),
        ...(excess.length > 0 && { excess }),
        ...(channels.got === "answer" &&
          channels.status === 201 &&
          channelsOf(recordOf(channels.body).channels)),
      };
    },
  });
}

/**
 * An invoice of a random payee that expired in 2020: every node refuses it before it looks for a
 * route (code 207). It is well-formed, because a rune may restrict the invoices that it permits; on
 * an unknown network, a text that is not an invoice has to do.
 */
function unpayable(network: Network | undefined): string {
  if (network === undefined) return "no-invoice";
  const fields = {
    network,
    amountMsat: 1_000n,
    timestamp: 1_600_000_000,
    expirySeconds: 60,
    features: [8, 14],
  };
  const paymentHash = hexText(randomBytes(32));
  return Invoice.encode(
    { ...fields, paymentHash, paymentSecret: paymentHash, description: "" },
    randomBytes(32),
  );
}

const LIMITS: readonly string[] = [
  `Core Lightning tries to pay for at most ${MAX_TRY_SECONDS} seconds; a part of a payment that is stuck at a node on its route may take longer.`,
];

const unusable = (why: string) =>
  new AdapterError("ERR_WALLET", `The wallet cannot be used: ${why}.`);

const isNoSuchCommand = (answer: Exchange) =>
  answer.got === "answer" && codeOf(answer.body) === -32601;

function readSent(answer: Exchange): PaymentOutcome {
  if (answer.got === "nothing")
    return { status: answer.sent ? "unknown" : "never-sent", reason: answer.reason };
  const { status, body } = answer;
  if (status === 201) return paidOf(recordOf(body), "payment_preimage");
  // An error with a code ends the command, which then starts no further part. Without a code, the
  // command may go on: clnrest may have lost its own connection to the node.
  const isOver = codeOf(body) !== undefined || status === 401 || status === 403;
  return { status: isOver ? "failed" : "unknown", reason: whyNot(status, body) };
}
