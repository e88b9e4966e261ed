/**
 * A wallet that speaks Nostr Wallet Connect, such as Alby Hub: it pays and makes invoices through a
 * relay. NIP-47.
 */
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { lazily } from "../internal/lazily.ts";
import { Lru } from "../internal/lru.ts";
import { Invoice } from "../invoice/index.ts";
import { systemClock, systemSleep } from "../ports/clock.ts";
import type {
  InvoiceRequest,
  Network,
  PaymentOutcome,
  PaymentRequest,
  Wallet,
  WalletFacts,
  WalletOptions,
  WalletPayment,
} from "../ports/wallet.ts";
import { preimageOf, recordOf, WALLET_KEYS, wholeNumber } from "./backend.ts";
import { type Answer, NAME, NwcService, readNwcUrl } from "./nwc-service.ts";
import { feeOf, outcomeOf, paymentOf } from "./nwc-transaction.ts";

/** Options of {@link nwcWallet}. */
export interface NwcWalletOptions extends WalletOptions {
  /** @default the global `WebSocket`, which Node has from version 22 on */
  readonly webSocket?: typeof WebSocket;
}

const OPTIONS = { webSocket: true, ...WALLET_KEYS } satisfies Keys<NwcWalletOptions>;

const NETWORK_NAMES: Readonly<Record<string, Network>> = {
  mainnet: "bc",
  testnet: "tb",
  signet: "tbs",
  regtest: "bcrt",
};

/** Error codes of a refusal before any attempt to pay, and what to do. */
const REFUSALS: Readonly<Record<string, string>> = {
  INSUFFICIENT_BALANCE: "has too little to spend for this",
  QUOTA_EXCEEDED:
    "says that this connection's budget is used up: raise it there, or wait until it is renewed",
  RESTRICTED: "does not let this connection do that: give it the permission there",
  UNAUTHORIZED: "knows no wallet for this connection: make a new connection there, and use its URL",
  RATE_LIMITED: "is asked too often: try again in a few seconds",
  NOT_IMPLEMENTED: "does not offer that",
  // The service could not read the request, and so did nothing.
  UNSUPPORTED_ENCRYPTION: "no longer reads the encryption that it announced: try again",
};

const LIMITS: readonly string[] = [
  "Nostr Wallet Connect takes no fee cap: the wallet decides what routing may cost, and the treasury records what it cost.",
  "It takes no time-out: after the treasury's own, a payment counts as unknown until the wallet's look-up says paid or failed.",
  "It cannot prove that a request was never received: a payment that the wallet's look-up does not find stays open, and its amount reserved.",
  "If the wallet does not say what routing cost, the fee is recorded as 0.",
];

const NO_LIST =
  "This connection cannot list its payments (list_transactions): a payment that the treasury did not record would not be noticed.";

const NEEDED_OR_HARMLESS = new Set([
  ...["pay_invoice", "lookup_invoice", "make_invoice", "list_transactions"],
  ...["get_info", "get_balance", "get_budget", "notifications"],
]);

/** The result of a look-up: `unseen` if it was not possible, or was refused. */
type Seen =
  | PaymentOutcome
  | { readonly status: "absent"; readonly reason: string }
  | { readonly status: "unseen"; readonly reason: string };

const NOT_ASKED: Seen = { status: "absent", reason: "" };

/** How many sent payments are remembered. */
const REMEMBERED = 10_000;
const PAGE = 20;
const MAX_PAGES = 500;

/**
 * Returns the wallet of a Nostr Wallet Connect URL, as the wallet shows it for a new connection:
 * `nostr+walletconnect://PUBKEY?relay=wss://…&secret=…`. `secret` may also be `env:NAME` or a file.
 * It connects for each request, and disconnects a second after the last one. Needs the package
 * `nostr-tools`.
 *
 * @throws TypeError without a URL; AdapterError `ERR_WALLET` for a URL of another form, or without
 * WebSocket
 */
