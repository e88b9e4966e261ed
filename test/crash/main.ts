/**
 * `npm run test:crash -- --kills N [--seed S]`: kills the treasury, and reports whether anything
 * that it acknowledged is lost.
 */
import { parseArgs } from "node:util";
import { crash } from "./crash.ts";

const { values } = parseArgs({ options: { kills: { type: "string" }, seed: { type: "string" } } });
const kills = Number(values.kills ?? 100);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed))
  throw new TypeError("--kills and --seed are whole numbers");
process.stderr.write(`crash: ${kills} kills, seed ${seed}\n`);
const report = await crash({
  kills,
  seed,
  progress: (text) => process.stderr.write(`crash: ${text}\n`),
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exitCode = report.wrong.length === 0 ? 0 : 1;
