/** The network of this run, as its tests use it. */
import { readFileSync } from "node:fs";
import { inject } from "vitest";
import { LndNode } from "./node.ts";
import { until } from "./program.ts";

const { payer: payerFacts, hub: hubFacts, payee: payeeFacts } = inject("lnd");

export const payer = new LndNode(payerFacts);
export const hub = new LndNode(hubFacts);
export const payee = new LndNode(payeeFacts);

/** As docs/guides/wallets.md lists them. */
export const TREASURY_METHODS = [
  "/routerrpc.Router/SendPaymentV2",
  "/routerrpc.Router/TrackPaymentV2",
  "/lnrpc.Lightning/GetInfo",
  "/lnrpc.Lightning/ListPayments",
  "/lnrpc.Lightning/ChannelBalance",
];
export const SERVICE_METHODS = [
  "/lnrpc.Lightning/AddInvoice",
  "/lnrpc.Lightning/GetInfo",
  "/lnrpc.Lightning/ChannelBalance",
];

export const hexOf = (path: string): string => readFileSync(path).toString("hex");

/** Until the payer has nothing in flight. */
export const settled = (): Promise<unknown> =>
  until("no payment in flight", async () =>
    (await payer.payments()).every(({ status }) => status === "SUCCEEDED" || status === "FAILED"),
  );

/** What the payer's node itself has of the payments that were begun since `before`. */
export async function paidSince(
  before: number,
): Promise<{ readonly count: number; readonly msat: bigint }> {
  const made = (await payer.payments())
    .slice(before)
    .filter(({ status }) => status === "SUCCEEDED");
  return {
    count: made.length,
    msat: made.reduce(
      (total, { value_msat, fee_msat }) => total + BigInt(value_msat) + BigInt(fee_msat),
      0n,
    ),
  };
}
