/**
 * 200 simulated worlds, each from its seed. They run in another process, because a world replaces
 * timers and randomness.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Report {
  readonly worlds: number;
  readonly payments: number;
  readonly deaths: number;
  readonly digests: Readonly<Record<string, string>>;
  readonly failed: readonly { readonly seed: number; readonly faults: readonly string[] }[];
}

function simulate(...options: readonly string[]): Promise<Report> {
  const args = [
    "--conditions=l8nt-source",
    join(import.meta.dirname, "main.ts"),
    "--json",
    ...options,
  ];
  return new Promise((resolve, reject) => {
    // It exits 1 where a world failed, and says which.
    execFile(process.execPath, args, { maxBuffer: 2 ** 26 }, (_error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Report);
      } catch {
        reject(new Error(`the simulation broke off: ${stderr.slice(-2000)}`));
      }
    });
  });
}

const seedsOf = (seeds: readonly number[]) => seeds.flatMap((seed) => ["--seed", `${seed}`]);

test("in 200 worlds no limit is passed, nothing is paid twice, and no paid intent is lost [cases 43-46, 52-59, 62-64, 72, 75, 105-107, 111]", async () => {
  const { worlds, payments, deaths, failed } = await simulate("--seeds", "200");
  expect(failed).toEqual([]);
  expect(worlds).toBe(200);
  // Worlds in which little happens would prove nothing.
  expect(payments).toBeGreaterThan(600);
  expect(deaths).toBeGreaterThan(100);
});

test("seeds that failed once do not fail again", async () => {
  const seeds = JSON.parse(
    readFileSync(join(import.meta.dirname, "failed-seeds.json"), "utf8"),
  ) as number[];
  expect((await simulate(...seedsOf(seeds))).failed).toEqual([]);
});

test("the same seed gives the same trace, and another seed another", async () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  const [first, again] = [
    await simulate(...seedsOf(seeds)),
    await simulate(...seedsOf([...seeds].reverse())),
  ];
  expect(again.digests).toEqual(first.digests);
  expect(new Set(Object.values(first.digests)).size).toBe(seeds.length);
});
