import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { browserBudgetBytes, browserBundle, publicKeyBudgetBytes } from "./browser-bundle.ts";

const cache = join(import.meta.dirname, "../.cache");
mkdirSync(cache, { recursive: true });
// Inside the repository, so that `l8nt` is found as it is by everything else here.
const folder = mkdtempSync(join(cache, "bundle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bundled = (name: string, text: string, budgetBytes?: number) => {
  const entry = join(folder, `${name}.js`);
  writeFileSync(entry, text);
  return browserBundle(entry, { budgetBytes });
};

test("what an agent needs to narrow a credential has no faults", async () => {
  const { faults, gzipBytes } = await bundled("fine", 'export { Credential } from "l8nt/l402";');
  expect(faults).toEqual([]);
  expect(gzipBytes).toBeGreaterThan(1000);
  expect(gzipBytes).toBeLessThan(browserBudgetBytes);
});

test.each([
  ["narrows and seals", "export { seal }"],
  ["verifies", "export { BiscuitVerifier }"],
  ["mints", "export { Minter }"],
  // A ring of private keys, and a judge of Datalog with its wasm, are for issuers and services.
  ["does all of it in", "export { BiscuitVerifier, IssuerDirectory, Minter, seal, slice }"],
])("a client that also %s the public-key form keeps its budget", async (name, what) => {
  const text = `export * from "l8nt"; ${what} from "l8nt/biscuit";`;
  const { faults, initialGzipBytes } = await bundled(
    name.replaceAll(" ", ""),
    text,
    publicKeyBudgetBytes,
  );
  expect(faults).toEqual([]);
  expect(initialGzipBytes).toBeGreaterThan(browserBudgetBytes);
});

test("the client of a treasury's owner loads in a browser", async () => {
  const { faults } = await bundled("owner", 'export { OwnerClient } from "l8nt/owner";');
  expect(faults).toEqual([]);
});

test.each([
  [
    "server code",
    'export * from "l8nt/service";',
    /src\/service\/paywall\.ts is in the browser bundle/,
  ],
  ["a module of Node's", 'export { readFileSync } from "node:fs";', /still imports "node:fs"/],
  [
    "one that it would load later",
    'export const later = () => import("node:fs");',
    /still imports "node:fs"/,
  ],
  [
    "more than the budget",
    `export default ${JSON.stringify(Array.from({ length: 99_999 }, (_, i) => ((i + 1) * 2654435761) % 4294967296))};`,
    /the limit is 25000/,
  ],
])("%s is a fault", async (name, text, says) => {
  const { faults } = await bundled(name.replaceAll(/\W/g, ""), text);
  expect(faults.join("\n")).toMatch(says);
});
