/**
 * libmacaroons, the C implementation, timed in a process of its own. It takes a C compiler and
 * Debian's `libmacaroons-dev`; `CPPFLAGS` and `LDFLAGS` say where the library is, if it is not
 * installed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

export interface LibMacaroons {
  /** CPU microseconds of `count` times reading and verifying. */
  run(count: number): Promise<number>;
  stop(): void;
}

const flags = (name: "CPPFLAGS" | "LDFLAGS"): string[] =>
  (process.env[name] ?? "").split(" ").filter((flag) => flag !== "");

/** Undefined if it cannot be built here. */
export function libmacaroons(
  given: readonly string[],
  progress: (text: string) => void,
): LibMacaroons | undefined {
  const folder = resolve(import.meta.dirname, "../.cache/bench");
  const program = resolve(folder, "libmacaroons");
  mkdirSync(folder, { recursive: true });
  const source = resolve(import.meta.dirname, "libmacaroons.c");
  const linking = [...flags("LDFLAGS"), "-lmacaroons"];
  try {
    execFileSync("cc", ["-O2", ...flags("CPPFLAGS"), source, "-o", program, ...linking], {
      stdio: "pipe",
    });
  } catch {
    progress("verify: libmacaroons is NOT MEASURED: install a C compiler and libmacaroons-dev");
    return undefined;
  }
  const child: ChildProcess = spawn(program, given, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    async run(count) {
      child.stdin!.write(`${count}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error("libmacaroons verified nothing");
      return Number(value) / 1000;
    },
    stop: () => child.stdin!.end(),
  };
}
