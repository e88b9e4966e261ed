/** Sums of receipts by the topmost agent, the origin and the unit. */
import { type Amount, formatAmount } from "l8nt/invoice";
import type { Receipt } from "l8nt/receipts";
import { withFee } from "../amounts.ts";
import { printable } from "../secrecy.ts";

interface Sum {
  /** Undefined for payments of the root. */
  readonly agent: string | undefined;
  readonly origin: string;
  payments: number;
  amount: Amount;
  fee: Amount;
}

/** Sums receipts as they are added. */
export class Sums {
  /** Unix seconds of the first and the last payment. */
  firstAt: number | undefined;
  lastAt: number | undefined;
  readonly #sums = new Map<string, Sum>();

  add({ lineage: [agent], origin, amount, fee, settledAt }: Receipt): void {
    this.firstAt = Math.min(this.firstAt ?? settledAt, settledAt);
    this.lastAt = Math.max(this.lastAt ?? settledAt, settledAt);
    const key = JSON.stringify([agent ?? null, origin, amount.unit]);
    const none: Amount = { unit: amount.unit, value: 0n };
    const sum = this.#sums.get(key) ?? { agent, origin, payments: 0, amount: none, fee: none };
    sum.payments++;
    sum.amount = withFee(sum.amount, amount);
    sum.fee = withFee(sum.fee, fee);
    this.#sums.set(key, sum);
  }

  /** The sums in order of agent, origin and unit; the root is first. */
  rows() {
    return [...this.#sums.values()]
      .sort(
        (a, b) =>
          order(a.agent ?? "", b.agent ?? "") ||
          order(a.origin, b.origin) ||
          order(a.amount.unit, b.amount.unit),
      )
      .map((sum) => ({ ...sum, agent: sum.agent ?? null }));
  }

  /** The sums as aligned lines of text. */
  lines(): readonly string[] {
    const cells = this.rows().map(({ agent, origin, payments, amount, fee }) => [
      agent === null ? "the root" : printable(agent),
      printable(origin),
      `${payments} ${payments === 1 ? "payment" : "payments"}`,
      `${formatAmount(amount)}, fees ${formatAmount(fee)}`,
    ]);
    const widths = [0, 1, 2].map((at) => Math.max(...cells.map((row) => row[at]!.length)));
    return cells.map(
      (row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`,
    );
  }
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
