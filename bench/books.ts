/** Books with many payments that nobody made, written through the store as a treasury does. */
import { randomBytes } from "node:crypto";
import { msat } from "../packages/l8nt/src/amount.ts";
import type { PaymentRecord } from "../packages/l8nt/src/ports/payments.ts";
import type { Store } from "../packages/l8nt/src/ports/store.ts";

const AT_ONCE = 4096;
const PREIMAGE = "ab".repeat(32);
const AT = 1_900_000_000;
const hex = (bytes: number): string => randomBytes(bytes).toString("hex");

/** A payment as a node three deep makes it: random hash, its own path. */
export function paymentOf(nth: number, more: Partial<PaymentRecord> = {}): PaymentRecord {
  const nodeIds = ["root", `planner-${nth % 100}`, `agent-${nth % 10_000}`];
  const node = nodeIds.at(-1)!;
  const origin = `https://shop-${nth % 1000}.example`;
  return {
    paymentHash: hex(32),
    intent: `${node} GET ${origin}/item/${nth}`,
    order: `${node} ${hex(16)}`,
    request: hex(32),
    anyPath: false,
    nodeIds,
    lineage: ["planner", "agent"],
    method: "GET",
    origin,
    path: `/item/${nth}`,
    invoice: `lnbcrt100n1${"q".repeat(300)}`,
    payee: `02${"ab".repeat(32)}`,
    amount: msat(10_000n),
    maxFee: msat(3000n),
    attemptId: hex(16),
    limitIds: ["wallet"],
    token: Buffer.alloc(220, nth).toString("base64"),
    enforced: ["endpoints", "valid_until"],
    status: "open",
    createdAt: AT,
    delivered: false,
    ...more,
  };
}

/** The counters that a payment of a node three deep counts against. */
const countedOf = ({ nodeIds }: PaymentRecord) =>
  nodeIds.flatMap((id) => [
    { id: `total ${id}`, kind: "spend", unit: "msat" } as const,
    { id: `budget ${id}`, kind: "spend", unit: "msat", max: 9_000_000_000_000_000_000n } as const,
  ]);

async function bought(store: Store, payment: PaymentRecord): Promise<void> {
  const { attemptId, paymentHash } = payment;
  const begun = await store.begin(
    { id: attemptId, at: AT, amount: msat(13_000n), uses: 0n, counted: countedOf(payment) },
    payment,
  );
  if (!begun.reserved) throw new Error("the bench's payment was not begun");
  const fee = msat(10n);
  await store.settle(paymentHash, attemptId, { status: "paid", preimage: PREIMAGE, fee, at: AT });
}

/** Begins, settles and marks `count` payments, `callers` at once. */
export async function steps(store: Store, count: number, callers: number): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) {
        const payment = paymentOf(Math.floor(Math.random() * 1e9));
        await bought(store, payment);
        await store.mark(payment.paymentHash, { status: "used", delivered: true });
      }
    }),
  );
}

/**
 * Fills the books until they have `count` payments or the time is over. Returns how many they have.
 */
export async function fill(
  store: Store,
  { from = 0, count, seconds }: { from?: number; count: number; seconds: number },
  progress: (text: string) => void,
): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let nth = from;
  let told = 0;
  while (nth < count && performance.now() < until) {
    const size = Math.min(AT_ONCE, count - nth);
    await Promise.all(Array.from({ length: size }, (_, at) => bought(store, paymentOf(nth + at))));
    nth += size;
    if (nth - told >= 50_000) {
      told = nth;
      progress(`books: ${nth} of ${count} payments`);
    }
  }
  return nth;
}

/** Copies the purchase that was made last, each copy for a path of its own. */
export async function holdMany(store: Store, count: number, anyPath: boolean): Promise<void> {
  const [like] = await store.payments({ status: "paid", limit: 1 });
  const { settledAt: _, preimage: __, fee: ___, ...open } = like!;
  const node = like!.nodeIds.at(-1)!;
  for (let nth = 0; nth < count; nth += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - nth) }, async (_none, at) => {
        const path = `/held/${anyPath ? "any" : "own"}/${nth + at}`;
        const attemptId = hex(16);
        const payment: PaymentRecord = {
          ...open,
          ...{ path, anyPath, attemptId, status: "open", delivered: true },
          paymentHash: hex(32),
          intent: `${node} GET ${like!.origin}${path}`,
          order: `${node} ${hex(16)}`,
        };
        await store.begin(
          { id: attemptId, at: like!.createdAt, amount: msat(0n), uses: 0n, counted: [] },
          payment,
        );
        const { preimage, fee } = like!;
        await store.settle(payment.paymentHash, attemptId, {
          ...{ status: "paid", preimage: preimage!, fee: fee!, at: like!.createdAt },
        });
      }),
    );
}
