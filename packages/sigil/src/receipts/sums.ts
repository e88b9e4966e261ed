/** What receipts come to, by the topmost agent and the origin. */
import { formatMsat } from "l8nt/invoice";
import type { Receipt } from "l8nt/receipts";
import { printable } from "../secrecy.ts";

interface Sum {
  /** Undefined for what the root itself paid. */
  readonly agent: string | undefined;
  readonly origin: string;
  payments: number;
  amountMsat: bigint;
  feeMsat: bigint;
}

export class Sums {
  firstAt: number | undefined;
  lastAt: number | undefined;
  readonly #sums = new Map<string, Sum>();

  add({ lineage: [agent], origin, amountMsat, feeMsat, settledAt }: Receipt): void {
    this.firstAt = Math.min(this.firstAt ?? settledAt, settledAt);
    this.lastAt = Math.max(this.lastAt ?? settledAt, settledAt);
    const key = JSON.stringify([agent ?? null, origin]);
    const sum = this.#sums.get(key) ?? { agent, origin, payments: 0, amountMsat: 0n, feeMsat: 0n };
    sum.payments++;
    sum.amountMsat += amountMsat;
    sum.feeMsat += feeMsat;
    this.#sums.set(key, sum);
  }

  /** By agent, then by origin; the root first. */
  rows() {
    return [...this.#sums.values()]
      .sort((a, b) => order(a.agent ?? "", b.agent ?? "") || order(a.origin, b.origin))
      .map((sum) => ({ ...sum, agent: sum.agent ?? null }));
  }

  lines(): readonly string[] {
    const cells = this.rows().map(({ agent, origin, payments, amountMsat, feeMsat }) => [
      agent === null ? "the root" : printable(agent),
      printable(origin),
      `${payments} ${payments === 1 ? "payment" : "payments"}`,
      `${formatMsat(amountMsat)}, fees ${formatMsat(feeMsat)}`,
    ]);
    const widths = [0, 1, 2].map((at) => Math.max(...cells.map((row) => row[at]!.length)));
    return cells.map(
      (row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`,
    );
  }
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
