/** The inputs of a run that took the longest, for their length, and what makes them longer. */
import type { Family } from "./families.ts";

const KEPT = 3;

export class Slowest {
  #kept: readonly { readonly input: string; readonly rate: number }[] = [];

  /** Those with the most time for each character, the worst first. */
  get inputs(): readonly string[] {
    return this.#kept.map(({ input }) => input);
  }

  /** Runs, and keeps the input if few were slower. */
  timed<Outcome>(input: string, run: () => Outcome): Outcome {
    // Not CPU time, which takes long to ask for: a wrong one among them is seen to be linear.
    const since = performance.now();
    try {
      return run();
    } finally {
      // Short inputs cost what a call costs.
      const rate = (performance.now() - since) / (1000 + input.length);
      const least = this.#kept.at(-1)?.rate ?? 0;
      if (this.#kept.length < KEPT || rate > least)
        this.#kept = [...this.#kept, { input, rate }]
          .sort((a, b) => b.rate - a.rate)
          .slice(0, KEPT);
    }
  }
}

/** An input at any length: its middle third is repeated. */
export function grown(input: string): Family {
  const third = Math.max(1, Math.floor(input.length / 3));
  const [head, middle, tail] = [
    input.slice(0, third),
    input.slice(third, 2 * third) || "a",
    input.slice(2 * third),
  ];
  return {
    name: "a slow input",
    text: (length) => {
      const room = Math.max(0, length - head.length - tail.length);
      return head + middle.repeat(Math.ceil(room / middle.length)).slice(0, room) + tail;
    },
  };
}
