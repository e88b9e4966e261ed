/**
 * How phoenixd's answers read (its `JsonSerializers.kt`): satoshi where a name ends in `Sat`, msat
 * in `fees`, milliseconds in times.
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
 * What phoenixd says of a payment that failed (lightning-kmp `FinalFailure`), and what is said of
 * it here.
 */
const REASONS: Readonly<{ [text: string]: string }> = {
  "not enough funds in wallet to afford payment": "the balance of phoenixd is too small",
  "this invoice has already been paid": "phoenixd paid it before",
  "another payment is in progress for that invoice": "phoenixd is paying it already",
  "channel is not connected yet, please retry when connected":
    "phoenixd is not connected to its peer yet",
  "channel creation is in progress, please retry when ready":
    "the channel of phoenixd is still being opened",
  "channel closing is in progress, please retry when a new channel has been created":
    "the channel of phoenixd is being closed",
  "payment could not be sent through existing channels, check individual failures for more details":
    "phoenixd found no way to pay",
  "the recipient was offline or did not have enough liquidity to receive the payment":
    "the payee was offline, or could not receive as much",
  "payment attempts exhausted without success": "phoenixd tried every way without success",
};

/** Of a failure, in words that are known: another text is not shown. */
export const whyNot = (reason: string): string =>
  Object.hasOwn(REASONS, reason) ? REASONS[reason]! : "phoenixd could not pay";

export const networkOf = ({ chain }: Answer): Network | undefined =>
  typeof chain === "string" && Object.hasOwn(NETWORK, chain) ? NETWORK[chain] : undefined;

/**
 * `fees` are msat, `sent` and `completedAt` are satoshi and milliseconds; what is undefined is left
 * out.
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
    return { status: "failed", reason: "phoenixd says that it failed" };
  const reason =
    isPaid === false ? "the payment is in flight" : "phoenixd's record of it cannot be read";
  return { status: "unknown", reason };
}

export function paymentOf(row: Answer, since: number): WalletPayment[] {
  const { paymentHash, isPaid, completedAt, invoice } = row;
  const feeMsat = wholeMsat(row.fees);
  // On-chain payments are in the same list, and have no hash.
  if (isPaid !== true || typeof paymentHash !== "string" || typeof completedAt !== "number")
    return [];
  if (completedAt < since || feeMsat === undefined) return [];
  const amountMsat =
    typeof invoice === "string" ? readInvoice(invoice).invoice.amountMsat : undefined;
  const sentMsat = (wholeNumber(row.sent) ?? 0n) * 1000n;
  return [
    { paymentHash, amountMsat: amountMsat ?? sentMsat - feeMsat, feeMsat, at: completedAt / 1000 },
  ];
}

export function inboundMsat(channels: unknown): bigint {
  let msat = 0n;
  for (const channel of Array.isArray(channels) ? channels.map(recordOf) : [])
    if (channel.state === "Normal")
      msat += (wholeNumber(channel.inboundLiquiditySat) ?? 0n) * 1000n;
  return msat;
}
