/**
 * Keeps the heap of a daemon small. On a machine with much memory, V8 lets the young generation
 * grow to 128 MiB, and collects an old generation of 40 MB when it has 160: a daemon at work would
 * take 600 MB after some minutes.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** More saves little: most requests are over before a young generation of this size is full. */
const MAX_YOUNG_BYTES = 32 * 1024 * 1024;
/** Garbage in the old generation, of what is live, at which it is collected. */
const GARBAGE_PERCENT = 50;

/**
 * Bounds what V8 keeps beside what is live, as long as the process runs. `--max-semi-space-size`
 * does the first of it, but only on the command line; V8 reads these options at each collection.
 */
export function boundHeap(): void {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
  const bound = () => {
    // V8 makes the young generation of an idle process small, and then it may grow again.
    setFlagsFromString(`--semi-space-growth-factor=${youngBytes() < MAX_YOUNG_BYTES ? 2 : 1}`);
  };
  bound();
  new PerformanceObserver(bound).observe({ entryTypes: ["gc"] });
}

/** The size of the young generation, with what is free in it. */
function youngBytes(): number {
  const spaces = getHeapSpaceStatistics();
  return spaces.find(({ space_name }) => space_name === "new_space")!.space_size;
}
