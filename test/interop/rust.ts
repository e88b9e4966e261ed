/** The Rust program of these tests, which stands on the crate `macaroon`. Built once, and kept. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isEnough } from "./go.ts";

const here = join(import.meta.dirname, "rust");
const cache = join(import.meta.dirname, "../../.cache/interop");
const BUILD_MS = 20 * 60_000;
const SOURCES = ["Cargo.toml", "Cargo.lock", "src/main.rs"];

const manifest = readFileSync(join(here, "Cargo.toml"), "utf8");
const stated = (pattern: RegExp): string => pattern.exec(manifest)![1]!;

/** As Cargo.toml has them. */
const needed = stated(/^rust-version = "(\S+)"$/m);
export const crateVersion: string = stated(/^macaroon = "=(\S+)"$/m);

/** Why this machine cannot build it; undefined if it can. */
export function missingRust(): string | undefined {
  const { stdout } = spawnSync("cargo", ["--version"], { encoding: "utf8", timeout: 30_000 });
  const version = /^cargo (\d+(?:\.\d+)+)/.exec(stdout ?? "")?.[1];
  if (version === undefined) return "there is no cargo on the path";
  if (isEnough(version, needed)) return undefined;
  return `it takes Rust ${needed} or later, and this is ${version}`;
}

/**
 * Resolves to the path of the program.
 *
 * @param say told what takes long
 */
export async function buildRust(say: (text: string) => void): Promise<string> {
  const hash = createHash("sha256");
  for (const name of SOURCES) hash.update(name).update(readFileSync(join(here, name)));
  const folder = join(cache, `rust-${hash.digest("hex").slice(0, 16)}`);
  // Cargo moves a program there when it is whole.
  const binary = join(folder, "release/peer");
  if (existsSync(binary)) return binary;
  say("building the Rust peer; the first time this takes some minutes");
  const start = performance.now();
  const args = ["build", "--release", "--locked", "--jobs=1", `--target-dir=${folder}`];
  // libsodium, which the crate brings along, would also run all of its own tests.
  const env = { ...process.env, MAKEFLAGS: "-- TESTS= check_PROGRAMS=" };
  const child = spawn("cargo", args, {
    ...{ cwd: here, env, timeout: BUILD_MS },
    stdio: ["ignore", 2, 2],
  });
  const status = await new Promise<number | null>((done, fail) =>
    child.on("error", fail).on("close", done),
  );
  if (status !== 0) throw new Error(`cargo build ended with ${status ?? child.signalCode}`);
  say(`built the Rust peer in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return binary;
}
