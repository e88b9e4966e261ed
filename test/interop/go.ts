/**
 * The Go programs of these tests: aperture itself, and the peer that stands on its packages. Built
 * once, and kept.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const cache = join(here, "../../.cache/interop");
const PROGRAMS = { aperture: "github.com/lightninglabs/aperture/cmd/aperture", peer: "." } as const;
const BUILD_MS = 20 * 60_000;

export type Binaries = Readonly<Record<keyof typeof PROGRAMS, string>>;

const module = readFileSync(join(here, "go.mod"), "utf8");
const stated = (pattern: RegExp): string => pattern.exec(module)![1]!;

/** As go.mod has them. */
export const goNeeded: string = stated(/^go (\S+)$/m);
export const apertureVersion: string = stated(/lightninglabs\/aperture v(\S+)/);

/** Of this machine; undefined where there is none. */
export function goVersion(): string | undefined {
  const { stdout } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8", timeout: 30_000 });
  return /^go(\d+(?:\.\d+)+)/.exec(stdout ?? "")?.[1];
}

export function isEnough(version: string, needed: string): boolean {
  const [have, need] = [version, needed].map((text) => text.split(".").map(Number));
  for (const [at, part] of need!.entries()) {
    const own = have![at] ?? 0;
    if (own !== part) return own > part;
  }
  return true;
}

/** @param say told what takes long */
export async function build(say: (text: string) => void): Promise<Binaries> {
  const sources = readdirSync(here).filter((name) => /\.go$|^go\.(?:mod|sum)$/.test(name));
  const hash = createHash("sha256");
  for (const name of sources.sort()) hash.update(name).update(readFileSync(join(here, name)));
  const folder = join(cache, hash.digest("hex").slice(0, 16));
  const binaries = Object.fromEntries(
    Object.keys(PROGRAMS).map((name) => [name, join(folder, name)]),
  ) as Binaries;
  for (const [name, source] of Object.entries(PROGRAMS)) {
    const binary = binaries[name as keyof Binaries];
    if (existsSync(binary)) continue;
    mkdirSync(folder, { recursive: true });
    say(`building ${name}; the first time this takes some minutes`);
    const start = performance.now();
    // Whole or not at all: a build that is cut off leaves no binary that looks finished.
    const unfinished = `${binary}.${process.pid}`;
    try {
      await go([
        "build",
        "-p",
        "1",
        "-mod=readonly",
        "-buildvcs=false",
        "-ldflags=-s -w",
        "-o",
        unfinished,
        source,
      ]);
      renameSync(unfinished, binary);
    } finally {
      rmSync(unfinished, { force: true });
    }
    say(`built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  return binaries;
}

async function go(args: readonly string[]): Promise<void> {
  const child = spawn("go", args, { cwd: here, timeout: BUILD_MS, stdio: ["ignore", 2, 2] });
  const status = await new Promise<number | null>((done, fail) =>
    child.on("error", fail).on("close", done),
  );
  if (status !== 0) throw new Error(`go ${args[0]} ended with ${status ?? child.signalCode}`);
}
