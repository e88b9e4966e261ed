/** Python packages that tests run against, and programs that stand on them. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { missingPython, pythonWith } from "../../../scripts/toolchains/python.ts";

const here = import.meta.dirname;
const cache = join(here, "../../../.cache/peers");

/**
 * The interpreter with the packages of a requirements.txt; undefined, with a message, if this
 * machine has no Python or cannot install them. In CI a Python that cannot install them is an
 * error.
 */
export function python(requirements: string = join(here, "requirements.txt")): string | undefined {
  const missing = missingPython();
  if (missing !== undefined) {
    console.log(`*** NOT RUN: the tests with Python, because ${missing} ***`);
    return undefined;
  }
  try {
    return pythonWith(requirements, cache);
  } catch (error) {
    if (process.env.CI !== undefined) throw error;
    console.log(`*** NOT RUN: ${(error as Error).message} ***`);
    return undefined;
  }
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