export function nwcWallet(url: string | undefined, options: NwcWalletOptions = {}): Wallet {
  checkKeys(options, OPTIONS, "an NWC wallet");
  if (url === undefined)
    throw new TypeError(
      "an NWC wallet needs the URL of a connection, and got undefined: is SIGIL_WALLET set?",
    );
  const webSocket = options.webSocket ?? globalThis.WebSocket;
  const parsed = readNwcUrl(url);
  if (webSocket === undefined)
    throw new AdapterError(
      "ERR_WALLET",
      "Nostr Wallet Connect needs WebSocket, which this runtime does not have: use Node 22 or later, or start Node 20 with --experimental-websocket.",
    );
  const { clock = systemClock, sleep = systemSleep } = options;
  const service = new NwcService(parsed, { webSocket, clock, sleep });
  const inFlight = new Map<string, Promise<PaymentOutcome>>();
  const sent = new Lru<string, true>(REMEMBERED);
  let hello = lazily(greet);

  async function ask(method: string, params: object): Promise<Record<string, unknown>> {
    const answer = await service.ask(method, params);
    if (answer.got === "result") return answer.result;
    throw fault(reasonOf(answer, method), answer.got === "nothing" ? answer.cause : undefined);
  }

  async function greet(): Promise<{
    readonly info: Record<string, unknown>;
    readonly methods: readonly unknown[];
  }> {
    const info = await ask("get_info", {});
    // `info.methods` are those of this connection; the service announces the same for all.
    return {
      info,
      methods: Array.isArray(info.methods) ? info.methods : (await service.announced()).methods,
    };
  }

  async function network(): Promise<Network> {
    const known = networkOf((await hello()).info);
    if (known !== undefined) return known;
    throw fault(
      `${NAME} does not say which Bitcoin network it is on: give this connection the permission get_info in the wallet; if it has the permission, use a wallet that names mainnet, testnet, signet or regtest`,
    );
  }

  /** The reason not to send a payment of this invoice; undefined if it may be sent. */
  async function obstacle(invoice: string): Promise<string | undefined> {
    try {
      // NIP-47 does not have an error for another network: the payment would stay unknown. [case
      // 66]
      if (Invoice.decode(invoice).network !== (await network()))
        return "the invoice is for another network";
      const lacking = ({ methods }: Awaited<ReturnType<typeof greet>>) =>
        ["pay_invoice", "lookup_invoice"].filter((method) => !methods.includes(method));
      if (lacking(await hello()).length === 0) return undefined;
      // The owner may have given the permission since.
      hello = lazily(greet);
      const missing = lacking(await hello());
      // Without lookup_invoice, every payment whose reply was lost would stay unknown.
      return missing.length === 0
        ? undefined
        : `this connection may not ${missing.join(" and ")}: give it the permission in the wallet`;
    } catch (error) {
      return error instanceof AdapterError ? error.message : "the invoice cannot be read";
    }
  }

  async function pay({
    invoice,
    paymentHash,
    timeoutSeconds,
    again,
  }: PaymentRequest): Promise<PaymentOutcome> {
    // A hash that was sent is only looked up: no payment is sent twice.
    if (sent.get(paymentHash) !== undefined) return find(paymentHash);
    const reason = await obstacle(invoice);
    if (reason !== undefined) return { status: "never-sent", reason };
    // A payment that the wallet has on record as failed is not tried again: the look-up cannot tell
    // two attempts apart, and the old "failed" would be read as the end of the new attempt.
    const before = again === true ? await look(paymentHash) : NOT_ASKED;
    if (before.status === "unseen") return { status: "never-sent", reason: before.reason };
    if (before.status !== "absent") return before;
    sent.set(paymentHash, true);
    const answer = await service.ask(
      "pay_invoice",
      { invoice },
      { seconds: timeoutSeconds, once: true },
    );
    if (answer.got === "nothing" ? !answer.sent : isRefusal(answer)) sent.delete(paymentHash);
    return judge(answer, paymentHash);
  }

  async function judge(answer: Answer, paymentHash: string): Promise<PaymentOutcome> {
    // A refusal by a relay proves nothing: relays may forward an event and then fail to store it,
    // and their messages are not signed.
    if (answer.got === "nothing")
      return { status: answer.sent ? "unknown" : "never-sent", reason: answer.reason };
    if (answer.got === "error") {
      const reason = reasonOf(answer, "pay_invoice");
      if (isRefusal(answer)) return { status: "failed", reason };
      // PAYMENT_FAILED may be a time-out (NIP-47), and INTERNAL anything (in Alby Hub, every failed
      // payment). Only a record of failure is an end: a payment without a record may still be under
      // way, or yet to begin.
      const found = await find(paymentHash);
      return found.status === "unknown"
        ? { status: "unknown", reason: `${reason}; ${found.reason}` }
        : found;
    }
    const preimage = preimageOf(answer.result.preimage);
    if (preimage === undefined) return find(paymentHash);
    const told = feeOf(answer.result);
    if (told !== undefined) return { status: "paid", preimage, feeMsat: told };
    const found = await find(paymentHash);
    return { status: "paid", preimage, feeMsat: found.status === "paid" ? found.feeMsat : 0n };
  }

  async function look(paymentHash: string): Promise<Seen> {
    const answer = await service.ask("lookup_invoice", { payment_hash: paymentHash });
    if (answer.got === "result") return outcomeOf(answer.result, paymentHash);
    if (answer.got === "nothing") return { status: "unseen", reason: answer.reason };
    return answer.code === "NOT_FOUND"
      ? { status: "absent", reason: `${NAME} knows no such payment yet` }
      : { status: "unseen", reason: reasonOf(answer, "lookup_invoice") };
  }

  async function find(paymentHash: string): Promise<PaymentOutcome> {
    const seen = await look(paymentHash);
    // NOT_FOUND proves nothing either. A relay may keep a request and deliver it later (Alby Hub
    // accepts it for hours), and many services search only their own invoices. Only `pay` returns
    // never-sent. [case 59]
    return seen.status === "absent" || seen.status === "unseen"
      ? { status: "unknown", reason: seen.reason }
      : seen;
  }

  return Object.freeze<Wallet>({
    network,
    find,

    async pay(request: PaymentRequest): Promise<PaymentOutcome> {
      const { paymentHash } = request;
      const open = inFlight.get(paymentHash);
      if (open !== undefined) return open;
      const payment = pay(request).finally(() => inFlight.delete(paymentHash));
      inFlight.set(paymentHash, payment);
      return payment;
    },

    async createInvoice({
      amountMsat,
      expirySeconds,
      description,
    }: InvoiceRequest): Promise<string> {
      if (amountMsat <= 0n || amountMsat > Number.MAX_SAFE_INTEGER)
        throw fault("an invoice must be for 1 msat or more, and at most 2^53 - 1 msat");
      const { invoice } = await ask("make_invoice", {
        amount: Number(amountMsat),
        expiry: expirySeconds,
        ...(description !== undefined && { description }),
      });
      // A wallet that counts in sat rounds the amount without an error.
      if (amountOf(invoice) !== amountMsat)
        throw fault(`${NAME} made no invoice, or one for another amount`);
      return invoice as string;
    },

    async paidSince(at: number): Promise<readonly WalletPayment[]> {
      // By what tells one transaction from another: they have no id, and pages may overlap.
      const seen = new Map<string, WalletPayment | undefined>();
      let offset = 0;
      for (let page = 0; page < MAX_PAGES; page++) {
        const asked = { from: Math.floor(at), limit: PAGE, offset, type: "outgoing" };
        const { transactions } = await ask("list_transactions", asked);
        if (!Array.isArray(transactions))
          throw fault(`${NAME} gave a list of payments that cannot be read`);
        const before = seen.size;
        // Pages may be shorter than requested.
        offset += transactions.length;
        for (const transaction of transactions.map(recordOf)) {
          const { payment_hash: hash, created_at: createdAt, amount, state } = transaction;
          seen.set(JSON.stringify([hash, createdAt, amount, state]), paymentOf(transaction));
        }
        // Nothing new: the end, or a service that ignores `offset`.
        if (seen.size === before)
          return [...seen.values()].filter(
            (payment): payment is WalletPayment => payment !== undefined && !(payment.at < at),
          );
      }
      throw fault(`${NAME} gave a list of payments without an end`);
    },

    async identity(): Promise<string> {
      return identityOf(service.pubkey, (await hello()).info);
    },

    async examine(): Promise<WalletFacts> {
      const announced = await service.announced();
      const answer = await service.ask("get_info", {});
      if (answer.got === "nothing") throw fault(answer.reason, answer.cause);
      const info = answer.got === "result" ? answer.result : {};
      const methods: readonly unknown[] = Array.isArray(info.methods)
        ? info.methods
        : announced.methods;
      const excess = methods.filter(
        (method) => typeof method === "string" && !NEEDED_OR_HARMLESS.has(method),
      );
      const network = networkOf(info);
      const balance = methods.includes("get_balance")
        ? await service.ask("get_balance", {})
        : undefined;
      const spendableMsat =
        balance?.got === "result" ? wholeNumber(balance.result.balance) : undefined;
      const cannotList = methods.includes("list_transactions") ? [] : [NO_LIST];
      return {
        software: nameOf(info),
        rights: {
          pay: methods.includes("pay_invoice"),
          find: methods.includes("lookup_invoice"),
          invoice: methods.includes("make_invoice"),
        },
        limits: [...LIMITS, ...cannotList],
        ...(excess.length > 0 && { excess: excess.map((method) => printable(method)) }),
        ...(network !== undefined && { network, identity: identityOf(service.pubkey, info) }),
        ...(answer.got === "result" && { clock: answer.clock }),
        ...(spendableMsat !== undefined && { spendableMsat }),
      };
    },
  });
}

