/**
 * Stands in for phoenixd: https://phoenix.acinq.co/server/api (0.8.0), and `Api.kt` and `JsonSerializers.kt` of ACINQ/phoenixd for
 * what that page leaves out: status codes, texts, fields that are left out where they are undefined. Written from those documents.
 */

import { hexText } from "../../internal/bytes.ts";
import { randomBytes } from "../../internal/crypto.ts";
import { Invoice } from "../../invoice/index.ts";
import type { Payment } from "../dev-network-bank.ts";
import { StandIn, type StandInAnswer, type StandInOptions, type StandInRequest } from "./stand-in.ts";

export interface PhoenixdOptions extends StandInOptions {
  /** What `getinfo` says in addition: another chain, no block height. */
  readonly info?: object;
}

const FULL_ONLY = ["payinvoice", "payoffer", "paylnaddress", "sendtoaddress", "closechannel"];

/** What the bank refuses for, in the texts of lightning-kmp's `FinalFailure`. */
const TEXTS: readonly (readonly [reason: RegExp, text: string])[] = [
  [/balance/, "not enough funds in wallet to afford payment"],
  [/already paid/, "this invoice has already been paid"],
  [/nobody here/, "the recipient was offline or did not have enough liquidity to receive the payment"],
  [/./, "payment could not be sent through existing channels, check individual failures for more details"],
];

export class PhoenixdStandIn extends StandIn {
  readonly fullPassword = hexText(randomBytes(32));
  readonly limitedPassword = hexText(randomBytes(32));
  readonly #options: PhoenixdOptions;
  /** What it was told to pay, by payment hash. */
  readonly #invoices = new Map<string, string>();

  private constructor(options: PhoenixdOptions) {
    super(options);
    this.#options = options;
  }

  static async start(options: PhoenixdOptions): Promise<PhoenixdStandIn> {
    const node = new PhoenixdStandIn(options);
    await node.up();
    return node;
  }

