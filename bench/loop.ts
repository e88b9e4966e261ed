/**
 * How long one request, one revocation or one clean-up of the directory holds the event loop of a
 * treasury whose directory is full: 10,000 nodes, flat and in lines of 61. [case 118]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Credential } from "l8nt";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { ownerApi, Treasury, treasuryApi } from "l8nt/treasury";
import { msat } from "../packages/l8nt/src/amount.ts";
import type { NodeRecord } from "../packages/l8nt/src/ports/nodes.ts";
import type { Store } from "../packages/l8nt/src/ports/store.ts";
import { NodeDirectory } from "../packages/l8nt/src/treasury/nodes.ts";
import { openApiDocument } from "../packages/l8nt/src/wire/discovery.ts";
import { ownTree } from "../packages/l8nt/src/wire/nodes.ts";
import {
  ownerHealth,
  ownerJournal,
  ownerPayments,
  ownerRecalls,
  ownerTree,
} from "../packages/l8nt/src/wire/owner.ts";
import { ownReceipts } from "../packages/l8nt/src/wire/receipts.ts";
import { paymentOf } from "./books.ts";
import { atMost, type Figure, plain } from "./figure.ts";

const TARGET_MS = 50;
const FOLDER = resolve(import.meta.dirname, "../node_modules");
const LOCATION = "https://treasury.example";
const FLAT = 9000;
const LINES = 16;
const DEEP = 61;
const HANDED_OVER = 10_000;
const REVOKED = 19_000;
const LISTED = 1000;
const PARALLEL = 8;
const ROUNDS = 3;

const idOf = (name: string, at: number): string =>
  Buffer.from(name).toString("hex").padEnd(8, "0").slice(0, 8) + at.toString(16).padStart(24, "0");

interface Hold {
  /** CPU time of the thread in the longest turn, in milliseconds, to about 4 ms. */
  readonly cpu: number;
  /** As `monitorEventLoopDelay` saw it, with what other processes take of the core. */
  readonly delay: number;
}

/** The longest turn of the event loop while `act` runs. */
async function held(act: () => Promise<unknown>): Promise<Hold> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  let longest = 0;
  let isOver = false;
  let before = process.threadCpuUsage();
  const watch = () => {
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, user + system);
    before = process.threadCpuUsage();
    if (!isOver) setImmediate(watch);
  };
  delays.enable();
  setImmediate(watch);
  await new Promise((next) => setImmediate(next));
  longest = 0;
  delays.reset();
  await act();
  // The delay of a turn is seen by the first timer after it.
  await new Promise((next) => setTimeout(next, 5));
  isOver = true;
  delays.disable();
  return { cpu: longest / 1000, delay: delays.max / 1e6 };
}

interface Act {
  readonly name: string;
  /** What is not measured. */
  readonly before?: (round: number) => void;
  readonly run: (round: number) => Promise<unknown>;
}

/** The middle one of some rounds. */
async function middle({ before, run }: Act): Promise<Hold> {
  const holds: Hold[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    before?.(round);
    holds.push(await held(() => run(round)));
  }
  return holds.sort((a, b) => a.cpu - b.cpu)[ROUNDS >> 1]!;
}

/** What a node of an honest tree says, in a record of the size that it has. */
const recordOf = (path: readonly string[], metAt: number): NodeRecord => {
  const id = path.at(-1)!;
  return {
    id,
    agent: `agent ${id}`,
    path: path as NodeRecord["path"],
    caveats: [`agent=agent.${id}`, "budget_msat=1000000", "endpoints=GET https://*.example/**"],
    limits: [
      {
        id: `${id} budget`,
        kind: "spend",
        unit: "msat",
        max: 1_000_000n,
        condition: "budget_msat",
      },
    ],
    metAt,
  };
};

async function fillDirectory(store: Store, root: string, now: number): Promise<void> {
  const parents = Array.from({ length: FLAT / 1000 }, (_, at) => [root, idOf("parent", at)]);
  const records = [recordOf([root], now), ...parents.map((path) => recordOf(path, now))];
  for (let at = 0; at < FLAT; at++)
    records.push(recordOf([...parents[Math.floor(at / 1000)]!, idOf("flat", at)], now + at));
  for (let line = 0; line < LINES; line++) {
    const names = Array.from({ length: DEEP }, (_, at) => idOf(`l${line}`, at));
    for (let depth = 1; depth <= DEEP; depth++)
      records.push(recordOf([root, ...names.slice(0, depth)], now + line));
  }
  for (let at = 0; at < records.length; at += 250) await store.meet(records.slice(at, at + 250));
}

async function fillPayments(store: Store, root: string, now: number): Promise<void> {
  const nodeIds = [root, ...Array.from({ length: DEEP }, (_, at) => idOf("payer", at))];
  const counted = nodeIds.map((id) => ({ id: `${id} msat`, kind: "spend", unit: "msat" }) as const);
  for (let at = 0; at < LISTED; at++) {
    const lineage = nodeIds.map((id) => `agent ${id}`);
    const payment = paymentOf(at, {
      createdAt: now,
      nodeIds,
      lineage,
      limitIds: counted.map(({ id }) => id),
    });
    const { attemptId: id, paymentHash, createdAt } = payment;
    await store.begin({ id, at: createdAt, amount: msat(10n), uses: 0n, counted }, payment);
    const [preimage, fee] = ["ab".repeat(32), msat(1n)];
    await store.settle(paymentHash, id, { status: "paid", preimage, fee, at: createdAt });
    const text = JSON.stringify({ ...payment, amount: "10", maxFee: "1" });
    await store.appendReceipts([{ seq: at + 1, paymentHash, hash: "ab".repeat(32), text }]);
  }
}

