/** Python packages that tests run against, in an environment of their own, installed once. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

const here = import.meta.dirname;
const INSTALL_MS = 300_000;

/**
 * The interpreter with the packages of a requirements.txt; undefined, with a message, if this
 * machine has no Python or cannot install them. In CI a Python that cannot install them is an
 * error.
 */
export function python(requirements: string = join(here, "requirements.txt")): string | undefined {
  const hash = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const folder = join(here, "../../../.cache/peers", `python-${hash}`);
  const interpreter = join(folder, "bin/python");
  if (existsSync(interpreter)) return interpreter;
  // Whole or not at all. Its programs have the path of the folder in them, but not the interpreter.
  const unfinished = `${folder}.${process.pid}`;
  const { error } = spawnSync("python3", ["--version"]);
  if (error !== undefined) {
    console.log("*** NOT RUN: the tests with Python, because there is no python3 here ***");
    return undefined;
  }
  const steps = [
    ["python3", "-m", "venv", unfinished],
    [join(unfinished, "bin/python"), "-m", "pip", "install", "-q", "-r", requirements],
  ];
  for (const [command, ...args] of steps) {
    const { status } = spawnSync(command!, args, { stdio: "inherit", timeout: INSTALL_MS });
    if (status === 0) continue;
    rmSync(unfinished, { recursive: true, force: true });
    const why = `${command} ended with ${status}: the Python packages cannot be installed`;
    if (process.env.CI !== undefined) throw new Error(why);
    console.log(`*** NOT RUN: ${why} ***`);
    return undefined;
  }
  // Another test file may have installed them meanwhile.
  if (!existsSync(folder)) renameSync(unfinished, folder);
  else rmSync(unfinished, { recursive: true, force: true });
  return interpreter;
}

/** Starts a program of this folder, which ends with its test, and reads its lines as JSON. */
export function started(interpreter: string, program: string, ...args: readonly string[]) {
  const child = spawn(interpreter, [join(here, program), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.stdin.end());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async <Answer>(): Promise<Answer> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${program} ended`);
    return JSON.parse(value);
  };
  const ask = <Answer>(question: object): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return read<Answer>();
  };
  return { read, ask };
}

/** Starts peer.py. Returns a function that asks it. */
export function peer(interpreter: string) {
  const { ask } = started(interpreter, "peer.py");
  return (question: object) => ask<Readonly<Record<string, string>>>(question);
}
