/**
 * Stands in for Core Lightning's clnrest: `plugins/rest-plugin/src/{handlers,shared,structs}.rs` and `doc/schemas/{getinfo,xpay,pay,
 * listpays,invoice,listpeerchannels,checkrune}.json` of ElementsProject/lightning, v25.12. Written from those documents.
 */
import { base64Text, concat, utf8 } from "../../internal/bytes.ts";
import { randomBytes } from "../../internal/crypto.ts";
import { Invoice } from "../../invoice/index.ts";
import { StandIn, type StandInAnswer, type StandInOptions, type StandInRequest } from "./stand-in.ts";

export interface ClnOptions extends StandInOptions {
  /** What `getinfo` says in addition: another network, a warning. */
  readonly info?: object;
  /** False: a node from before v24.11. */
  readonly hasXpay?: boolean;
}

interface Permitted {
  /** Undefined: all. */
  readonly methods: readonly string[] | undefined;
  /** The restriction `method/xpay|pinvinvstring_amount<…`. */
  readonly belowMsat: bigint | undefined;
}

const METHODS = ["getinfo", "listpays", "xpay", "pay", "invoice", "listpeerchannels"];

/** What the bank refuses for, in the codes of `common/jsonrpc_errors.h`. */
const CODES: readonly (readonly [reason: RegExp, code: number])[] = [
  [/malformed|another network/, -32602],
  [/already paid/, 219],
  [/./, 205],
];

export class ClnStandIn extends StandIn {
  readonly #options: ClnOptions;
  readonly #runes = new Map<string, Permitted>();

  private constructor(options: ClnOptions) {
    super(options);
    this.#options = options;
  }

  static async start(options: ClnOptions): Promise<ClnStandIn> {
    const node = new ClnStandIn(options);
    await node.up();
    return node;
  }

  /** A new rune for these methods, or, without them, for everything; for invoices below an amount, where one is given. */
  createRune(methods?: readonly string[], belowMsat?: bigint): string {
    const restrictions = [
      ...(methods === undefined ? [] : [methods.map((method) => `method=${method}`).join("|")]),
      ...(belowMsat === undefined ? [] : [`method/xpay|pinvinvstring_amount<${belowMsat}`]),
    ];
    const text = [`=${this.#runes.size}`, ...restrictions].join("&");
    const bytes = concat(randomBytes(32), utf8(text));
    const rune = base64Text(bytes).replaceAll("+", "-").replaceAll("/", "_");
    this.#runes.set(rune, { methods, belowMsat });
    return rune;
  }

  protected override async answer({ method, path, headers, text }: StandInRequest): Promise<StandInAnswer> {
    const name = /^\/v1\/([a-z]+)$/.exec(path)?.[1];
    if (name === undefined) return error(404, -32601, "Path not found");
    if (method !== "POST") return error(405, -32601, "Path invalid, http_method must be POST for CLN methods");
    const { rune } = headers;
    if (typeof rune !== "string") return error(403, 1501, "Not authorized: Missing rune");
    // What the node says here repeats what it was asked: a client must not.
    const permitted = this.#runes.get(rune);
    if (permitted === undefined)
      return error(401, 1501, `Not authorized: ${rune} is not derived from this node`);
    if (!(permitted.methods?.includes(name) ?? true))
      return error(401, 1502, "Not permitted: method is not equal to any of those listed");
    const params = JSON.parse(text === "" ? "{}" : text);
    if (name === "xpay" && permitted.belowMsat !== undefined) {
      const amountMsat = decode(params.invstring)?.amountMsat;
      if (amountMsat === undefined || amountMsat >= permitted.belowMsat)
        return error(401, 1502, "Not permitted: pinvinvstring_amount is greater or equal to allowed");
    }
    if (!METHODS.includes(name) || (name === "xpay" && this.#options.hasXpay === false))
      return error(404, -32601, `Unknown command '${name}'`);
    return this.#call(name, params);
  }

  #call(name: string, params: { readonly [name: string]: unknown }): Promise<StandInAnswer> | StandInAnswer {
    if (name === "getinfo") return done(this.#info());
    if (name === "listpays") return this.#listPays(params);
    if (name === "invoice") return this.#invoice(params);
    if (name === "listpeerchannels")
      return done({
        channels: [
          { state: "CHANNELD_NORMAL", spendable_msat: this.balanceMsat, receivable_msat: 5_000_000n },
          { state: "ONCHAIN", spendable_msat: 1n, receivable_msat: 1n },
        ],
      });
    return this.#pay(params[name === "xpay" ? "invstring" : "bolt11"], params);
  }

  #info(): object {
    const { info } = this.#options;
    return { id: this.nodeId, version: "v25.12", network: "regtest", blockheight: 110, num_peers: 1, ...info };
  }

  #invoice({ amount_msat, label, description, expiry }: { readonly [name: string]: unknown }): StandInAnswer {
    const amount = /^([1-9][0-9]*)(?:msat)?$/.exec(String(amount_msat))?.[1];
    if (amount === undefined || typeof label !== "string" || typeof description !== "string")
      return error(500, -32602, "amount_msat|msatoshi: should be positive msat or 'any'");
    const expirySeconds = typeof expiry === "number" ? expiry : 604_800;
    const request = { amountMsat: BigInt(amount), expirySeconds, description };
    const bolt11 = this.shared.bank.createInvoice(this.account, request);
    const { paymentHash, timestamp } = Invoice.decode(bolt11);
    return done({ bolt11, payment_hash: paymentHash, expires_at: timestamp + expirySeconds, created_index: 1 });
  }

