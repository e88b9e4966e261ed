/**
 * Core Lightning, over clnrest: every method is `POST /v1/METHOD` with the rune in a header. HTTP
 * 201 is an answer, 500 the node's own error, 401 a rune that may not (`plugins/rest-plugin/src`
 * and `doc/schemas` of ElementsProject/lightning, v25.09 to v26.06).
 */
import { AdapterError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Invoice, type Network } from "../invoice/index.ts";
import type { PaymentOutcome, PaymentRequest, Wallet } from "../ports/wallet.ts";
import {
  ask,
  askTheTime,
  type Backend,
  type Exchange,
  exchange,
  fetchTrusting,
  noAnswer,
  recordOf,
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
  form: "cln+https://HOST:3010?rune=…&cert=… (its clnrest; cert= is the ca.pem beside its certificates)",
  params: { rune: true, cert: false },
};

/**
 * The node is never told to try for longer, so that a failure on its record is final once that long
 * has passed.
 */
const MAX_TRY_SECONDS = 300;
/** xpay makes its first attempt even past its time, and looks for ways before it. */
const SLOW_START_SECONDS = 60;

const trySeconds = (timeoutSeconds: number) =>
  Math.min(Math.max(Math.ceil(timeoutSeconds), 1), MAX_TRY_SECONDS);

/**
 * A wallet of Core Lightning, from `cln+https://HOST:3010?rune=…&cert=…`, with what the rune
 * permits.
 *
 * @throws AdapterError `ERR_WALLET` where the URL is none of Core Lightning's
 */
export function clnWallet(url: string): Wallet {
  const { base, text, header } = readWalletUrl(url, FORM);
  const rune = header("rune");
  const backend: Backend = {
    name: FORM.name,
    base: `${base}/v1`,
    headers: { rune },
    fetch: fetchTrusting(text("cert"), FORM.name),
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
    // Before v24.11 there is no xpay, and in its place a pay that takes the same limits.
    return readSent(isNoSuchCommand(answer) ? await pay("pay", "bolt11") : answer);
  }

  /**
   * A request that is wrong in itself: a rune that permits it lets it through to the node, which
   * refuses it.
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
      // Also because listpays says `failed` between two tries of one xpay.
      // https://github.com/ElementsProject/lightning/issues/9036
      lingerSeconds: (timeoutSeconds) => trySeconds(timeoutSeconds) + SLOW_START_SECONDS,
    }),

    async network(): Promise<Network> {
      const network = networkOf((await info()).body);
      if (network === undefined)
        throw unusable("Core Lightning is on a chain that is not known here");
      return network;
    },

    async identity(): Promise<string> {
      const { id } = (await info()).body;
      if (typeof id !== "string") throw unusable("Core Lightning does not say which node it is");
      return id;
    },

    async createInvoice({ amountMsat, expirySeconds, description = "" }) {
      if (amountMsat <= 0n) throw unusable("Core Lightning makes invoices of 1 msat and more");
      // The label must be new; nobody but the node sees it.
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
 * An invoice that expired in 2020, of a payee that nobody is: every node refuses it before it looks
 * for a way (code 207). It is a whole invoice, because a rune may permit some by what is in them;
 * with no network that is known, it is not even that.
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
  `Core Lightning is never told to try for longer than ${MAX_TRY_SECONDS} seconds, and a part that is stuck on its way may take longer than that.`,
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
  // An error with a code is the end of the command: it starts no further part. Without one, the
  // command itself may live on, as where clnrest lost its own connection to the node.
  const isOver = codeOf(body) !== undefined || status === 401 || status === 403;
  return { status: isOver ? "failed" : "unknown", reason: whyNot(status, body) };
}
