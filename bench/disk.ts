/**
 * What uses and purchases take on the disk, and whether the file stays as it is once old entries
 * are folded. `disk:1000000` folds rounds of as many uses; without a number they are smaller.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { msat } from "../packages/l8nt/src/amount.ts";
import { auditLedger, Keeper } from "../packages/l8nt/src/ledger/index.ts";
import type { Counted } from "../packages/l8nt/src/ports/limit.ts";
import type { Store } from "../packages/l8nt/src/ports/store.ts";
import { signedSeal } from "../packages/l8nt/src/receipt/checkpoint.ts";
import { ReceiptSigner } from "../packages/l8nt/src/receipt/key.ts";
import { paymentOf } from "./books.ts";
import { atLeast, atMost, type Figure, type Measured, plain } from "./figure.ts";

/** On the disk of the code, as `sqlite.ts` has it. */
const FOLDER = resolve(import.meta.dirname, "../node_modules");

const AT_ONCE = 512;
const USES = 8000;
const PURCHASES = 2000;
const ROUNDS = 3;
const DAY = 86_400;
const START = 1_900_000_000;

const SEAL = await signedSeal(await ReceiptSigner.fromSeed(new Uint8Array(32).fill(7)));

let serial = 0;
const hex = (length: number): string => (++serial).toString(16).padStart(length, "0");

/** One use or purchase at that time. */
type Kind = (store: Store, at: number) => Promise<void>;

const used = async (store: Store, at: number, counted: readonly Counted[]): Promise<void> => {
  const id = `use.service.${hex(16)}.${hex(32)}`;
  const answer = await store.reserve({ id, at, amount: msat(10_000n), uses: 1n, counted });
  if (!answer.reserved) throw new Error("the bench ran out of uses");
  await store.commit(id, msat(10_000n), at);
};

/** A credential of its own for each, which ends after an hour. */
const single: Kind = (store, at) => {
  const limit = { id: hex(32), kind: "uses", max: 1n, expiresAt: at + 3600 } as const;
  return used(store, at, [limit]);
};

const SHARED = Array.from({ length: 100 }, () => hex(32));

/** One of a hundred credentials without an end, with a limit in a window and a budget. */
const many: Kind = (store, at) => {
  const id = SHARED[serial % SHARED.length]!;
  return used(store, at, [
    { id, kind: "uses", max: 10n ** 9n, windowSeconds: DAY },
    { id: `b${id.slice(1)}`, kind: "spend", unit: "msat", max: 10n ** 15n },
  ]);
};

/** A payment three nodes deep, handed over and answered, without its receipt. */
const purchase: Kind = async (store, at) => {
  const payment = paymentOf(++serial, { createdAt: at });
  const { nodeIds, attemptId, paymentHash } = payment;
  const counted = nodeIds.flatMap((id): Counted[] => [
    { id: `${id} msat`, kind: "spend", unit: "msat" },
    { id: `budget ${id}`, kind: "spend", unit: "msat", max: 10n ** 15n },
  ]);
  await store.begin({ id: attemptId, at, amount: msat(13_000n), uses: 0n, counted }, payment);
  const preimage = paymentHash;
  await store.settle(paymentHash, attemptId, { status: "paid", preimage, fee: msat(9n), at });
  await store.mark(paymentHash, { status: "used", delivered: true });
};

