/** Kills the treasury, and reports whether anything that it acknowledged is lost. */
import { optionsOf } from "../../scripts/options.ts";
import { crash } from "./crash.ts";

const USAGE = `npm run test:crash -- [--kills N] [--seed S]

Kills the treasury, and reports whether anything that it acknowledged is lost.

  --kills N   how often (default: 100)
  --seed S    the same seed is the same run`;

const values = optionsOf(USAGE, { kills: { type: "string" }, seed: { type: "string" } });
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
