/**
 * The Go programs of these tests: aperture itself, and the peer that stands on its packages. Built
 * once, and kept.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildGo, missingGo as missing } from "../../scripts/toolchains/go.ts";

const folder = import.meta.dirname;
const cache = join(folder, "../../.cache/interop");
const PROGRAMS = { aperture: "github.com/lightninglabs/aperture/cmd/aperture", peer: "." } as const;
const BUILD_MS = 20 * 60_000;

export type Binaries = Readonly<Record<keyof typeof PROGRAMS, string>>;

/** As go.mod has it. */
export const apertureVersion: string = /lightninglabs\/aperture v(\S+)/.exec(
  readFileSync(join(folder, "go.mod"), "utf8"),
)![1]!;

/** Why this machine cannot build them; undefined if it can. */
export const missingGo = (): string | undefined => missing(folder);

/** @param say told what takes long */
export const build = (say: (text: string) => void): Promise<Binaries> =>
  buildGo({ folder, programs: PROGRAMS, cache, milliseconds: BUILD_MS }, say);
