/** How long `sigil treasury` takes to stop with many receipts missing, and to start again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { openPostgresStore } from "l8nt/stores/postgres";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { DevNetwork } from "l8nt/testing";
import { freePort } from "../test/e2e/support/free-port.ts";
import { fill } from "./books.ts";
import { atMost, type Figure, plain } from "./figure.ts";

const MAIN = resolve(import.meta.dirname, "../packages/sigil/src/main.ts");
const FOLDER = resolve(import.meta.dirname, "../node_modules");

export interface StopOptions {
  /** Payments without a receipt. */
  readonly backlog: number;
  /** Of a Postgres. */
  readonly url: string | undefined;
}

export async function stops(
  { backlog, url }: StopOptions,
  progress: (text: string) => void,
): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(FOLDER, ".bench-"));
  const dir = join(folder, "treasury");
  const net = await DevNetwork.start({});
  const wallet = net.account("treasury", { balanceMsat: 10n ** 12n }).url;
  const env = { PATH: process.env.PATH!, SIGIL_WALLET: wallet, ...(url && { SIGIL_STORE: url }) };
  const sigil = (...args: readonly string[]): ChildProcess =>
    spawn(process.execPath, ["--conditions=l8nt-source", "--no-warnings", MAIN, ...args], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
  const books = () =>
    url === undefined
      ? openSqliteStore(join(dir, "treasury.db"), { maxBatch: 8192 })
      : openPostgresStore({ url });
  try {
    const location = `http://127.0.0.1:${await freePort()}`;
    const scope = ["--endpoint", "* https://a.example/**", "--budget", "1 sat"];
    const rest = ["--expires-in", "7d", "--location", location];
    const made = sigil("treasury", "init", "--dir", dir, ...scope, ...rest);
    made.stdout!.resume();
    await once(made, "close");
    const store = await books();
    const payments = await fill(store, { count: backlog, seconds: 120 }, progress);
    const before = (await store.lastReceipt())?.seq ?? 0;
    await store.close();
    const run = async () => {
      const daemon = sigil("treasury", "start", "--dir", dir, "--log-level", "silent");
      for await (const _line of createInterface({ input: daemon.stdout! })) break;
      const since = performance.now();
      daemon.kill("SIGTERM");
      const [code] = (await once(daemon, "close")) as [number | null];
      if (code !== 0) throw new Error(`the bench's treasury ended with ${code}`);
      return performance.now() - since;
    };
    const first = await run();
    const second = await run();
    const after = await books();
    const made2 = (await after.lastReceipt())?.seq ?? 0;
    const missing = (await after.unreceipted(2 * backlog)).length;
    await after.close();
    if (made2 - before + missing !== payments)
      throw new Error(`${made2 - before} receipts and ${missing} missing, of ${payments} payments`);
    return [
      atMost(
        `a stop with ${payments} payments without a receipt`,
        Math.max(first, second) / 1000,
        "s",
        5,
        "from SIGTERM to the end of the process, the longer of two; each receipt once",
      ),
      plain(
        "receipts made by two runs",
        made2 - before,
        "receipts",
        "from the start to the end of each stop",
      ),
    ];
  } finally {
    await net.stop();
    rmSync(folder, { recursive: true });
  }
}
