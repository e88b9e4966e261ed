/**
 * Stands in for LNbits: `core/views/{payment_api,wallet_api,api}.py`, `core/services/payments.py`, `core/models/payments.py`,
 * `decorators.py` and `exceptions.py` of lnbits/lnbits, v1.x. Written from those documents.
 */
import { hexText } from "../../internal/bytes.ts";
import { randomBytes } from "../../internal/crypto.ts";
import { Invoice } from "../../invoice/index.ts";
import { StandIn, type StandInAnswer, type StandInOptions, type StandInRequest } from "./stand-in.ts";

export interface LnbitsOptions extends StandInOptions {
  /** Whether the node behind it gives preimages of what it pays: OpenNode, for one, does not. */
  readonly givesPreimages?: boolean;
}

interface Row {
  readonly payment_hash: string;
  readonly checking_id: string;
  readonly wallet_id: string;
  readonly bolt11: string;
  readonly amount: bigint;
  readonly fee: bigint;
  readonly status: "success" | "pending" | "failed";
  readonly preimage: string | null;
  readonly time: string;
}

/** `LNBITS_FUNDING_SOURCE_PAY_INVOICE_WAIT_SECONDS`, in ms: 5 seconds there. */
const WAIT_MS = 100;

export class LnbitsStandIn extends StandIn {
  readonly walletId = hexText(randomBytes(16));
  readonly adminKey = hexText(randomBytes(16));
  readonly invoiceKey = hexText(randomBytes(16));
  readonly #givesPreimages: boolean;
  readonly #bolt11 = new Map<string, string>();

  private constructor({ givesPreimages = true, ...options }: LnbitsOptions) {
    super(options);
    this.#givesPreimages = givesPreimages;
  }

  static async start(options: LnbitsOptions): Promise<LnbitsStandIn> {
    const server = new LnbitsStandIn(options);
    await server.up();
    return server;
  }

  protected override async answer(request: StandInRequest): Promise<StandInAnswer> {
    const { method, path, query, headers, text } = request;
    const call = `${method} ${path}`;
    if (call === "GET /api/v1/health")
      return { status: 200, body: { server_time: Math.floor(this.shared.time.now), up_time: "00:10:00" } };
    if (call === "GET /api/v1/payments/fee-reserve") return this.#feeReserve(query.get("invoice") ?? "invoice");
    const key = headers["x-api-key"];
    if (key === undefined) return refused(401, "No Api Key provided.");
    if (key !== this.adminKey && key !== this.invoiceKey) return refused(404, "Wallet not found.");
    const isAdmin = key === this.adminKey;
    if (call === "GET /api/v1/wallet")
      return {
        status: 200,
        body: { name: "l8nt", balance: this.balanceMsat, ...(isAdmin && { id: this.walletId }) },
      };
    if (call === "GET /api/v1/payments/paginated") return this.#paginated(query);
    if (call !== "POST /api/v1/payments") return refused(404, "Not Found");
    const {
      out = true,
      bolt11,
      amount,
      memo,
      expiry,
    } = JSON.parse(text) as { readonly [name: string]: unknown };
    if (out !== true) return this.#createInvoice(Number(amount), String(memo), Number(expiry));
    if (!isAdmin) return refused(403, "Invoice (or Admin) key required.");
    return typeof bolt11 === "string" ? this.#pay(bolt11) : refused(400, "Missing BOLT11 invoice");
  }

  /** The reserve of `settings.fee_reserve`: 1 %, 2 sat at the least. */
  #feeReserve(invoice: string): StandInAnswer {
    try {
      const { amountMsat = 0n } = Invoice.decode(invoice);
      const percent = amountMsat / 100n;
      return { status: 200, body: { fee_reserve: percent > 2_000n ? percent : 2_000n } };
    } catch (error) {
      return refused(400, String(error));
    }
  }

  #createInvoice(amount: number, memo: string, expirySeconds: number): StandInAnswer {
    if (!(amount > 0)) return failed("Amountless invoices not supported.");
    const request = { amountMsat: BigInt(Math.trunc(amount)) * 1000n, expirySeconds, description: memo };
    const bolt11 = this.shared.bank.createInvoice(this.account, request);
    const { paymentHash, amountMsat } = Invoice.decode(bolt11);
    const row = this.#row(paymentHash, bolt11, amountMsat!, 0n, "pending", null);
    return { status: 201, body: { ...row, payment_request: bolt11 } };
  }

  async #pay(bolt11: string): Promise<StandInAnswer> {
    const { paymentHash, amountMsat = 0n } = Invoice.decode(bolt11);
    const reserved = amountMsat / 100n > 2_000n ? amountMsat / 100n : 2_000n;
    if (this.balanceMsat < amountMsat) return failed("Insufficient balance.");
    if (this.balanceMsat < amountMsat + reserved)
      return failed(`You must reserve at least (${reserved / 1000n}  sat) to cover potential routing fees.`);
    const before = this.#find(paymentHash);
    if (before?.status === "success") return failed("Payment already paid.", "success");
    if (before?.status === "pending") return failed("Payment is still pending.", "pending");
    if (before?.status === "failed") return failed("Payment is failed node, retrying is not possible.");
    this.#bolt11.set(paymentHash, bolt11);
    const { payment, fault } = await this.try(bolt11, { maxFeeMsat: reserved }, WAIT_MS);
    // The node's own words, whatever they are: a client must not repeat them.
    const reason = `Payment failed: ${payment.reason} (key ${this.adminKey})`;
    const answer =
      payment.status === "failed" ? failed(reason) : { status: 201, body: this.#find(paymentHash) };
    return { ...answer, fault: fault?.kind };
  }

  #paginated(query: URLSearchParams): StandInAnswer {
    const hash = query.get("payment_hash");
    const since = query.get("time[ge]");
    const offset = Number(query.get("offset") ?? 0);
    const rows = [...this.#bolt11.keys()]
      .map((paymentHash) => this.#find(paymentHash)!)
      .filter((row) => hash === null || row.payment_hash === hash)
      .filter((row) => query.get("status") === null || row.status === query.get("status"))
      .filter((row) => since === null || Date.parse(`${row.time}Z`) >= Date.parse(since));
    const data = rows.slice(offset, offset + Number(query.get("limit") ?? 20));
    return { status: 200, body: { data, total: rows.length } };
  }

  /** A payment out, which is on record from before it is sent. */
  #find(paymentHash: string): Row | undefined {
    const bolt11 = this.#bolt11.get(paymentHash);
    const payment = this.shared.bank.find(this.account, paymentHash);
    if (bolt11 === undefined || payment === undefined) return undefined;
    const status = payment.status === "paid" ? "success" : payment.status === "failed" ? "failed" : "pending";
    const preimage = status === "success" && this.#givesPreimages ? payment.preimage : null;
    return this.#row(
      paymentHash,
      bolt11,
      -payment.amountMsat,
      -payment.feeMsat,
      status,
      preimage,
      payment.paidAt,
    );
  }

  #row(
    payment_hash: string,
    bolt11: string,
    amount: bigint,
    fee: bigint,
    status: Row["status"],
    preimage: string | null,
    at = this.shared.time.now,
  ): Row {
    const time = new Date(at * 1000).toISOString().slice(0, -1);
    return {
      payment_hash,
      checking_id: payment_hash,
      wallet_id: this.walletId,
      bolt11,
      amount,
      fee,
      status,
      preimage,
      time,
    };
  }
}

const refused = (status: number, detail: string): StandInAnswer => ({ status, body: { detail } });
const failed = (detail: string, status = "failed"): StandInAnswer => ({
  status: 520,
  body: { detail, status },
});
