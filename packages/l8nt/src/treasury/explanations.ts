/**
 * Stops spending for a payment that the books cannot explain, and takes the owner's explanation.
 * spec/4-purchase.md §8.
 */
import { formatAmount, type Unit } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { nodeTotal } from "../ledger/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Counted } from "../ports/limit.ts";
import type { Explanation, UnexplainedPayment } from "../ports/owner.ts";
import type { Store } from "../ports/store.ts";
import type { Alarm } from "./alarm.ts";
import type { Directives } from "./directives.ts";
import type { SpendingGate } from "./gate.ts";
import { freezeOf, thawOf } from "./unexplained.ts";

export interface ExplanationsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly gate: SpendingGate;
  readonly directives: Directives;
  readonly alarm: Alarm;
  /** Whether such a payment stops spending. Otherwise it only raises an alarm. */
  readonly stops: boolean;
}

export class Explanations {
  readonly #options: ExplanationsOptions;
  /** Payments that only an alarm was raised for. */
  readonly #told = new Set<string>();

  constructor(options: ExplanationsOptions) {
    this.#options = options;
  }

  /** Whether an alarm was raised for the payment already, or the owner has explained it. */
  knows(paymentHash: string): boolean {
    return this.#told.has(paymentHash) || this.#options.gate.unexplained.knows(paymentHash);
  }

  /**
   * Payments that the books may have as failed although they were made: the wallet could not prove
   * it, or the process that had the proof died before it wrote it down.
   */
  get unsettled(): readonly string[] {
    return this.#options.gate.unexplained.list
      .filter(({ why }) => why === "failed" || why === "late")
      .map(({ paymentHash }) => paymentHash);
  }

  /**
   * Stops all spending until the owner has explained the payment. [case 105]
   *
   * @throws AdapterError `ERR_STORE`; spending has stopped in this process all the same
   */
  async report(found: Omit<UnexplainedPayment, "foundAt">): Promise<void> {
    const { clock, directives, alarm, stops } = this.#options;
    // What the wallet could not prove before, it may prove now.
    const known = this.#options.gate.unexplained.get(found.paymentHash);
    const isProven = found.why === "late" && known?.why === "failed";
    if (this.knows(found.paymentHash) && !isProven) return;
    const what = describe(found);
    if (!stops) {
      this.#told.add(found.paymentHash);
      alarm(`suspense: ${what}`);
      return;
    }
    const at = clock();
    const freeze = freezeOf({ ...found, foundAt: at }, what);
    // In force in this process at once, whether or not it can be written down.
    try {
      await directives.issue({ ...freeze, at });
    } finally {
      alarm(`spending has stopped: ${what}`);
    }
  }

  /**
   * Takes the owner's word for what a payment was, for good. The amount of a payment of a node is
   * counted on every limit of its chain, past a limit too: it was spent.
   *
   * @throws AdapterError `ERR_REQUEST` for a payment that waits for no explanation, and for an
   * explanation that cannot be true
   */
  async explain(paymentHash: string, explanation: Explanation, reason: string): Promise<void> {
    const { clock, gate, directives, store } = this.#options;
    const payment = gate.unexplained.get(paymentHash);
    if (payment === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "No payment with this hash waits for an explanation. The list of unexplained payments shows those that do.",
      );
    const isBooked =
      payment.why === "late" && (await store.payment(paymentHash))?.status !== "failed";
    if (isBooked !== (explanation.as === "late"))
      throw new AdapterError(
        "ERR_REQUEST",
        isBooked
          ? 'The payment is in the books, of the agent that made it, and was counted. Explain it as "late".'
          : 'The books do not have the payment as one that was made after it had failed. Explain it as "own", or as one of a node; if the wallet can still prove it, reconcile first, and explain it as "late".',
      );
    if (explanation.as === "node") await this.#count(payment, explanation.nodeId);
    await directives.issue({ ...thawOf(paymentHash, wordsOf(explanation, reason)), at: clock() });
  }

  /** Under an id that the payment decides, so that it is counted once. */
  async #count(payment: UnexplainedPayment, nodeId: string): Promise<void> {
    const { store } = this.#options;
    const { paymentHash, amount: sent, fee, at } = payment;
    const unbooked =
      payment.why === "late" ? { ...sent, value: sent.value + fee.value } : payment.unbooked;
    const counted = await this.#countersOf(nodeId, unbooked.unit);
    const id = `explained ${paymentHash}`;
    const amount = { ...unbooked, value: 0n };
    await store.reserve({ id, at, amount, uses: 0n, counted });
    await store.commit(id, unbooked, at);
  }

  /** The node's totals and limits, and those of its ancestors. */
  async #countersOf(nodeId: string, unit: Unit): Promise<readonly Counted[]> {
    const { store } = this.#options;
    const [node] = await store.nodes({ under: nodeId, limit: 1 });
    if (node?.id !== nodeId)
      throw new AdapterError(
        "ERR_REQUEST",
        "The treasury's books have no record of this node. Let the agent order something that has a price, or name the nearest node above it that the tree shows.",
      );
    const chain = await Promise.all(
      node.path.map(async (id) => ({
        id,
        record: (await store.nodes({ under: id, limit: 1 })).find((found) => found.id === id),
      })),
    );
    return chain.flatMap(({ id, record }) => [
      nodeTotal(id, unit),
      ...(record?.limits ?? [])
        .filter((limit) => limit.kind === "spend" && limit.unit === unit)
        .map(({ max: _, condition: __, ...limit }) => limit),
    ]);
  }
}

const WHY: Readonly<Record<Exclude<UnexplainedPayment["why"], "unreadable">, string>> = {
  missing: "which is in no book of this treasury",
  more: "which is more than its books have for it",
  failed: "which its books have as failed",
  late: "which its books had as failed; it is in them now, and was counted",
};

const describe = ({
  paymentHash,
  amount,
  fee,
  why,
  row,
}: Omit<UnexplainedPayment, "foundAt">): string =>
  why === "unreadable"
    ? `the wallet lists a payment that cannot be read (${row}). Explain it as ${paymentHash}`
    : `the wallet made payment ${paymentHash} of ${formatAmount(amount)} and ${formatAmount(fee)} of fee, ${WHY[why]}`;

function wordsOf(explanation: Explanation, reason: string): string {
  switch (explanation.as) {
    case "own":
      return `not a payment of this treasury: ${reason}`;
    case "late":
      return `paid after it had failed: ${reason}`;
    case "node":
      return `a payment of node ${explanation.nodeId}: ${reason}`;
  }
}
