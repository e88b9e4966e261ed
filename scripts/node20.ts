/** Runs the library's unit tests on Node 20, the oldest Node it supports. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { delimiter, dirname, join, resolve } from "node:path";
import { need } from "./folders.ts";

const root = resolve(import.meta.dirname, "..");

/** The binary in `test/runtimes`, which is installed if it has to be. */
export function node20Binary(): string {
  need("runtimes");
  const require = createRequire(join(root, "test/runtimes/package.json"));
  return join(dirname(require.resolve("node/package.json")), "bin", "node");
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Starts vitest by its file, because its launcher takes the Node that comes first on the path. */
export function node20Command(vitestArgs: readonly string[]): Command {
  const node = node20Binary();
  const version = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (!version.stdout?.startsWith("v20."))
    throw new Error(
      `test/runtimes must bring Node 20, but has ${version.stdout?.trim() || version.error?.message}`,
    );
  return {
    file: node,
    args: [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", "unit", ...vitestArgs],
    env: {
      ...process.env,
      SIGIL_NODE20: "1",
      // The NWC wallet needs WebSocket, which Node 22 has by default.
      NODE_OPTIONS: "--experimental-websocket",
      // The laws run at full length on Node 24; this run tests the engine.
      SIGIL_LAW_RUNS: process.env.SIGIL_LAW_RUNS ?? "1000",
      PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}`,
    },
  };
}
