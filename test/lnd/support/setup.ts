/** Builds lnd where it is not built yet, and starts one network for the run. */
import type { TestProject } from "vitest/node";
import { build } from "./build.ts";
import { LndNetwork, type NetworkFacts } from "./network.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly lnd: NetworkFacts;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = (text: string) => console.log(text);
  const binaries = build(progress);
  progress(
    `${binaries.seconds.toFixed(1).padStart(6)} s  lnd and btcd built${binaries.seconds === 0 ? " (they were there)" : ""}`,
  );
  // A port that was free when it was looked for may be somebody's by now: others are, then.
  const network = await LndNetwork.start(binaries, progress).catch((error: unknown) => {
    progress(`the network did not start, and is started once more: ${error}`);
    return LndNetwork.start(binaries, progress);
  });
  project.provide("lnd", network.facts);
  return () => network.stop();
}
