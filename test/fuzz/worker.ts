/**
 * Feeds one target in a thread of its own. The input at hand lies in shared memory, so that a hang
 * can be shown.
 */
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { randomFrom } from "./mutate.ts";
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

const { target: name, seed, seconds, executions: limit, shared } = workerData as Job;
const target = targets[name]!;
const header = new Int32Array(shared, 0, HEADER_WORDS);
const units = new Uint16Array(shared, 4 * HEADER_WORDS);

const random = randomFrom(seed, name);
const outcomes = new Map<string, number>();
const started = performance.now();
let executions = 0;
let fault: Report["fault"];
while (fault === undefined && executions < limit) {
  if (executions % 256 === 0 && performance.now() - started >= seconds * 1000) break;
  const input = target.input(random).slice(0, 65_536);
  for (let at = 0; at < input.length; at++) units[at] = input.charCodeAt(at);
  header[1] = input.length;
  Atomics.store(header, 0, ++executions);
  try {
    const outcome = target.run(input);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  } catch (error) {
    const shown = (attempt: () => boolean | undefined): boolean => {
      try {
        return attempt() !== true;
      } catch {
        return true;
      }
    };
    fault = {
      input: shown(() => target.isSecret?.(input))
        ? Buffer.from(input, "utf16le").toString("hex")
        : "(a credential that verifies: not shown)",
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}
parentPort!.postMessage({
  executions,
  seconds: (performance.now() - started) / 1000,
  outcomes: [...outcomes].sort(([, a], [, b]) => b - a),
  ...(fault === undefined ? {} : { fault }),
} satisfies Report);
