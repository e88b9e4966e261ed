/** Installs this folder, makes the small internet before the first test, and removes it. */
import type { TestProject } from "vitest/node";
import { need } from "../../scripts/folders.ts";
import { whyNot } from "./support/possible.ts";
import type { World } from "./support/world.ts";

declare module "vitest" {
  export interface ProvidedContext {
    world: World;
  }
}

/** @throws Error where namespaces cannot be made */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  need("net");
  const why = whyNot();
  if (why !== undefined) throw new Error(`The tests in test/net cannot run here: ${why}.`);
  const { openWorld } = await import("./support/world.ts");
  const { world, close } = await openWorld();
  for (const why of Object.values(world.missing)) console.error(`*** NOT RUN: ${why} ***`);
  project.provide("world", world);
  return close;
}
