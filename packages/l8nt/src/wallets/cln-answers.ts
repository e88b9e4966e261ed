/**
 * Reads the answers of Core Lightning: amounts are msat as numbers (as texts that end in `msat`
 * before v23.08), errors are `{ code, message }`.
 */
import type { Network } from "../invoice/network.ts";
import type { PaymentOutcome, WalletPayment } from "../ports/wallet.ts";
import { preimageOf, recordOf, wholeMsat, wholeNumber } from "./backend.ts";
import type { OnRecord } from "./pay-once.ts";

type Answer = ReturnType<typeof recordOf>;

const NETWORK: Readonly<{ [name: string]: Network }> = {
  bitcoin: "bc",
  testnet: "tb",
  testnet4: "tb",
  signet: "tbs",
  regtest: "bcrt",
};

export const networkOf = ({ network }: Answer): Network | undefined =>
  typeof network === "string" && Object.hasOwn(NETWORK, network) ? NETWORK[network] : undefined;

/** Whether the node has read all blocks. A node that has not says so in a warning. */
export const isSynced = ({ warning_bitcoind_sync, warning_lightningd_sync }: Answer): boolean =>
  warning_bitcoind_sync === undefined && warning_lightningd_sync === undefined;

export function codeOf(body: unknown): number | undefined {
  const { code } = recordOf(body);
  return typeof code === "number" ? code : undefined;
}

/**
 * The meaning of error codes (`common/jsonrpc_errors.h`, `doc/schemas/{xpay,pay,checkrune}.json`).
 * The node's own text is not shown, because it may quote the request.
 */
const REASONS: Readonly<{ [code: string]: string }> = {
  "-32601": "Core Lightning has no such command",
  "-32602": "Core Lightning refused the request's form",
  "-1": "Core Lightning failed, and gave no reason",
  "-3": "a plugin of Core Lightning failed",
  "-4": "a plugin of Core Lightning stopped",
  "200": "Core Lightning is already paying the invoice",
  "201": "Core Lightning has paid this hash before, with another amount or payee",
  "203": "the payee refused the payment",
  "205": "Core Lightning found no route to the payee",
  "206": "Core Lightning found no route within the fee cap",
  "207": "the invoice has expired",
  "209": "Core Lightning could not pay",
  "210": "Core Lightning found no route in time",
  "219": "Core Lightning has paid the invoice before",
  "1501": "Core Lightning does not know the rune: make one with lightning-cli createrune",
  "1502":
    "the rune does not permit this: docs/guides/wallets.md lists the methods that a treasury and a service need",
  "1503": "the rune was revoked: make another with lightning-cli createrune",
};

export function explain(_status: number, body: unknown): string | undefined {
  const code = codeOf(body);
  if (code === undefined) return undefined;
  return Object.hasOwn(REASONS, code)
    ? REASONS[code]
    : `Core Lightning answered with error ${code}`;
}

export const whyNot = (status: number, body: unknown): string =>
  explain(status, body) ?? `Core Lightning refused (HTTP ${status})`;

const msatOf = (value: unknown): bigint | undefined =>
  wholeMsat(typeof value === "string" ? value.replace(/msat$/, "") : value);

/**
 * Reads the answer to a payment, or its record. The fee is the difference between the amounts sent
 * and received.
 */
export function paidOf(row: Answer, preimageName: string): PaymentOutcome {
  const preimage = preimageOf(row[preimageName]);
  const sentMsat = msatOf(row.amount_sent_msat);
  const amountMsat = msatOf(row.amount_msat);
  const isDone = row.status === undefined || row.status === "complete";
  if (!isDone || preimage === undefined || sentMsat === undefined || amountMsat === undefined)
    return {
      status: "unknown",
      reason: "Core Lightning's answer does not say whether it paid",
    };
  return { status: "paid", preimage, feeMsat: feeBetween(sentMsat, amountMsat)! };
}

/**
 * Reads the rows of one hash. Each attempt has a row; the one that is paid, or else open, counts.
 */
export function readPays(pays: unknown, paymentHash: string): OnRecord {
  if (!Array.isArray(pays))
    return { status: "unseen", reason: "Core Lightning's list of payments cannot be read" };
  const rows = pays.map(recordOf);
  if (rows.some(({ payment_hash }) => payment_hash !== paymentHash))
    return { status: "unseen", reason: "Core Lightning answered about another payment" };
  const paid = rows.find(({ status }) => status === "complete");
  if (paid !== undefined) return paidOf(paid, "preimage");
  if (rows.some(({ status }) => status !== "failed"))
    return { status: "unknown", reason: "the payment is in flight" };
  return rows.length > 0
    ? { status: "failed", reason: "Core Lightning says that the payment failed" }
    : { status: "never-sent", reason: "Core Lightning knows no such payment" };
}

/** Reads the list. A part that cannot be read is left open, so that the payment is seen. */
export function paymentsOf(pays: unknown, since: number): readonly WalletPayment[] {
  return (Array.isArray(pays) ? pays : []).map(recordOf).flatMap((row) => {
    const { payment_hash: paymentHash, completed_at: completedAt, created_at: createdAt } = row;
    const at = [completedAt, createdAt].find((time) => typeof time === "number") ?? Number.NaN;
    if (at < since) return [];
    const sentMsat = msatOf(row.amount_sent_msat);
    // A node that does not know what arrived leaves it out; what was sent is what counts.
    const amountMsat = row.amount_msat === undefined ? sentMsat : msatOf(row.amount_msat);
    const groupId = wholeNumber(row.groupid);
    return [
      {
        paymentHash: String(paymentHash),
        amountMsat,
        feeMsat: feeBetween(sentMsat, amountMsat),
        at,
        ...(groupId !== undefined && { id: String(groupId) }),
      },
    ];
  });
}

function feeBetween(
  sentMsat: bigint | undefined,
  amountMsat: bigint | undefined,
): bigint | undefined {
  if (sentMsat === undefined || amountMsat === undefined) return undefined;
  return sentMsat > amountMsat ? sentMsat - amountMsat : 0n;
}

export function channelsOf(channels: unknown): { spendableMsat: bigint; receivableMsat: bigint } {
  const sums = { spendableMsat: 0n, receivableMsat: 0n };
  for (const channel of Array.isArray(channels) ? channels.map(recordOf) : []) {
    if (channel.state !== "CHANNELD_NORMAL") continue;
    sums.spendableMsat += msatOf(channel.spendable_msat) ?? 0n;
    sums.receivableMsat += msatOf(channel.receivable_msat) ?? 0n;
  }
  return sums;
}