  protected override async answer(request: StandInRequest): Promise<StandInAnswer> {
    const { method, path, query, headers, text } = request;
    const basic = /^Basic (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    const password = Buffer.from(basic, "base64").toString().split(":")[1];
    const isFull = password === this.fullPassword;
    const isLimited = password === this.limitedPassword && !FULL_ONLY.includes(path.slice(1));
    if (!isFull && !isLimited)
      return said(401, "Invalid authentication (use basic auth with the http password set in phoenix.conf)");
    if (method === "POST" && !headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
      return said(415, "Unsupported Media Type");
    const form = new URLSearchParams(text);
    const call = `${method} ${path}`;
    if (call === "GET /getinfo") return { status: 200, body: this.#info() };
    if (call === "GET /getbalance")
      return { status: 200, body: { balanceSat: this.balanceMsat / 1000n, feeCreditSat: 0 } };
    if (call === "POST /createinvoice") return this.#createInvoice(form);
    if (call === "POST /payinvoice") return this.#payInvoice(form);
    if (call === "GET /payments/outgoing") return { status: 200, body: this.#list(query) };
    const hash = /^GET \/payments\/outgoingbyhash\/(.*)$/.exec(call)?.[1];
    if (hash === undefined) return said(404, "Unknown endpoint (check api doc)");
    if (!/^[0-9a-fA-F]{64}$/.test(hash))
      return said(400, "Request parameter paymentHash couldn't be parsed/converted to hex32");
    const payment = this.onRecord(hash.toLowerCase());
    return payment === undefined ? said(404, "Not found") : { status: 200, body: this.#row(payment) };
  }

  #info(): object {
    const channel = { state: "Normal", balanceSat: this.balanceMsat / 1000n, inboundLiquiditySat: 7_000 };
    const channels = [channel, { state: "Offline", inboundLiquiditySat: 1 }];
    const node = {
      nodeId: this.nodeId,
      channels,
      chain: "regtest",
      blockHeight: 110,
      version: "0.8.0-d7ac83b",
    };
    return { ...node, ...this.#options.info };
  }

  #createInvoice(form: URLSearchParams): StandInAnswer {
    const description = form.get("description");
    const amountSat = form.get("amountSat") ?? "";
    if (description === null) return said(400, "Must provide either a description or descriptionHash");
    if (description.length > 128)
      return said(400, "Request parameter description is too long (max 128 characters)");
    if (!/^[0-9]+$/.test(amountSat))
      return said(400, "Request parameter amountSat couldn't be parsed/converted to integer");
    const expirySeconds = Number(form.get("expirySeconds") ?? 3600);
    const request = { amountMsat: BigInt(amountSat) * 1000n, expirySeconds, description };
    const serialized = this.shared.bank.createInvoice(this.account, request);
    const { paymentHash } = Invoice.decode(serialized);
    return { status: 200, body: { amountSat: Number(amountSat), paymentHash, serialized } };
  }

  async #payInvoice(form: URLSearchParams): Promise<StandInAnswer> {
    const invoice = form.get("invoice");
    if (invoice === null) return said(400, "Request parameter invoice is missing");
    const decoded = decode(invoice);
    if (decoded === undefined)
      return said(400, "Request parameter invoice couldn't be parsed/converted to bolt11invoice");
    const { amountMsat = 0n } = decoded;
    this.#invoices.set(decoded.paymentHash, invoice);
    // Whatever the way costs, the trampoline node takes 0.4 % and 4 sat.
    const feeMsat = 4_000n + (amountMsat * 4_000n) / 1_000_000n;
    const { payment, fault } = await this.try(invoice, { maxFeeMsat: feeMsat, feeMsat });
    const { paymentHash, status, reason = "", preimage } = payment;
    const told = fault === undefined ? {} : { fault: fault.kind };
    if (status !== "paid") {
      const text = TEXTS.find(([pattern]) => pattern.test(reason))![1];
      return { status: 200, body: { paymentHash, reason: text }, ...told };
    }
    const sums = { recipientAmountSat: payment.amountMsat / 1000n, routingFeeSat: payment.feeMsat / 1000n };
    const body = { ...sums, paymentId: uuid(paymentHash), paymentHash, paymentPreimage: preimage };
    return { status: 200, body, ...told };
  }

  #list(query: URLSearchParams): object[] {
    const offset = Number(query.get("offset") ?? 0);
    const paid = this.shared.bank.paidSince(this.account, Number(query.get("from") ?? 0) / 1000);
    const onChain = {
      subType: "splice_out",
      paymentId: uuid("ab"),
      txId: "ab",
      isPaid: true,
      sent: 1,
      fees: 1,
    };
    return [
      ...paid.map(({ paymentHash }) => this.#row(this.onRecord(paymentHash)!)),
      { ...onChain, completedAt: 1 },
    ].slice(offset, offset + Number(query.get("limit") ?? 20));
  }

  #row({ paymentHash, status, preimage, amountMsat, feeMsat, paidAt }: Payment): object {
    const at = Math.floor((paidAt ?? 0) * 1000);
    return {
      subType: "lightning",
      paymentId: uuid(paymentHash),
      paymentHash,
      isPaid: status === "paid",
      sent: (amountMsat + feeMsat) / 1000n,
      fees: feeMsat,
      invoice: this.#invoices.get(paymentHash),
      createdAt: at,
      ...(status === "paid" && { preimage }),
      ...(status !== "in-flight" && { completedAt: at }),
    };
  }
}

function decode(text: string): Invoice | undefined {
  try {
    return Invoice.decode(text);
  } catch {
    return undefined;
  }
}

const uuid = (hex: string) => `00000000-0000-0000-0000-${hex.padEnd(12, "0").slice(0, 12)}`;
const said = (status: number, body: string): StandInAnswer => ({ status, body });
