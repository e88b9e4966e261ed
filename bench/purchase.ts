/**
 * What a treasury adds to a payment, alone and under load, with much held and much in its books,
 * and how it stops: on SQLite, and the same on Postgres.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { Invoice } from "l8nt/invoice";
import { openPostgresStore } from "l8nt/stores/postgres";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { devWallet } from "l8nt/wallets/dev";
import { Client } from "pg";
import type { Store } from "../packages/l8nt/src/ports/store.ts";
import { isInstalled } from "../scripts/folders.ts";
import { startPostgres } from "../test/postgres/support/server.ts";
import { fill, steps } from "./books.ts";
import { type Area, atLeast, atMost, type Figure, median, plain } from "./figure.ts";
import { microseconds } from "./rounds.ts";
import { stops } from "./stop.ts";
import { tableOf } from "./timeline.ts";
import { buy, challengeOf, openTown, type Town } from "./treasury-town.ts";

const ROUNDS = 300;
const WARM_UP = 300;
const HELD = Number(process.env.SIGIL_BENCH_HELD ?? 10_000);
const SMALL = 50_000;
/** `SIGIL_BENCH_PAYMENTS=1000000` fills the books as far as the target is meant. */
const LARGE = Number(process.env.SIGIL_BENCH_PAYMENTS ?? 200_000);
/** How long the books are filled at most. */
const FILL_SECONDS = Number(process.env.SIGIL_BENCH_SECONDS ?? 120);
const BACKLOG = 50_000;
const FOLDER = resolve(import.meta.dirname, "../node_modules");

type Progress = (text: string) => void;

/** The books of one kind. A name is a file of its own, or a schema of its own. */
interface Books {
  readonly kind: "SQLite" | "Postgres";
  /** New books for a treasury's process: undefined for a file of its own. */
  url(): Promise<string | undefined>;
  open(name: string): Promise<Store>;
}

const stop = async (books: Books, progress: Progress): Promise<readonly Figure[]> =>
  stops({ backlog: BACKLOG, url: await books.url() }, progress);

const PARTS: Readonly<
  Record<string, (books: Books, progress: Progress) => Promise<readonly Figure[]>>
> = { alone, load, held, growth, stop };

/** @param part one of the parts, or `timeline`; all of them if it is undefined */
export const purchase: Area = async (progress, part) => {
  const parts = part === undefined ? Object.keys(PARTS) : [part].filter((one) => one in PARTS);
  const folder = mkdtempSync(join(FOLDER, ".bench-"));
  const figures: Figure[] = [];
  const run = async (books: Books) => {
    for (const name of parts) {
      progress(`purchase: ${name}, ${books.kind}`);
      const found = await PARTS[name]!(books, progress);
      figures.push(
        ...found.map((figure) => ({ ...figure, name: `${figure.name}; ${books.kind}` })),
      );
    }
  };
  try {
    const timeline = part === undefined || part === "timeline" ? await lines(progress) : undefined;
    await run({
      kind: "SQLite",
      url: async () => undefined,
      open: (name) => openSqliteStore(join(folder, `${name}.db`), { maxBatch: 8192 }),
    });
    if (parts.length > 0 && isInstalled("peers")) {
      const server = await startPostgres({ durable: true, within: FOLDER });
      try {
        await run({
          kind: "Postgres",
          url: () => database(server.url),
          open: (name) => openPostgresStore({ url: server.url, schema: name }),
        });
      } finally {
        await server.stop();
      }
    } else if (parts.length > 0)
      progress("purchase: Postgres NOT RUN: test/peers is not installed");
    return timeline === undefined ? figures : { figures, details: { timeline } };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

let databases = 0;

/** A new database of the server. */
async function database(server: string): Promise<string> {
  const name = `bench_${++databases}`;
  const client = new Client({ connectionString: server });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return server.replace(/(?<=@[^/]*\/)[^?]*/, name);
}

async function townOf(books: Books, uses?: number): Promise<Town> {
  const url = await books.url();
  return openTown({
    ...(url !== undefined && { store: url }),
    ...(uses !== undefined && { uses }),
  });
}

async function within<Value>(town: Town, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } finally {
    await town.stop();
  }
}

/** One caller, against the wallet alone paying the same kind of invoice. */
async function alone(books: Books): Promise<readonly Figure[]> {
  const town = await townOf(books);
  return within(town, async () => {
    // A wallet of its own: a treasury stops for a payment of its wallet that is not in its books.
    const wallet = devWallet(town.net.account("payer", { balanceMsat: 10n ** 12n }).url);
    const times: Record<"order" | "pay" | "challenge" | "own", number[]> = {
      ...{ order: [], pay: [], challenge: [], own: [] },
    };
    const timed = async <Value>(work: () => Promise<Value>): Promise<[number, Value]> => {
      const since = performance.now();
      const value = await work();
      return [performance.now() - since, value];
    };
    let cpu = 0;
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      if (round === 0) cpu = await town.ask("cpu");
      const [order] = await timed(() => buy(town, town.credential, `/ordered/${round}`));
      const [challenge, invoice] = await timed(() => challengeOf(town, `/paid/${round}`));
      const { paymentHash, amountMsat } = Invoice.decode(invoice);
      const request = { invoice, paymentHash, amountMsat: amountMsat!, maxFeeMsat: 3000n };
      const [pay, outcome] = await timed(() => wallet.pay({ ...request, timeoutSeconds: 10 }));
      if (outcome.status !== "paid") throw new Error("the bench's payment was not made");
      if (round < 0) continue;
      times.order.push(order);
      times.challenge.push(challenge);
      times.pay.push(pay);
      times.own.push(order - challenge - pay);
    }
    const used = (await town.ask("cpu")) - cpu;
    const against = `median of ${ROUNDS}, one caller`;
    return [
      atMost(
        "the treasury's own work for an order, without the payment and the service's challenge",
        median(times.own),
        "ms",
        5,
        "the dev network's payment and the shop's challenge, measured in turn; one caller",
      ),
      plain("an order, from asking to the credential", median(times.order), "ms", against),
      plain("the node's own payment", median(times.pay), "ms", against),
      plain("the service's challenge", median(times.challenge), "ms", against),
      plain("CPU of the treasury for an order", used / ROUNDS, "µs", "its own rusage, one caller"),
    ];
  });
}

