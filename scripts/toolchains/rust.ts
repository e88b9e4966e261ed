/** Programs in Rust, built by cargo from a folder with a Cargo.toml. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hashOf, run, said } from "./build.ts";
import { isEnough } from "./versions.ts";

/** Why this machine cannot build the package of a folder; undefined if it can. */
export function missingRust(folder: string): string | undefined {
  const manifest = readFileSync(join(folder, "Cargo.toml"), "utf8");
  const needed = /^rust-version = "(\S+)"$/m.exec(manifest)![1]!;
  const version = /^cargo (\d+(?:\.\d+)+)/.exec(said("cargo", "--version") ?? "")?.[1];
  if (version === undefined) return "there is no cargo on the path";
  if (isEnough(version, needed)) return undefined;
  return `it takes Rust ${needed} or later, and this is ${version}`;
}

const sourcesOf = (folder: string): readonly string[] => [
  ...["Cargo.toml", "Cargo.lock"],
  ...readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".rs"))
    .sort()
    .map((name) => join("src", name)),
];

export interface RustBuild {
  readonly folder: string;
  /** Of the programs. */
  readonly names: readonly string[];
  /** Where builds are kept. */
  readonly cache: string;
  /** Programs that run long are optimized, which takes longer. */
  readonly profile: "dev" | "release";
  readonly jobs: number;
  readonly milliseconds: number;
}

/** The paths of the programs, in order, which are built if they are not there yet. */
export async function buildRust(
  { folder, names, cache, profile, jobs, milliseconds }: RustBuild,
  say: (text: string) => void,
): Promise<readonly string[]> {
  const target = join(cache, `rust-${hashOf(folder, sourcesOf(folder))}`);
  const place = join(target, profile === "dev" ? "debug" : "release");
  // Cargo moves a program there when it is whole.
  const programs = names.map((name) => join(place, name));
  if (programs.every(existsSync)) return programs;
  say("building with cargo; the first time this takes some minutes");
  const start = performance.now();
  const args = ["build", `--profile=${profile}`, "--locked", `--jobs=${jobs}`];
  // libsodium, which the crate macaroon brings along, would also run all of its own tests.
  const env = { MAKEFLAGS: "-- TESTS= check_PROGRAMS=" };
  await run("cargo", [...args, `--target-dir=${target}`], { cwd: folder, env, milliseconds });
  say(`built with cargo in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return programs;
}