async function fillHandOvers(store: Store, root: string, node: string, now: number): Promise<void> {
  for (let at = 0; at < HANDED_OVER; at += 500)
    await Promise.all(
      Array.from({ length: 500 }, (_, more) =>
        store.handOver(
          {
            paymentHash: idOf("hash", at + more).repeat(2),
            origin: `https://shop-${(at + more) % 50}.invalid`,
            nodeIds: [root, node],
            payer: root,
            recallable: true,
            until: now + 900,
          },
          { at: now, maxBelow: 1_000_000 },
        ),
      ),
    );
}

export async function loop(progress: (text: string) => void): Promise<Figure[]> {
  const folder = mkdtempSync(join(FOLDER, ".bench-"));
  const store = await openSqliteStore(join(folder, "books.db"));
  const treasury = new Treasury({
    secret: crypto.getRandomValues(new Uint8Array(32)),
    location: LOCATION,
    store,
    wallet: () => Promise.reject(new Error("the bench pays nothing")),
    fetch: async () => new Response(null, { status: 503 }),
    alarm: () => {},
  });
  const { authority } = treasury;
  const now = Date.now() / 1000;
  try {
    const credential = treasury.mint({
      endpoints: ["GET https://*.example/**"],
      budget: "100 sat",
      expiresIn: "1h",
    });
    const root = authority.verifier.authenticate(credential).node.id;
    progress("loop: fills the books");
    await fillDirectory(store, root, now);
    await fillPayments(store, root, now);
    const handed = idOf("handed", 0);
    await fillHandOvers(store, root, handed, now);
    await treasury.start();

    const [agents, owners] = [treasuryApi(treasury), ownerApi(treasury)];
    const owner = treasury.owner.mint({ expiresIn: "1h" });
    const ask = async (api: typeof agents, who: Credential, path: string) => {
      const headers = { authorization: `L402 ${who}` };
      const response = await api(new Request(LOCATION + path, { headers }));
      if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
      return response.arrayBuffer();
    };
    const tree = async (api: typeof agents, who: Credential, path: string) => {
      let next: string | undefined = "";
      while (next !== undefined) {
        const after = next === "" ? "" : `&after=${next}`;
        const bytes = await ask(api, who, `${path}?limit=1000${after}`);
        // The client reads it elsewhere: only the end is looked at, where the next page is named.
        next = /"next":"([^"]*)"\}$/.exec(Buffer.from(bytes.slice(-100)).toString())?.[1];
      }
    };
    const many = (work: () => Promise<unknown>) =>
      Promise.all(Array.from({ length: PARALLEL }, work));

    const lineOf = (round: number) =>
      Array.from({ length: DEEP }, (_, at) => idOf(`r${round}`, at));
    const pageOf = (name: string, api: typeof agents, who: Credential, path: string): Act => ({
      name: `a page of ${LISTED} ${name}`,
      run: () => ask(api, who, `${path}?limit=${LISTED}`),
    });
    const acts: readonly Act[] = [
      {
        name: `${PARALLEL} agents read the tree`,
        run: () => many(() => tree(agents, credential, ownTree.path)),
      },
      { name: "the owner reads the tree", run: () => tree(owners, owner, ownerTree.path) },
      pageOf("payments", owners, owner, ownerPayments.path),
      pageOf("journal entries", owners, owner, ownerJournal.path),
      pageOf("receipts", agents, credential, ownReceipts.path),
      { name: "the OpenAPI document", run: () => ask(agents, credential, openApiDocument.path) },
      { name: "the owner's health", run: () => ask(owners, owner, ownerHealth.path) },
      {
        name: "the surplus of the directory is forgotten",
        run: async (round) => {
          const gate = { isFrozen: () => false } as never;
          const directory = new NodeDirectory({ store, clock: () => now + round, authority, gate });
          const parent = credential.delegate({ agent: `more${round}` });
          for (let at = 0; at < 250; at++) {
            const child = parent.delegate({ agent: `child${at}` });
            await directory.spent(authority.verifier.authenticate(child));
          }
          await directory.settled();
        },
      },
      {
        name: `a revocation above ${REVOKED} revoked nodes, ${DEEP} deep`,
        before: (round) => {
          const above = lineOf(round);
          for (let at = 0; at < REVOKED; at++)
            authority.revocations.revoke(idOf(`f${round}`, at), now + 3600, {
              above,
              by: above[at % 19]!,
            });
        },
        run: (round) => treasury.owner.revoke(lineOf(round)[0]!),
      },
      {
        name: `a revocation of a node with ${HANDED_OVER} hand-overs`,
        run: () => treasury.owner.revoke(handed),
      },
      pageOf("recalls", owners, owner, ownerRecalls.path),
    ];
    const figures: Figure[] = [];
    for (const act of acts) {
      const { name } = act;
      progress(`loop: ${name}`);
      const hold = await middle(act);
      figures.push(
        atMost(`${name}: longest turn, CPU of the thread`, hold.cpu, "ms", TARGET_MS, "the clock"),
        plain(`${name}: longest delay of the loop`, hold.delay, "ms", "the clock"),
      );
    }
    return figures;
  } finally {
    await treasury.stop();
    await store.close();
    rmSync(folder, { recursive: true });
  }
}
