/**
 * The two forms of each caveat agree: what our chain decides of a request is what Biscuit's own
 * libraries decide of the checks, with the facts of spec/9-public-key.md §5.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readOrigin, targetAt } from "../../../packages/l8nt/src/caveat/index.ts";
import { libraries } from "./libraries.ts";
import {
  type Asked,
  allows,
  asked,
  credentials,
  factsOf,
  minted,
  NOW,
  tokenOf,
  verified,
} from "./world.ts";

/** Requests for each credential. */
const REQUESTS = 5;
const RUNS = { wasm: Number(process.env.SIGIL_LAW_RUNS ?? 10_000), python: 500 };
const SEED = Number(process.env.SIGIL_LAW_SEED ?? 402);

const requests = fc.array(asked, { minLength: REQUESTS, maxLength: REQUESTS });

test.each(libraries)(
  "$name decides of random requests as we do",
  { timeout: 0 },
  async ({ name, start }) => {
    const library = start();
    const count = { allowed: 0, denied: 0 };
    await fc.assert(
      fc.asyncProperty(credentials, requests, async (blocks, all) => {
        const token = tokenOf(minted(blocks));
        const proven = verified(token);
        for (const one of all) {
          const ours = allows(proven, one);
          count[ours ? "allowed" : "denied"]++;
          expect(await library.authorized(token, factsOf(one, blocks))).toBe(ours);
        }
      }),
      { numRuns: RUNS[name] / REQUESTS, seed: SEED },
    );
    expect(count.allowed + count.denied).toBeGreaterThanOrEqual(RUNS[name]);
    // The law would prove little if nearly all had the same verdict.
    expect(Math.min(count.allowed, count.denied)).toBeGreaterThan(RUNS[name] / 10);
  },
);

/** The requests of the table in spec/2-caveats.md §3 that are not refused before any caveat. */
const rows = [
  ...readFileSync(join(import.meta.dirname, "../../../spec/2-caveats.md"), "utf8").matchAll(
    /^\| `(.+?)` \| `(\S+) (\w+:\/\/[^/]+)(.*?)` \| (covered|not covered) \|$/gm,
  ),
].map(([, entry, method, base, path, answer]) => ({
  entry: entry!.replaceAll("\\|", "|"),
  target: targetAt(method!, readOrigin(base!)!, path!)!,
  answer: answer!,
}));

test.each(libraries)("$name covers the endpoints of the specification", async ({ start }) => {
  const library = start();
  expect(rows.length).toBeGreaterThan(15);
  for (const { entry, target, answer } of rows) {
    const blocks = [[`endpoints=${entry}`]];
    const one: Asked = { access: { now: NOW, target }, isReserved: true };
    const token = tokenOf(minted(blocks));
    const theirs = await library.authorized(token, factsOf(one, blocks));
    expect([entry, target.path, theirs ? "covered" : "not covered"]).toEqual([
      entry,
      target.path,
      answer,
    ]);
    expect(allows(verified(token), one)).toBe(theirs);
  }
});

const longest = (text: string, part: string): string =>
  text + part.repeat(Math.floor((1024 - text.length) / part.length));

test.each(libraries)("$name evaluates the longest caveats", async ({ start }) => {
  const library = start();
  const path = (part: string, count: number) => part.repeat(count);
  for (const [caveat, request] of [
    [longest("endpoints=* https://*:*/**", ";* https://*:*/**"), "/a"],
    [longest("endpoints=* https://*.example:*", "/*"), path("/a", 496)],
    [longest("endpoints=GET https://api.example", "/+"), path("/+", 495)],
    [`model=${"a*,".repeat(99)}a*`, "/"],
  ] as const) {
    const blocks = [[caveat]];
    const target = targetAt("GET", readOrigin("https://api.example")!, request)!;
    const one: Asked = { access: { now: NOW, target, model: "ab" }, isReserved: true };
    const token = tokenOf(minted(blocks));
    expect(await library.authorized(token, factsOf(one, blocks))).toBe(true);
    expect(allows(verified(token), one)).toBe(true);
  }
});
