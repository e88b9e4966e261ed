/** The library's own suite on Node 20, the oldest Node it supports. `npm run test:node20` */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { delimiter, dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

/** The binary that the workspace `test/runtimes` brings. */
export function node20Binary(): string {
  const require = createRequire(join(root, "test/runtimes/package.json"));
  return join(dirname(require.resolve("node/package.json")), "bin", "node");
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Vitest by its own file, because its launcher would take whatever Node comes first on the path.
 */
export function node20Command(vitestArgs: readonly string[]): Command {
  const node = node20Binary();
  const version = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (!version.stdout?.startsWith("v20."))
    throw new Error(
      `test/runtimes must bring Node 20, but has ${version.stdout?.trim() || version.error?.message}`,
    );
  return {
    file: node,
    args: [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--project",
      "unit",
      ...vitestArgs,
      "packages/l8nt/src",
    ],
    env: {
      ...process.env,
      SIGIL_NODE20: "1",
      // Which the NWC wallet cannot do without, and Node 22 has by itself.
      NODE_OPTIONS: "--experimental-websocket",
      // The laws were tried at full length on Node 24; here the engine is under test.
      SIGIL_LAW_RUNS: process.env.SIGIL_LAW_RUNS ?? "1000",
      PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}`,
    },
  };
}

if (import.meta.main) {
  const { file, args, env } = node20Command(process.argv.slice(2));
  process.exitCode = spawnSync(file, args, { cwd: root, env, stdio: "inherit" }).status ?? 1;
}
