/** The Python interpreters of this machine that the package can be tested with. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** An interpreter, and its minor version: 11 for Python 3.11. */
export interface Interpreter {
  readonly path: string;
  readonly minor: number;
}

/** The oldest and the newest version that the package is tested with. */
const OLDEST = 10;
const NEWEST = 13;
const QUESTION = "import sys; print(sys.version_info[0], sys.version_info[1], sys.executable)";

/** Asks a program for its version. Undefined if it is no Python 3, or does not run. */
export function askInterpreter(program: string): Interpreter | undefined {
  const { stdout, status } = spawnSync(program, ["-c", QUESTION], { encoding: "utf8" });
  const [, minor, path] = /^3 (\d+) (.+)\n$/.exec(status === 0 ? stdout : "") ?? [];
  return path === undefined ? undefined : { path, minor: Number(minor) };
}

/** The interpreter of `PYTHON`, or `python3`; a text that says why there is none. */
export function mainInterpreter(env: NodeJS.ProcessEnv = process.env): Interpreter | string {
  const program = env.PYTHON || "python3";
  const found = askInterpreter(program);
  if (found === undefined)
    return env.PYTHON
      ? "the program in PYTHON does not run, or is no Python 3"
      : "there is no python3 here";
  return found.minor < OLDEST
    ? `${program} is Python 3.${found.minor}, and the package needs 3.${OLDEST} or newer; PYTHON names another one`
    : found;
}

/** One interpreter of each further version, found by name or below pyenv's folder. */
export function otherInterpreters(
  main: Interpreter,
  env: NodeJS.ProcessEnv = process.env,
): readonly Interpreter[] {
  const versions = join(env.PYENV_ROOT || join(homedir(), ".pyenv"), "versions");
  const installed = existsSync(versions) ? readdirSync(versions).sort() : [];
  const found: Interpreter[] = [];
  for (let minor = OLDEST; minor <= NEWEST; minor++) {
    if (minor === main.minor) continue;
    const folders = installed.filter((name) => name.startsWith(`3.${minor}.`)).reverse();
    const programs = [
      `python3.${minor}`,
      ...folders.map((name) => join(versions, name, "bin/python")),
    ];
    const one = programs.map(askInterpreter).find((answer) => answer?.minor === minor);
    if (one !== undefined) found.push(one);
  }
  return found;
}
