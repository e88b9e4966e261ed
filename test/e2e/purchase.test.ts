/** The five lines of the README in processes that have only their environment. */
import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { town } from "../../packages/l8nt/src/testing/fixtures/town.ts";

const SNIPPET = `
  import { Client } from "l8nt";
  const client = new Client();
  const response = await client.get(process.argv[1]);
  console.log(await response.json());`;

/** Runs a program with this environment; gives what it printed. */
async function run(
  env: Record<string, string>,
  script: string,
  ...args: string[]
): Promise<string> {
  const flags = ["--conditions=l8nt-source", "--no-warnings", "--input-type=module", "-e", script];
  const child = spawn(process.execPath, [...flags, ...args], {
    cwd: import.meta.dirname,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    printed.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    printed.err += chunk;
  });
  await new Promise((resolve) => child.on("close", resolve));
  return printed.out + printed.err;
}

/** A process has the system's clock, so the whole town has it. */
async function townOfNow() {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  return world;
}

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

test("the five lines of the README pay, from a credential or from a wallet", async () => {
  const world = await townOfNow();
  const shop = await world.openShop(PASS);
  const url = `${shop.url}/forecast?city=tokyo`;
  expect(await run({ SIGIL_CREDENTIAL: world.mint().toString() }, SNIPPET, url)).toBe(
    "{ served: 1 }\n",
  );
  expect(await run({ SIGIL_WALLET: world.network.account("treasury").url }, SNIPPET, url)).toBe(
    "{ served: 2 }\n",
  );
  expect(world.paid().count).toBe(2);
});

test("without either, free resources work, a 402 says what to set, and an uncaught error prints no secret", async () => {
  const world = await townOfNow();
  const shop = await world.openShop(PASS);
  const free = await world.openShop({ price: "0 sat" });
  expect(await run({}, SNIPPET, free.url)).toBe("{ served: 1 }\n");
  const uncaught = await run({}, SNIPPET, shop.url);
  expect(uncaught).toContain("SIGIL_CREDENTIAL");
  expect(uncaught).toContain("SIGIL_WALLET");
  const poor = world.mint({ budget: "1 sat" }).toString();
  const denied = await run({ SIGIL_CREDENTIAL: poor }, SNIPPET, shop.url);
  expect(denied).toContain("ERR_BUDGET");
  expect(denied).not.toContain(poor.slice(-64));
  expect(denied).not.toContain(poor.slice(-110, -70));
});

test("two processes with one credential share one budget [case 43]", async () => {
  const world = await townOfNow();
  const shop = await world.openShop();
  const env = { SIGIL_CREDENTIAL: world.mint({ budget: "13 sat" }).toString() };
  const both = await Promise.all(["/a", "/b"].map((path) => run(env, SNIPPET, shop.url + path)));
  expect(both.filter((printed) => printed.includes("served: 1"))).toHaveLength(1);
  expect(both.filter((printed) => printed.includes("ERR_BUDGET"))).toHaveLength(1);
  expect(world.paid().count).toBe(1);
});
