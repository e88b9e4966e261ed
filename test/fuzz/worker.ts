/**
 * Feeds one target in a thread of its own. The input at hand lies in shared memory, so that a hang
 * can be shown.
 */
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { slowFamilies } from "./linear.ts";
import { randomFrom } from "./mutate.ts";
import { grown, Slowest } from "./slowest.ts";
import { targets } from "./targets.ts";

export interface Job {
  readonly target: string;
  readonly seed: number;
  readonly seconds: number;
  /** Ends after so many, however fast it is. */
  readonly executions: number;
  readonly shared: SharedArrayBuffer;
}

export interface Report {
  readonly executions: number;
  readonly seconds: number;
  readonly outcomes: readonly (readonly [outcome: string, count: number])[];
  readonly fault?: { readonly input: string; readonly error: string };
}

/**
 * Words of shared memory before the input: executions begun, and the input's length in UTF-16
 * units.
 */
const HEADER_WORDS = 2;
/** As long as an input is made, to see how its time grows. */
const LONGEST = 262_144;

const { target: name, seed, seconds, executions: limit, shared } = workerData as Job;
const target = targets[name]!;
const header = new Int32Array(shared, 0, HEADER_WORDS);
const units = new Uint16Array(shared, 4 * HEADER_WORDS);

const random = randomFrom(seed, name);
const outcomes = new Map<string, number>();
const started = performance.now();
const slowest = new Slowest();
let executions = 0;
let fault: Report["fault"];
while (fault === undefined && executions < limit) {
  if (executions % 256 === 0 && performance.now() - started >= seconds * 1000) break;
  const input = target.input(random).slice(0, 65_536);
  for (let at = 0; at < input.length; at++) units[at] = input.charCodeAt(at);
  header[1] = input.length;
  Atomics.store(header, 0, ++executions);
  try {
    const outcome = slowest.timed(input, () => target.run(input));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  } catch (error) {
    fault = faultOf(input, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}
const spent = (performance.now() - started) / 1000;
for (const input of fault === undefined ? slowest.inputs : []) {
  const [slow] = slowFamilies({ name, maxLength: LONGEST, run: target.run }, [grown(input)]);
  if (slow !== undefined)
    fault = faultOf(input, `its time grows faster than its length: ${JSON.stringify(slow.ms)}`);
}

function faultOf(input: string, error: string): NonNullable<Report["fault"]> {
  const isSecret = (): boolean => {
    try {
      return target.isSecret?.(input) === true;
    } catch {
      return false;
    }
  };
  return {
    input: isSecret()
      ? "(a credential that verifies: not shown)"
      : Buffer.from(input, "utf16le").toString("hex"),
    error,
  };
}
parentPort!.postMessage({
  executions,
  seconds: spent,
  outcomes: [...outcomes].sort(([, a], [, b]) => b - a),
  ...(fault === undefined ? {} : { fault }),
} satisfies Report);
