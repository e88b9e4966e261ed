/**
 * A budget per day in the table of agents is one budget: in one process, over several, and over
 * restarts of the treasury.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { SigilHandle } from "l8nt/agents";
import { listener } from "l8nt/node";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { guardedFetch, Treasury, treasuryApi } from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { expect, onTestFinished, test } from "vitest";
import { listen, secretOf, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { childEnv } from "./support/child-env.ts";

/** Enough for one request at 10 sat and its routing fee. */
const AGENTS = {
  scout: { budgetPerDay: "15 sat", expiresIn: "15m" },
  runner: { budgetPerDay: "15 sat" },
} as const;

async function world() {
  const there = await town();
  const credential = there.mint({ expiresIn: "7d" });
  const shop = await there.openShop();
  const open = () =>
    SigilHandle.open({ credential, clock: there.clock, agents: AGENTS }).forAgent("scout");
  return { ...there, credential, shop, open };
}

const outcome = (handle: SigilHandle, url: string) =>
  handle.fetch(url).then(
    ({ status }) => status,
    ({ code }) => code,
  );

test("a handle for each request has one budget a day, and the next day has another", async () => {
  const { clock, paid, shop, open } = await world();
  expect(await outcome(open(), shop.url)).toBe(200);
  for (const minutes of [0, 20, 40]) {
    clock.set(clock() + minutes * 60);
    expect(await outcome(open(), shop.url)).toBe("ERR_BUDGET");
  }
  expect(paid().count).toBe(1);
  clock.advance("1d");
  expect(await outcome(open(), shop.url)).toBe(200);
  expect(paid().count).toBe(2);
});

test("an agent of another name, or of one name with another scope, has a budget of its own", async () => {
  const { clock, credential, shop, open } = await world();
  expect(await outcome(open(), shop.url)).toBe(200);
  expect(await outcome(open(), shop.url)).toBe("ERR_BUDGET");
  const top = () => SigilHandle.open({ credential, clock, agents: AGENTS });
  expect(await outcome(top().forAgent("runner"), shop.url)).toBe(200);
  const other = () => top().delegate("scout", { budgetPerDay: "14 sat" });
  expect(await outcome(other(), shop.url)).toBe(200);
  expect(await outcome(other(), shop.url)).toBe("ERR_BUDGET");
});

test("an agent below one whose time begins anew keeps its budget", async () => {
  const { clock, credential, shop } = await world();
  const agents = { boss: { expiresIn: "15m", agents: AGENTS } } as const;
  const open = () =>
    SigilHandle.open({ credential, clock, agents }).forAgent("boss").forAgent("scout");
  expect(await outcome(open(), shop.url)).toBe(200);
  clock.advance("1h");
  expect(await outcome(open(), shop.url)).toBe("ERR_BUDGET");
});

test("the processes of one agent have one budget", async () => {
  const { clock, paid, credential, shop } = await world();
  const child = async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=l8nt-source", join(import.meta.dirname, "support/handle-child.ts")],
      {
        env: childEnv({
          SIGIL_CREDENTIAL: credential.toString(),
          AGENTS: JSON.stringify(AGENTS),
          URL_TO_FETCH: shop.url,
          NOW: String(clock()),
        }),
      },
    );
    return stdout.trim();
  };
  expect(await child()).toBe("200");
  clock.advance("1h");
  expect(await child()).toBe("ERR_BUDGET");
  clock.advance("1d");
  expect(await child()).toBe("200");
  expect(paid().count).toBe(2);
});

test("a treasury that starts again on its books, and a new handle, give no second budget", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sigil-handle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { network, clock, shop, paid } = await world();
  let treasury!: Treasury;
  const location = await listen((origin) =>
    listener((request) => treasuryApi(treasury)(request), { origin }),
  );
  const start = async () => {
    const store = await openSqliteStore(join(folder, "books.db"));
    treasury = new Treasury({
      secret: secretOf("the restarted treasury"),
      location,
      wallet: devWallet(network.account("treasury").url),
      store,
      fetch: guardedFetch({ allowLoopback: true }),
      clock,
      alarm: () => {},
    });
    return async () => {
      await treasury.stop();
      await store.close();
    };
  };
  let stop = await start();
  const credential = treasury.mint({
    endpoints: ["* http://127.0.0.1:*/**"],
    budget: "100 sat",
    expiresIn: "7d",
  });
  const open = () => SigilHandle.open({ credential, clock, agents: AGENTS }).forAgent("scout");
  expect(await outcome(open(), shop.url)).toBe(200);
  await stop();
  stop = await start();
  clock.advance("1h");
  expect(await outcome(open(), shop.url)).toBe("ERR_BUDGET");
  clock.advance("1d");
  expect(await outcome(open(), shop.url)).toBe(200);
  await stop();
  expect(paid().count).toBe(2);
});