const fault = (why: string, cause?: unknown) =>
  new AdapterError("ERR_WALLET", `The wallet cannot be used: ${why}.`, { cause });

const isRefusal = (answer: Answer): boolean =>
  answer.got === "error" && Object.hasOwn(REFUSALS, answer.code);

/** Leaves out the service's own message, which may quote the request. */
function reasonOf(answer: Exclude<Answer, { got: "result" }>, method: string): string {
  if (answer.got === "nothing") return answer.reason;
  const { code } = answer;
  const why = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : `gives ${code} as its reason`;
  return `${NAME} refused ${method}: it ${why}`;
}

function amountOf(invoice: unknown): bigint | undefined {
  try {
    return typeof invoice === "string" ? Invoice.decode(invoice).amountMsat : undefined;
  } catch {
    return undefined;
  }
}

const networkOf = ({ network }: Record<string, unknown>): Network | undefined =>
  typeof network === "string" && Object.hasOwn(NETWORK_NAMES, network)
    ? NETWORK_NAMES[network]
    : undefined;

const identityOf = (servicePubkey: string, { pubkey }: Record<string, unknown>): string =>
  typeof pubkey === "string" && /^[0-9a-f]{64,66}$/i.test(pubkey)
    ? `${servicePubkey} ${pubkey.toLowerCase()}`
    : servicePubkey;

const nameOf = ({ alias }: Record<string, unknown>): string =>
  typeof alias === "string" && alias !== ""
    ? `${printable(alias)}, over Nostr Wallet Connect`
    : "Nostr Wallet Connect";

/** Makes untrusted text safe for one line of a terminal. */
const printable = (text: unknown): string =>
  String(text)
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .slice(0, 60);
