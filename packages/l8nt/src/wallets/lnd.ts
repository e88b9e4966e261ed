/** The wallet of an lnd node, over its REST API (lightning.engineering/api-docs/api/lnd). */
import { AdapterError } from "../errors.ts";
import { base64Bytes, base64Text, hexBytes, hexText, ownBytes } from "../internal/bytes.ts";
import type { Network } from "../invoice/network.ts";
import type {
  InvoiceRequest,
  PaymentRequest,
  Wallet,
  WalletOptions,
  WalletPayment,
} from "../ports/wallet.ts";
import {
  ask,
  type Backend,
  exchange,
  fetchTrusting,
  recordOf,
  timingOf,
  wholeMsat,
  wholeNumber,
} from "./backend.ts";
import {
  endOf,
  isLetIn,
  isOnRecord,
  isUnknownPayment,
  lndNetwork,
  reasonOf,
  standing,
  statusOf,
} from "./lnd-answers.ts";
import { examineLnd } from "./lnd-examine.ts";
import { type OnRecord, payOnce, type Sent } from "./pay-once.ts";
import { readWalletUrl, type WalletUrlForm } from "./wallet-url.ts";

const FORM: WalletUrlForm = {
  name: "lnd",
  scheme: "lnd",
  form: "lnd+https://HOST:8080?macaroon=/path/to/some.macaroon&cert=/path/to/tls.cert",
  params: { macaroon: true, cert: false },
};

/**
 * In blocks, about a week: the longest time that a payee can keep an amount in flight. [case 71]
 */
const CLTV_LIMIT = 1008;

/**
 * How long lnd may take from a request to its record of it, which it writes first; the machine may
 * have been suspended in between.
 */
const LINGER_SECONDS = 60;

/**
 * The gRPC codes of a call that lnd may still be working on: cancelled, deadline exceeded,
 * unavailable.
 */
const MAY_GO_ON = new Set([1, 4, 14]);

/**
 * Returns the wallet of an lnd node at `lnd+https://HOST:8080?macaroon=…&cert=…`. The macaroon is a
 * file, hex or base64; the certificate is a file. docs/guides/wallets.md lists the permissions that
 * a treasury and a service need.
 *
 * @throws AdapterError `ERR_WALLET` for a URL of another form
 */
export function lndWallet(url: string, options: WalletOptions = {}): Wallet {
  const timing = timingOf(options, "an lnd wallet");
  const { base, value, text } = readWalletUrl(url, FORM);
  const backend: Backend = {
    name: FORM.name,
    base,
    headers: { "grpc-metadata-macaroon": macaroonHex(value("macaroon")!) },
    fetch: fetchTrusting(text("cert"), FORM.name),
    timing,
    explain: (_, body) => reasonOf(body),
  };
  const info = () => ask(backend, { method: "GET", path: "/v1/getinfo" });

  async function look(paymentHash: string): Promise<OnRecord> {
    const id = base64Text(hexBytes(paymentHash)!).replaceAll("+", "-").replaceAll("/", "_");
    // A stream: its first line is the present state, and later lines come as the state changes.
    const answer = await exchange(backend, {
      method: "GET",
      path: `/v2/router/track/${id}`,
      until: () => true,
    });
    if (answer.got === "nothing") return { status: "unseen", reason: answer.reason };
    const end = endOf(answer.body, paymentHash);
    if (end !== undefined) return end;
    const { code } = statusOf(answer.body);
    if (isUnknownPayment(answer.body))
      return { status: "never-sent", reason: "lnd knows no such payment" };
    return {
      status: code === undefined ? "unknown" : "unseen",
      reason: standing(answer.body, paymentHash),
    };
  }

  async function send({
    invoice,
    paymentHash,
    maxFeeMsat,
    timeoutSeconds,
  }: PaymentRequest): Promise<Sent> {
    let arrived = false;
    const json = {
      payment_request: invoice,
      fee_limit_msat: maxFeeMsat.toString(),
      timeout_seconds: Math.max(1, Math.ceil(timeoutSeconds)),
      cltv_limit: CLTV_LIMIT,
    };
    const answer = await exchange(backend, {
      method: "POST",
      path: "/v2/router/send",
      json,
      seconds: timeoutSeconds,
      until(line) {
        arrived ||= isOnRecord(line, paymentHash);
        return endOf(line, paymentHash) !== undefined;
      },
    });
    if (answer.got === "nothing" && arrived)
      return { status: "unknown", reason: answer.reason, arrived };
    if (answer.got === "nothing")
      return { status: answer.sent ? "unknown" : "never-sent", reason: answer.reason };
    const end = endOf(answer.body, paymentHash);
    if (end !== undefined) return end;
    const { code, message } = statusOf(answer.body);
    if (message === undefined || code === undefined || MAY_GO_ON.has(code))
      return { status: "unknown", reason: standing(answer.body, paymentHash) };
    const reason = reasonOf(answer.body) ?? "lnd refused to pay the invoice";
    return { status: isLetIn(message) ? "failed" : "never-sent", reason };
  }

  return Object.freeze<Wallet>({
    ...payOnce({
      look,
      send,
      refusesTwice: true,
      lingerSeconds: () => LINGER_SECONDS,
      clock: timing.clock,
    }),

    async network(): Promise<Network> {
      return lndNetwork(await info());
    },

    async identity(): Promise<string> {
      return String((await info()).identity_pubkey);
    },

    async createInvoice({
      amountMsat,
      expirySeconds,
      description,
    }: InvoiceRequest): Promise<string> {
      const json = {
        value_msat: amountMsat.toString(),
        expiry: expirySeconds.toString(),
        ...(description !== undefined && { memo: description }),
      };
      const { payment_request: invoice } = await ask(backend, {
        method: "POST",
        path: "/v1/invoices",
        json,
      });
      if (typeof invoice !== "string") throw new AdapterError("ERR_WALLET", "lnd made no invoice.");
      return invoice;
    },

    async paidSince(at: number): Promise<readonly WalletPayment[]> {
      const path = `/v1/payments?creation_date_start=${Math.max(0, Math.floor(at))}`;
      const { payments } = await ask(backend, { method: "GET", path });
      if (!Array.isArray(payments))
        throw new AdapterError("ERR_WALLET", "lnd's list of payments cannot be read.");
      return payments
        .map(recordOf)
        .filter(({ status }) => status === "SUCCEEDED")
        .map(walletPayment);
    },

    examine: () => examineLnd(backend),
  });
}

/** A part that cannot be read is left open, so that the payment is seen. */
function walletPayment(payment: Record<string, unknown>): WalletPayment {
  const index = wholeNumber(payment.payment_index);
  return {
    paymentHash: String(payment.payment_hash),
    amountMsat: wholeMsat(payment.value_msat),
    feeMsat: wholeMsat(payment.fee_msat),
    at: Number(wholeMsat(payment.creation_time_ns) ?? Number.NaN) / 1e9,
    ...(index !== undefined && { id: String(index) }),
  };
}

/** Returns the macaroon as hex, from a file, hex, or the base64 of `lncli` and lndconnect. */
function macaroonHex(given: string | Uint8Array): string {
  const isHex = typeof given === "string" && /^(?:[0-9a-f]{2})+$/i.test(given);
  if (isHex) return given;
  const bytes =
    typeof given === "string" ? base64Bytes(given.replaceAll(" ", "+")) : ownBytes(given);
  if (bytes === undefined || bytes.length === 0)
    throw new AdapterError(
      "ERR_WALLET",
      "macaroon= in the URL of lnd is not a macaroon: give a file, hex or base64.",
    );
  return hexText(bytes);
}
