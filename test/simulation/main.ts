/**
 * Runs worlds, one for each seed. Exits 1 if anything failed in one of them; `--seed S` runs that
 * one again and prints its trace.
 */
import { optionsOf } from "../../scripts/options.ts";
import "./loaded.ts";
import { simulate } from "./world.ts";

const LAST_LINES = 40;

const USAGE = `npm run simulate -- [--seeds N] [--from K] [--seed S] [--json]

Runs a treasury in simulated worlds, one for each seed. Exits 1 if anything failed in one of them.

  --seeds N   how many worlds (default: 200)
  --from K    the first seed (default: 1)
  --seed S    only this one, and print its trace (repeatable)
  --json      print one JSON document`;

const values = optionsOf(USAGE, {
  seeds: { type: "string", default: "200" },
  from: { type: "string", default: "1" },
  seed: { type: "string", multiple: true },
  json: { type: "boolean", default: false },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) {
    console.error(`--${name} must be a whole number`);
    process.exit(2);
  }
  return value;
}

const chosen = values.seed?.map((text) => whole("seed", text));
const from = whole("from", values.from);
const seeds = chosen ?? Array.from({ length: whole("seeds", values.seeds) }, (_, at) => from + at);
const showsTrace = chosen?.length === 1 && !values.json;

const began = performance.now();
const totals = { worlds: 0, steps: 0, payments: 0, deaths: 0 };
const digests: Record<string, string> = {};
const failed: { seed: number; faults: readonly string[] }[] = [];
for (const seed of seeds) {
  const { faults, trace, digest, steps, payments, deaths } = await simulate(seed);
  totals.worlds++;
  totals.steps += steps;
  totals.payments += payments;
  totals.deaths += deaths;
  digests[seed] = digest;
  if (faults.length > 0) failed.push({ seed, faults });
  if (showsTrace) console.log(trace.join("\n"));
  if (!values.json && faults.length > 0) {
    console.error(`\nseed ${seed} failed:`);
    for (const what of faults) console.error(`  ${what}`);
    if (!showsTrace)
      console.error(
        `its last steps (all of them: npm run simulate -- --seed ${seed}):\n  ${trace.slice(-LAST_LINES).join("\n  ")}`,
      );
  }
  if (!values.json && totals.worlds % 100 === 0)
    console.error(`${totals.worlds} of ${seeds.length} worlds, ${failed.length} failed`);
}
const seconds = (performance.now() - began) / 1000;
if (values.json) console.log(JSON.stringify({ ...totals, seconds, digests, failed }));
else
  console.error(
    `${totals.worlds} worlds, ${totals.steps} steps, ${totals.payments} payments, ${totals.deaths} crashes in ${seconds.toFixed(1)} s ` +
      `(${(totals.worlds / seconds).toFixed(1)} worlds/s): ${failed.length} failed${failed.length > 0 ? ` (${failed.map(({ seed }) => seed).join(", ")})` : ""}`,
  );
process.exitCode = failed.length > 0 ? 1 : 0;
