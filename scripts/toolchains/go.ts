/** Programs in Go, built from a folder with a go.mod. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hashOf, run, said } from "./build.ts";
import { isEnough } from "./versions.ts";

/** Of this machine; undefined where there is none. */
const goVersion = (): string | undefined =>
  /^go(\d+(?:\.\d+)+)/.exec(said("go", "env", "GOVERSION") ?? "")?.[1];

/** The version that a go.mod asks for. */
const goNeeded = (folder: string): string =>
  /^go (\S+)$/m.exec(readFileSync(join(folder, "go.mod"), "utf8"))![1]!;

/** Why this machine cannot build the module of a folder; undefined if it can. */
export function missingGo(folder: string): string | undefined {
  const needed = goNeeded(folder);
  const version = goVersion();
  if (version === undefined) return "there is no Go on the path";
  return isEnough(version, needed)
    ? undefined
    : `it takes Go ${needed} or later, and this is ${version}`;
}

export interface GoBuild {
  readonly folder: string;
  /** What each program is built from: a package's path, or `.`. */
  readonly programs: Readonly<Record<string, string>>;
  /** Where builds are kept. */
  readonly cache: string;
  readonly milliseconds: number;
}

/** The paths of the programs, which are built if they are not there yet. */
export async function buildGo<const Build extends GoBuild>(
  { folder, programs, cache, milliseconds }: Build,
  say: (text: string) => void,
): Promise<Readonly<Record<keyof Build["programs"], string>>> {
  const sources = readdirSync(folder).filter((name) => /\.go$|^go\.(?:mod|sum)$/.test(name));
  const place = join(cache, hashOf(folder, sources.sort()));
  const built = Object.entries(programs).map(([name, source]) => ({
    ...{ name, source, binary: join(place, name) },
  }));
  for (const { name, source, binary } of built) {
    if (existsSync(binary)) continue;
    mkdirSync(place, { recursive: true });
    say(`building ${name} with Go; the first time this takes some minutes`);
    const start = performance.now();
    // Whole or not at all: a build that is cut off leaves no binary that looks finished.
    const unfinished = `${binary}.${process.pid}`;
    const args = ["build", "-p", "1", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w"];
    try {
      await run("go", [...args, "-o", unfinished, source], { cwd: folder, milliseconds });
      renameSync(unfinished, binary);
    } finally {
      rmSync(unfinished, { force: true });
    }
    say(`built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  return Object.fromEntries(built.map(({ name, binary }) => [name, binary])) as Readonly<
    Record<keyof Build["programs"], string>
  >;
}