  async #pay(
    invoice: unknown,
    { maxfee, retry_for }: { readonly [name: string]: unknown },
  ): Promise<StandInAnswer> {
    const maxFee = /^([0-9]+)msat$/.exec(String(maxfee))?.[1];
    if (typeof invoice !== "string" || maxFee === undefined || !(Number(retry_for) >= 1))
      return error(500, -32602, "missing required parameter");
    const decoded = decode(invoice);
    if (decoded === undefined) return error(500, -32602, "Invalid bolt11 invoice");
    if (this.shared.time.now > decoded.timestamp + decoded.expirySeconds)
      return error(500, 207, "Invoice expired");
    const { payment, fault } = await this.try(invoice, { maxFeeMsat: BigInt(maxFee) });
    const { status, reason = "", preimage, amountMsat, feeMsat } = payment;
    if (status !== "paid") {
      const code = CODES.find(([pattern]) => pattern.test(reason))![1];
      return { ...error(500, code, `Failed: ${reason} (${invoice})`), fault: fault?.kind };
    }
    const sent = {
      payment_preimage: preimage,
      amount_msat: amountMsat,
      amount_sent_msat: amountMsat + feeMsat,
    };
    return { ...done({ ...sent, failed_parts: 0, successful_parts: 1 }), fault: fault?.kind };
  }

  #listPays({ payment_hash: hash, status }: { readonly [name: string]: unknown }): StandInAnswer {
    if (hash !== undefined && !/^[0-9a-f]{64}$/.test(String(hash)))
      return error(500, -32602, "payment_hash: should be a 32 byte hex value");
    const hashes =
      hash === undefined
        ? this.shared.bank.paidSince(this.account, 0).map(({ paymentHash }) => paymentHash)
        : [String(hash)];
    const pays = hashes.flatMap((paymentHash) => this.#row(paymentHash));
    return done({ pays: status === undefined ? pays : pays.filter((row) => row.status === status) });
  }

  #row(paymentHash: string): { readonly status: string }[] {
    const payment = this.onRecord(paymentHash);
    if (payment === undefined) return [];
    const { amountMsat, feeMsat, preimage, paidAt } = payment;
    const created = { payment_hash: paymentHash, created_at: 1_738_000_000, created_index: 1 };
    if (payment.status === "in-flight") return [{ ...created, status: "pending" }];
    const sent = { ...created, amount_sent_msat: amountMsat + feeMsat };
    if (payment.status === "failed") return [{ ...sent, status: "failed" }];
    const completed = { completed_at: Math.floor(paidAt!), preimage, amount_msat: amountMsat };
    return [{ ...sent, ...completed, status: "complete" }];
  }
}

const done = (body: object): StandInAnswer => ({ status: 201, body });
const error = (status: number, code: number, message: string): StandInAnswer => ({
  status,
  body: { code, message, data: null },
});

function decode(text: unknown): Invoice | undefined {
  try {
    return Invoice.decode(String(text));
  } catch {
    return undefined;
  }
}