/** `count` orders by `callers` at once, each after its last was answered. Returns their times. */
async function orders(town: Town, count: number, callers: number): Promise<readonly number[]> {
  const times: number[] = [];
  let left = count;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) {
        const path = `/item/${callers}/${left}`;
        const since = performance.now();
        await buy(town, town.credential, path);
        times.push(performance.now() - since);
      }
    }),
  );
  return times.sort((a, b) => a - b);
}

async function load(books: Books): Promise<readonly Figure[]> {
  const town = await townOf(books);
  return within(town, async () => {
    await orders(town, 800, 16);
    const [cpu, since] = [await town.ask("cpu"), performance.now()];
    const sixteen = await orders(town, 800, 16);
    const seconds = (performance.now() - since) / 1000;
    const used = (await town.ask("cpu")) - cpu;
    const many = await orders(town, 1280, 64);
    const p99 = many[Math.floor(many.length * 0.99)]!;
    return [
      atLeast(
        "orders for each second of a core, 16 callers",
        (sixteen.length * 1_000_000) / used,
        "1/s",
        300,
        "the CPU that the treasury's process used, by its own rusage",
      ),
      plain(
        "orders each second, 16 callers",
        sixteen.length / seconds,
        "1/s",
        "shop, node and callers use the same cores",
      ),
      atMost("p99 of an order, 64 callers", p99 / median(many), "×", 5, "the median, the same run"),
      plain("an order, 64 callers", median(many), "ms", `median of ${many.length}`),
    ];
  });
}

async function held(books: Books): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const anyPath of [false, true]) {
    const town = await townOf(books, 100);
    await within(town, async () => {
      const some = async (name: string) => {
        const times: number[] = [];
        const cpu = await town.ask("cpu");
        for (let nth = 0; nth < 100; nth++) {
          const since = performance.now();
          await buy(town, town.credential, `/${name}/${nth}`);
          times.push(performance.now() - since);
        }
        return { time: median(times), cpu: ((await town.ask("cpu")) - cpu) / 100 };
      };
      await some("warm");
      const few = await some("few");
      await town.ask("hold", { count: HELD, anyPath });
      await town.ask("receipts");
      const many = await some("many");
      const which = anyPath ? "that may serve other paths" : "each for its own path";
      figures.push(
        atMost(
          `an order with ${HELD} purchases held at the origin, ${which}`,
          many.time,
          "ms",
          15,
          "one caller, its payment and the challenge included",
        ),
        plain("the same with few held", few.time, "ms", "the same run"),
        plain(
          "CPU of the treasury for such an order",
          many.cpu,
          "µs",
          `${Math.round(few.cpu)} µs with few held`,
        ),
      );
    });
  }
  return figures;
}

async function growth(books: Books, progress: Progress): Promise<readonly Figure[]> {
  const [small, large] = [await books.open("small"), await books.open("large")];
  try {
    const seconds = FILL_SECONDS;
    const few = await fill(small, { count: SMALL, seconds: seconds / 3 }, progress);
    const many = await fill(large, { count: LARGE, seconds }, progress);
    const cpu = { small: 0, large: 0 };
    const timed = (name: "small" | "large", store: Store) => async (count: number) => {
      const before = process.cpuUsage();
      await steps(store, count, 64);
      const { user, system } = process.cpuUsage(before);
      cpu[name] += user + system;
    };
    const time = await microseconds({
      small: [256, timed("small", small)],
      large: [256, timed("large", large)],
    });
    return [
      atMost(
        `begin, settle and mark with ${many} payments in the books${many < 1_000_000 ? " (the target is meant for 1000000)" : ""}`,
        time.large / time.small,
        "×",
        1.3,
        `the same with ${few} in other books, in turn, 64 callers`,
      ),
      plain("the same, CPU", cpu.large / cpu.small, "×", "CPU of the same rounds"),
      plain("begin, settle and mark", time.small, "µs", `${few} payments in the books, 64 callers`),
    ];
  } finally {
    await small.close();
    await large.close();
  }
}

/** The time line of one order, on SQLite. */
async function lines(progress: Progress) {
  const town = await openTown({ traces: true });
  return within(town, async () => {
    await orders(town, WARM_UP, 1);
    await town.ask("traced");
    for (let nth = 0; nth < 40; nth++) {
      await orders(town, 1, 1000 + nth);
      // The receipt is made after the answer, and is in no order's way.
      await town.ask("receipts");
    }
    const { order, lines: table } = tableOf(await town.ask("traced"));
    for (const line of table) progress(line);
    return order;
  });
}
