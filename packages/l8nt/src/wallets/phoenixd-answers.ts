/**
 * Reads the answers of phoenixd (its `JsonSerializers.kt`): names that end in `Sat` are satoshi,
 * `fees` are msat, times are milliseconds.
 */
import type { Network } from "../invoice/network.ts";
import { readInvoice } from "../invoice/read.ts";
import type { PaymentOutcome, WalletPayment } from "../ports/wallet.ts";
import { preimageOf, recordOf, wholeMsat, wholeNumber } from "./backend.ts";

type Answer = ReturnType<typeof recordOf>;

const NETWORK: Readonly<{ [chain: string]: Network }> = {
  mainnet: "bc",
  testnet: "tb",
  testnet3: "tb",
  testnet4: "tb",
  signet: "tbs",
  regtest: "bcrt",
};

/**
 * The reasons of phoenixd for a failed payment (lightning-kmp `FinalFailure`), in words for the
 * owner.
 */
const REASONS: Readonly<{ [text: string]: string }> = {
  "not enough funds in wallet to afford payment": "the balance of phoenixd is too small",
  "this invoice has already been paid": "phoenixd has paid the invoice before",
  "another payment is in progress for that invoice": "phoenixd is already paying the invoice",
  "channel is not connected yet, please retry when connected":
    "phoenixd is not connected to its peer yet",
  "channel creation is in progress, please retry when ready":
    "the channel of phoenixd is still being opened",
  "channel closing is in progress, please retry when a new channel has been created":
    "the channel of phoenixd is being closed",
  "payment could not be sent through existing channels, check individual failures for more details":
    "phoenixd found no route to the payee",
  "the recipient was offline or did not have enough liquidity to receive the payment":
    "the payee was offline, or could not receive the amount",
  "payment attempts exhausted without success": "phoenixd tried every route without success",
};

/** Explains a failure. An unknown text is not shown. */
export const whyNot = (reason: string): string =>
  Object.hasOwn(REASONS, reason) ? REASONS[reason]! : "phoenixd could not pay";

export const networkOf = ({ chain }: Answer): Network | undefined =>
  typeof chain === "string" && Object.hasOwn(NETWORK, chain) ? NETWORK[chain] : undefined;

/**
 * Reads the record of a payment. `fees` are msat, `sent` is satoshi, `completedAt` is milliseconds;
 * phoenixd leaves undefined members out.
 */
export function readPayment(row: Answer, asked: string): PaymentOutcome {
  const { isPaid, completedAt, paymentHash } = row;
  if (paymentHash !== asked)
    return { status: "unknown", reason: "phoenixd answered about another payment" };
  const preimage = preimageOf(row.preimage);
  const feeMsat = wholeMsat(row.fees);
  if (isPaid === true && preimage !== undefined && feeMsat !== undefined)
    return { status: "paid", preimage, feeMsat };
  if (isPaid === false && typeof completedAt === "number")
    return { status: "failed", reason: "phoenixd says that the payment failed" };
  const reason =
    isPaid === false
      ? "the payment is in flight"
      : "phoenixd's record of the payment cannot be read";
  return { status: "unknown", reason };
}

/** Reads a row of the list. A part that cannot be read is left open, so that it is seen. */
export function paymentOf(row: Answer, since: number): WalletPayment[] {
  const { paymentHash, paymentId, isPaid, completedAt } = row;
  // The list includes on-chain payments, which do not have a hash.
  if (isPaid !== true || paymentHash === undefined) return [];
  const completed = typeof completedAt === "number" ? completedAt : Number.NaN;
  if (completed < since) return [];
  const feeMsat = wholeMsat(row.fees);
  const sentSat = wholeNumber(row.sent);
  const sentMsat =
    sentSat === undefined || feeMsat === undefined ? undefined : sentSat * 1000n - feeMsat;
  return [
    {
      paymentHash: String(paymentHash),
      amountMsat: invoiceMsat(row.invoice) ?? sentMsat,
      feeMsat,
      at: completed / 1000,
      // The time is in milliseconds: two payments of one hash differ in it.
      id: typeof paymentId === "string" ? paymentId : String(completedAt),
    },
  ];
}

function invoiceMsat(invoice: unknown): bigint | undefined {
  try {
    return typeof invoice === "string" ? readInvoice(invoice).invoice.amountMsat : undefined;
  } catch {
    return undefined;
  }
}

export function inboundMsat(channels: unknown): bigint {
  let msat = 0n;
  for (const channel of Array.isArray(channels) ? channels.map(recordOf) : [])
    if (channel.state === "Normal")
      msat += (wholeNumber(channel.inboundLiquiditySat) ?? 0n) * 1000n;
  return msat;
}
