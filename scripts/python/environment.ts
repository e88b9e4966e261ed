/** Virtual environments of the Python tests, below `.cache/python`. A new lock makes a new one. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Interpreter } from "./interpreters.ts";

const isWindows = process.platform === "win32";
const runs = (program: string) => spawnSync(program, ["--version"]).status === 0;
/** uv, or venv and pip of the interpreter. */
const hasUv = runs("uv");

export class Environment {
  readonly name: string;
  readonly #folder: string;

  private constructor(name: string, folder: string) {
    this.name = name;
    this.#folder = folder;
  }

  /**
   * The environment of a lock file, with what that lists. Undefined, after a message of the
   * installer, if it cannot be installed.
   */
  static make(cache: string, interpreter: Interpreter, lock: string): Environment | undefined {
    const name = `${basename(lock, ".txt")}-3.${interpreter.minor}`;
    const environment = new Environment(name, join(cache, name));
    const folder = environment.#folder;
    const mark = join(folder, ".installed-for");
    const wanted = createHash("sha256").update(interpreter.path).update(readFileSync(lock));
    const hash = wanted.digest("hex");
    if (readOrEmpty(mark) === hash) return environment;
    console.log(`${folder}: installing ${lock}, once for each change of that file`);
    rmSync(folder, { recursive: true, force: true });
    const begun = hasUv
      ? quietly("uv", ["venv", "--quiet", "--python", interpreter.path, folder])
      : quietly(interpreter.path, ["-m", "venv", folder]);
    if (!begun || !environment.#install(["--require-hashes", "-r", lock])) return undefined;
    writeFileSync(mark, hash);
    return environment;
  }

  get python(): string {
    return this.program("python");
  }

  /** The path of a program that a package of this environment brings. */
  program(name: string): string {
    return isWindows
      ? join(this.#folder, "Scripts", `${name}.exe`)
      : join(this.#folder, "bin", name);
  }

  /** Installs a wheel in place of the one before it, without what it depends on. */
  installWheel(wheel: string): boolean {
    const again = hasUv ? "--reinstall" : "--force-reinstall";
    return this.#install(["--no-deps", again, wheel]) && this.#imports(this.#folder);
  }

  /** Whether `import l8nt` finds the installed package, and not the sources. */
  #imports(folder: string): boolean {
    const { stdout } = spawnSync(this.python, ["-c", "import l8nt; print(l8nt.__file__)"], {
      cwd: join(folder, ".."),
      encoding: "utf8",
    });
    return stdout.startsWith(folder);
  }

  #install(args: readonly string[]): boolean {
    return hasUv
      ? quietly("uv", ["pip", "install", "--quiet", "--python", this.python, ...args])
      : quietly(this.python, ["-m", "pip", "install", "--quiet", ...args]);
  }
}

/** Runs an installer, whose messages are shown. */
const quietly = (program: string, args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: ["ignore", 2, 2] }).status === 0;

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
