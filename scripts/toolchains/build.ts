/** Builds of programs in other languages, kept under a hash of what they are made from. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What a tool says to one question; undefined if it is not on the path. */
export function said(tool: string, ...args: readonly string[]): string | undefined {
  const { stdout } = spawnSync(tool, args, { encoding: "utf8", timeout: 30_000 });
  return stdout ?? undefined;
}

/** 16 hex digits of the files that a program is built from. */
export function hashOf(folder: string, files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const name of files) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 16);
}

export interface Step {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Until it is ended. */
  readonly milliseconds: number;
}

/** Runs a tool, and passes what it says on to stderr. @throws Error if it does not end well */
export async function run(
  tool: string,
  args: readonly string[],
  { cwd, env = {}, milliseconds }: Step,
): Promise<void> {
  const child = spawn(tool, args, {
    ...{ cwd, env: { ...process.env, ...env }, timeout: milliseconds },
    stdio: ["ignore", 2, 2],
  });
  const status = await new Promise<number | null>((done, fail) =>
    child.on("error", fail).on("close", done),
  );
  if (status === 0) return;
  throw new Error(`${tool} ${args[0]} ended with ${status ?? child.signalCode}`);
}
