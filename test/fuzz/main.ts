/**
 * Damages golden inputs of the seven parsers for a time. Exits 1, with the input in hex (UTF-16LE),
 * at the first exception that is not the typed error, the first broken promise, and the first input
 * that takes longer than a second. At the end it makes the slowest inputs longer, and exits 1 if
 * the time of one grows faster than its length. The same seed is the same run.
 */
import { Worker } from "node:worker_threads";
import { optionsOf } from "../../scripts/options.ts";
import type { Job, Report } from "./worker.ts";

const TARGETS = [
  "credential",
  "public-key",
  "macaroon-field",
  "challenge",
  "invoice",
  "endpoint",
  "holder",
];
const HANG_MS = 1000;
/** Words of shared memory before the input, as worker.ts lays it out. */
const HEADER_WORDS = 2;
const SHARED_BYTES = 4 * HEADER_WORDS + 2 * 65_536;

const USAGE = `npm run fuzz -- [--seconds N] [--seed N] [--target TARGET] [--executions N] [--json]

Damages golden inputs of the parsers, and looks for errors of the wrong kind and for slow inputs.

  --seconds N      for how long (default: 10)
  --seed N         the same seed is the same run (default: 1)
  --target TARGET  one of: ${TARGETS.join(", ")}
  --executions N   at most so many inputs
  --json           print one JSON document`;

const values = optionsOf(USAGE, {
  seconds: { type: "string", default: "10" },
  seed: { type: "string", default: "1" },
  target: { type: "string" },
  executions: { type: "string" },
  json: { type: "boolean", default: false },
});

function whole(name: string, text: string | undefined): number {
  const value = text === undefined ? Number.POSITIVE_INFINITY : Number(text);
  if (text !== undefined && (!Number.isSafeInteger(value) || value < 0)) {
    console.error(`--${name} must be a whole number`);
    process.exit(2);
  }
  return value;
}
const seconds = whole("seconds", values.seconds);
const seed = whole("seed", values.seed);
const executions = whole("executions", values.executions);
const chosen =
  values.target === undefined ? TARGETS : TARGETS.filter((name) => name === values.target);
if (chosen.length === 0) {
  console.error(`--target is one of ${TARGETS.join(", ")}`);
  process.exit(2);
}

interface Result extends Report {
  readonly target: string;
}

/** Runs one target in a worker, and watches that every input ends. */
function fuzz(target: string): Promise<Result> {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const header = new Int32Array(shared, 0, HEADER_WORDS);
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: { target, seed, seconds, executions, shared } satisfies Job,
  });
  return new Promise((done, fail) => {
    let seen = 0;
    let since = performance.now();
    const watchdog = setInterval(() => {
      const begun = Atomics.load(header, 0);
      const now = performance.now();
      if (begun !== seen || begun === 0) [seen, since] = [begun, now];
      else if (now - since > HANG_MS) {
        const input = Buffer.from(
          new Uint8Array(shared, 4 * HEADER_WORDS, 2 * header[1]!),
        ).toString("hex");
        finish({
          executions: begun,
          seconds: 0,
          outcomes: [],
          fault: { input, error: `it took longer than ${HANG_MS} ms` },
        });
        void worker.terminate();
      }
    }, 100);
    const finish = (report: Report) => {
      clearInterval(watchdog);
      done({ ...report, target });
    };
    worker.once("message", finish);
    worker.once("error", (error) => {
      clearInterval(watchdog);
      fail(error);
    });
  });
}

let failed = false;
const results: Result[] = [];
for (const target of chosen) {
  if (!values.json) process.stderr.write(`${target}: seed ${seed}, ${seconds} s …\n`);
  const result = await fuzz(target);
  results.push(result);
  if (result.fault !== undefined) failed = true;
  if (values.json) continue;
  const rate = Math.round(result.executions / Math.max(result.seconds, 0.001));
  console.log(`${target}: ${result.executions} executions, ${rate} per second`);
  for (const [outcome, count] of result.outcomes)
    console.log(`  ${String(count).padStart(9)}  ${outcome}`);
  if (result.fault !== undefined)
    console.log(
      `  FAULT at execution ${result.executions}\n  ${result.fault.error}\n  input (UTF-16LE, hex): ${result.fault.input}`,
    );
}
if (values.json) console.log(JSON.stringify({ seed, results }));
process.exitCode = failed ? 1 : 0;
