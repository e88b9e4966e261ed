/**
 * The process of the bench's treasury: what `sigil treasury start` runs, with its ports wrapped if
 * a time line is asked for. It answers its parent's messages with what only the process knows.
 */
import { randomBytes } from "node:crypto";
import { openWallet } from "l8nt";
import { serve } from "l8nt/node";
import { openPostgresStore } from "l8nt/stores/postgres";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { guardedFetch } from "l8nt/treasury";
import { wrappedStore } from "../packages/l8nt/src/treasury/wrapped-payments.ts";
import { Wrapping } from "../packages/l8nt/src/treasury/wrapping.ts";
import { curve } from "../packages/sigil/src/treasury/curve.ts";
import { logger } from "../packages/sigil/src/treasury/log.ts";
import { runTreasury } from "../packages/sigil/src/treasury/run.ts";
import { holdMany } from "./books.ts";
import { Recorder, type Traced } from "./timeline.ts";

export interface Setting {
  readonly location: string;
  readonly wallet: string;
  /** The path of an SQLite file, or the URL of a Postgres. */
  readonly store: string;
  /** What the first agent may do. */
  readonly endpoint: string;
  /** Whether to record a time line of each order. Then its figures are not those of a treasury. */
  readonly traces: boolean;
}

/** What the parent may ask, with the answer. */
export interface Answers {
  /** Microseconds of CPU that this process has used, in all of its threads. */
  readonly cpu: number;
  /** The orders that were traced since it was asked last. */
  readonly traced: readonly Traced[];
  /** Buys as often as it is said, on paper. */
  readonly hold: null;
  /** Makes the receipts that are missing. */
  readonly receipts: null;
}

export interface Question {
  readonly ask: keyof Answers;
  readonly count?: number;
  readonly anyPath?: boolean;
}

const {
  location,
  wallet,
  store: place,
  endpoint,
  traces,
} = JSON.parse(process.argv[2]!) as Setting;
const recorder = new Recorder();
const isUrl = /^postgres(?:ql)?:/.test(place);
if (traces) {
  if (!isUrl) recorder.watchSqlite(place);
  recorder.watchSignatures();
}
const wrapped = <Port extends object>(name: string, port: Port): Port =>
  traces ? recorder.wrap(name, port) : port;

const store = isUrl ? await openPostgresStore({ url: place }) : await openSqliteStore(place);
const bytes = randomBytes(64);
const root = bytes.subarray(0, 32);
const running = await runTreasury({
  config: { location, limits: { maxFirstPayment: "1000 sat", maxInFlight: { perNode: 64 } } },
  secrets: { root, receipts: bytes.subarray(32) },
  store: wrapped("books: ", store),
  wallet: async () => wrapped("exchange with the wallet: ", { ...(await openWallet(wallet)) }),
  fetch: wrapped("exchange with the service: ", {
    fetch: guardedFetch({ allowLoopback: true }),
  }).fetch,
  curve: wrapped("signature of the invoice: ", curve),
  log: logger("silent", process.stderr),
});
const traced: Traced[] = [];
const handler: typeof running.handler = async (...args) => {
  if (!traces) return running.handler(...args);
  recorder.begin();
  try {
    return await running.handler(...args);
  } finally {
    traced.push(recorder.end());
  }
};
const served = await serve(handler, { port: Number(new URL(location).port), origin: location });

const credential = running.treasury
  .mint({ endpoints: [endpoint], budget: "1000000000 sat", expiresIn: "7d" })
  .toString();

const answers: { [Ask in keyof Answers]: (question: Question) => Promise<Answers[Ask]> } = {
  cpu: async () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  traced: async () => traced.splice(0),
  hold: async ({ count = 0, anyPath = false }) => {
    // As the treasury sees its books: what was paid for is wrapped for its own row.
    const books = wrappedStore(store, new Wrapping(root), () => {});
    await holdMany(books, count, anyPath);
    return null;
  },
  receipts: async () => {
    await running.treasury.receipts(credential, 0, 1);
    return null;
  },
};
process.on("message", async (question: Question) => {
  process.send!({ answer: await answers[question.ask](question) });
});
process.on("SIGTERM", async () => {
  await served.close();
  await running.stop();
  await store.close();
  process.exit();
});
process.send!({ credential });
