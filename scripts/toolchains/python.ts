/** Python packages, in an environment of their own, installed once. */
import { spawnSync } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hashOf, said } from "./build.ts";

const INSTALL_MS = 300_000;

/** Why this machine has no Python; undefined if it has one. */
export const missingPython = (): string | undefined =>
  said("python3", "--version") === undefined ? "there is no python3 here" : undefined;

/**
 * The interpreter with the packages of a requirements.txt.
 *
 * @param cache where environments are kept
 * @throws Error if they cannot be installed
 */
export function pythonWith(requirements: string, cache: string): string {
  const hash = hashOf(dirname(requirements), [basename(requirements)]);
  const folder = join(cache, `python-${hash}`);
  const interpreter = join(folder, "bin/python");
  if (existsSync(interpreter)) return interpreter;
  // Whole or not at all. Its programs have the path of the folder in them, but not the interpreter.
  const unfinished = `${folder}.${process.pid}`;
  const steps = [
    ["python3", "-m", "venv", unfinished],
    [join(unfinished, "bin/python"), "-m", "pip", "install", "-q", "-r", requirements],
  ];
  for (const [command, ...args] of steps) {
    const { status } = spawnSync(command!, args, { stdio: ["ignore", 2, 2], timeout: INSTALL_MS });
    if (status === 0) continue;
    rmSync(unfinished, { recursive: true, force: true });
    throw new Error(`${command} ended with ${status}: the Python packages cannot be installed`);
  }
  // Another process may have installed them meanwhile.
  if (!existsSync(folder)) renameSync(unfinished, folder);
  else rmSync(unfinished, { recursive: true, force: true });
  return interpreter;
}
