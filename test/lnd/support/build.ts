/**
 * lnd and btcd, built by Go from their modules: test/lnd/go.mod names the versions. Built once, and
 * kept under `.cache/`.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { missingGo as missing } from "../../../scripts/toolchains/go.ts";

export interface Binaries {
  readonly btcd: string;
  readonly lnd: string;
  /** How long building took, in seconds; 0 where they were there. */
  readonly seconds: number;
}

const MODULE = resolve(import.meta.dirname, "..");
const CACHE = resolve(import.meta.dirname, "../../../.cache/lnd");
const PACKAGES = ["github.com/btcsuite/btcd", "github.com/lightningnetwork/lnd/cmd/lnd"];
/** lnd's sub-servers: paying with a cap, hold invoices, creating and unlocking a wallet. */
const TAGS = "invoicesrpc routerrpc signrpc walletrpc";
const BUILD_SECONDS = 1500;

/** What Go the machine lacks, in a sentence; undefined where it has what go.mod asks for. */
export const missingGo = (): string | undefined => missing(MODULE);

/** @throws Error where Go cannot build them */
export function build(progress: (text: string) => void): Binaries {
  const hash = createHash("sha256").update(TAGS);
  for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(MODULE, file)));
  const folder = join(CACHE, hash.digest("hex").slice(0, 16));
  const binaries = { btcd: join(folder, "btcd"), lnd: join(folder, "lnd") };
  if (existsSync(folder)) return { ...binaries, seconds: 0 };
  progress("building lnd and btcd; the first time this takes some minutes");
  const began = performance.now();
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    execFileSync(
      "go",
      ["build", "-mod=readonly", "-tags", TAGS, "-o", `${unfinished}/`, ...PACKAGES],
      {
        cwd: MODULE,
        stdio: ["ignore", 2, 2],
        timeout: BUILD_SECONDS * 1000,
        // Not linked to a C library: the cache may be carried to another machine.
        env: { ...process.env, CGO_ENABLED: "0" },
      },
    );
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return { ...binaries, seconds: Math.round((performance.now() - began) / 1000) };
}
