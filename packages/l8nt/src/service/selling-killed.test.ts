/** A service that is killed before any statement: no sale is lost or told to nobody. [case 88] */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../stores/sqlite.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { killedPaywall, LOCATION, request, START } from "./fixtures/killed-paywall.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;
const CHILD = resolve(import.meta.dirname, "fixtures/selling-child.ts");

/** What the child said until it was killed before its nth statement, or was done. */
async function said(path: string, nth: number, credentials: readonly string[]) {
  const child = spawn(
    process.execPath,
    ["--conditions=l8nt-source", "--no-warnings", CHILD, path, `${nth}`, ...credentials],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let text = "";
  child.stdout.on("data", (bytes) => {
    text += bytes;
  });
  const [code, signal] = await once(child, "close");
  expect([code, signal]).toEqual(signal === null ? [0, null] : [null, "SIGKILL"]);
  return text.split("\n").filter(Boolean);
}

test.skipIf(!hasSqlite)(
  "killed before any statement, what was served is sold once, told, and given back once",
  { timeout: 300_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sigil-killed-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const first = join(folder, "books.db");
    await (await openSqliteStore(first)).close();
    const invoicer = new FakeInvoicer(() => START);
    const selling = killedPaywall({ invoicer });
    const credentials: string[] = [];
    for (let n = 0; n < 2; n++) {
      const refused = await selling.authorize(new Request(`${LOCATION}/paid`));
      if (refused.granted || !("response" in refused)) throw new Error("nothing was sold");
      const field = refused.response.headers.get("www-authenticate")!;
      const [, macaroon] = /macaroon="([^"]+)"/.exec(field)!;
      const [, invoice] = /invoice="([^"]+)"/.exec(field)!;
      credentials.push(`${macaroon}:${invoicer.pay(invoice!)}`);
    }

    const killed = async (nth: number): Promise<boolean> => {
      const path = join(folder, `${nth}.db`);
      copyFileSync(first, path);
      const lines = await said(path, nth, credentials);
      const store = await openSqliteStore(path);
      try {
        const told = new Set(lines.filter((line) => line.startsWith("told")));
        const onSale = ({ paymentHash }: { readonly paymentHash: string }) =>
          void told.add(`told ${paymentHash}`);
        const paywall = killedPaywall({ store, onSale });
        await paywall.ready();
        const served = lines.filter((line) => line.startsWith("served")).length;
        const totals = async () =>
          (await paywall.totals({ by: "route" })).reduce((sum, { sales }) => sum + sales, 0);
        // What was answered is in the books. One more may be, whose answer did not leave.
        const sold = await totals();
        expect([served, Math.min(served + 1, 2)]).toContain(sold);
        // Summed up or not, a sale is counted once. The clock of the child had gone on by then.
        if (!lines.includes("folding")) {
          // A refund is there as a whole or not at all, and what was said to be is there.
          let again = 0;
          for (const [n, credential] of credentials.entries()) {
            const decision = await paywall.authorize(request(credential));
            if (!decision.granted) continue;
            await decision.finish(200);
            if (n < served) again++;
          }
          expect(again).toBeLessThanOrEqual(1);
          if (lines.includes("refunded")) expect(again).toBe(1);
        }
        // Whatever came twice, each purchase is one sale, and the owner has heard of each.
        expect(await totals()).toBe(2);
        while ((await store.untoldSales(0, 10)).length > 0)
          await new Promise((done) => setImmediate(done));
        expect(told.size).toBe(2);
      } finally {
        await store.close();
      }
      return lines.includes("done");
    };
    let nth = 1;
    while (!(await Promise.all([killed(nth), killed(nth + 1), killed(nth + 2)])).every(Boolean))
      nth += 3;
    expect(nth).toBeGreaterThan(12);
  },
);