async function repeat(store: Store, kind: Kind, count: number, at: number): Promise<void> {
  let left = count;
  const caller = async () => {
    while (left-- > 0) await kind(store, at);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
}

interface Folded {
  /** Of one use, before anything is folded. */
  readonly bytes: number;
  /** The file after each round. */
  readonly sizes: readonly number[];
  readonly longestStepMs: number;
  readonly entriesPerSecond: number;
}

/** Keeps the books of a process that has run since the entries were made. */
function keeperOf(books: Store, at: number): Keeper {
  let elapsed = 0;
  const keeper = new Keeper({
    ...{ books, keepSeconds: DAY, clock: () => at, elapsed: () => elapsed },
    seal: async () => SEAL,
    failed: (cause) => {
      throw cause;
    },
  });
  keeper.wake(at);
  elapsed = 3 * DAY;
  return keeper;
}

/** How many entries are folded for each one that is made meanwhile, at full load on one thread. */
async function beside(path: string, count: number): Promise<number> {
  const store = await openSqliteStore(path);
  await repeat(store, single, count, START);
  const at = START + 3 * DAY;
  let isOver = false;
  let made = 0;
  const caller = async () => {
    while (!isOver) {
      await single(store, at);
      made += 2;
    }
  };
  const callers = Array.from({ length: AT_ONCE }, caller);
  await keeperOf(store, at).fold();
  isOver = true;
  const madeMeanwhile = made;
  await Promise.all(callers);
  const { entries } = await store.checkpoint();
  await store.close();
  return entries / madeMeanwhile;
}

/** Rounds of uses two days apart: all of a round is old in the next one. */
async function rounds(path: string, kind: Kind, count: number): Promise<Folded> {
  let at = START;
  const sizes: number[] = [];
  let bytes = 0;
  let longestStepMs = 0;
  let seconds = 0;
  let store = await openSqliteStore(path);
  const empty = statSync(path).size;
  for (let round = 0; round < ROUNDS; round++) {
    await repeat(store, kind, count, at);
    // The log is copied to the file when the store is closed.
    await store.close();
    sizes.push(statSync(path).size);
    if (round === 0) bytes = (sizes[0]! - empty) / count;
    store = await openSqliteStore(path);
    at += 3 * DAY;
    const keeper = keeperOf(store, at);
    const began = performance.now();
    const watch = watched();
    await keeper.fold();
    longestStepMs = Math.max(longestStepMs, watch.stop());
    seconds += (performance.now() - began) / 1000;
  }
  const { entries } = await store.checkpoint();
  const { faults } = await auditLedger(store);
  if (faults.length > 0) throw new Error(`the books of the bench are wrong: ${faults[0]!.what}`);
  await store.close();
  return {
    bytes,
    sizes,
    longestStepMs,
    entriesPerSecond: entries / seconds,
  };
}

/** Of this thread, so that others on the machine do not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Measures the longest turn of the event loop, in milliseconds of CPU. */
function watched(): { stop(): number } {
  let isOver = false;
  let longest = 0;
  let last = cpuMs();
  const turn = () => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    stop: () => {
      isOver = true;
      return longest;
    },
  };
}

/** The longest turn of the event loop while the books of `count` uses are verified. */
async function verifying(path: string, count: number): Promise<number> {
  const store = await openSqliteStore(path);
  await repeat(store, single, count, START);
  const watch = watched();
  const { faults } = await auditLedger(store);
  const longest = watch.stop();
  await store.close();
  if (faults.length > 0) throw new Error(`the books of the bench are wrong: ${faults[0]!.what}`);
  return longest;
}

export async function disk(progress: (text: string) => void, part?: string): Promise<Measured> {
  const uses = part === undefined ? USES : Number(part);
  const folder = mkdtempSync(resolve(FOLDER, ".bench-"));
  const figures: Figure[] = [];
  const sizes: Record<string, readonly number[]> = {};
  try {
    const kinds = { "single use": single, use: many, purchase } as const;
    for (const [name, kind] of Object.entries(kinds)) {
      progress(`disk: ${ROUNDS} rounds of a ${name}`);
      const count = name === "purchase" ? PURCHASES : uses;
      const path = resolve(folder, `${name}.db`);
      const folded = await rounds(path, kind, count);
      sizes[name] = folded.sizes;
      figures.push(
        plain(`a ${name}, before it is folded`, folded.bytes, "bytes", "an empty file"),
        plain("entries folded", folded.entriesPerSecond, "1/s", `a ${name}, one thread`),
        atMost(
          "the longest step of folding",
          folded.longestStepMs,
          "ms",
          50,
          "CPU of one turn of the event loop",
        ),
      );
      if (name === "purchase") {
        const [first = 0, second = 0, last = 0] = folded.sizes;
        const rest = (last - second) / count;
        figures.push(plain("a purchase, after it was folded", rest, "bytes", `${first} before`));
      } else
        figures.push(
          atMost(
            `the file after ${ROUNDS} rounds of a ${name}, each folded before the next`,
            folded.sizes.at(-1)! / folded.sizes[0]!,
            "×",
            1.1,
            "the file after the first round",
          ),
        );
    }
    progress("disk: folding beside uses");
    figures.push(
      atLeast(
        "entries folded for each entry made at the same time",
        await beside(resolve(folder, "beside.db"), uses),
        "×",
        1,
        "512 callers on the same thread",
      ),
    );
    progress("disk: verifying the ledger");
    const longest = await verifying(resolve(folder, "verify.db"), uses);
    figures.push(
      atMost(
        "the longest step of verifying the ledger",
        longest,
        "ms",
        50,
        "CPU of one turn of the event loop",
      ),
    );
    return { figures, details: { fileBytesAfterEachRound: sizes } };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
