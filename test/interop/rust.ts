/** The Rust program of these tests, which stands on the crate `macaroon`. Built once, and kept. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildRust as build, missingRust as missing } from "../../scripts/toolchains/rust.ts";

const folder = join(import.meta.dirname, "rust");
const cache = join(import.meta.dirname, "../../.cache/interop");
const BUILD_MS = 20 * 60_000;

const manifest = readFileSync(join(folder, "Cargo.toml"), "utf8");
export const crateVersion: string = /^macaroon = "=(\S+)"$/m.exec(manifest)![1]!;

/** Why this machine cannot build it; undefined if it can. */
export const missingRust = (): string | undefined => missing(folder);

/**
 * Resolves to the path of the program.
 *
 * @param say told what takes long
 */
export async function buildRust(say: (text: string) => void): Promise<string> {
  const options = { folder, names: ["peer"], cache, profile: "release", jobs: 1 } as const;
  const [program] = await build({ ...options, milliseconds: BUILD_MS }, say);
  return program!;
}
