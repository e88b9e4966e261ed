/**
 * nginx, Caddy and Tayga: those that are installed, or else from Debian's packages, which are
 * unpacked into a folder of this repository. Installing them would start servers on this machine.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

const CACHE = join(import.meta.dirname, "../../../.cache/net/debian");

/** The programs of the packages of the same names. */
const TOOLS = {
  nginx: { path: "usr/sbin/nginx", try: "-v" },
  caddy: { path: "usr/bin/caddy", try: "version" },
  tayga: { path: "usr/sbin/tayga", try: "--help" },
} as const;
export type Tool = keyof typeof TOOLS;

export type Found = { readonly path: string } | { readonly missing: string };

/** Where a tool is, or why there is none. */
export function tool(name: Tool): Found {
  const installed = join("/", TOOLS[name].path);
  const unpacked = join(CACHE, TOOLS[name].path);
  for (const path of [installed, unpacked])
    if (existsSync(path) && faultOf(name, path) === undefined) return { path };
  const fault = unpack(name) ?? faultOf(name, unpacked);
  // In one line, because a summary shows it.
  return fault === undefined
    ? { path: unpacked }
    : { missing: `${name}: ${fault.trim().replace(/\s+/g, " ")}` };
}

/** Why a program does not run here; the loader exits with 127 if it misses a library. */
function faultOf(name: Tool, path: string): string | undefined {
  const { status, error, stderr } = spawnSync(path, [TOOLS[name].try], { encoding: "utf8" });
  if (error !== undefined) return error.message;
  return status === 127 ? stderr : undefined;
}

/** Downloads and unpacks a package. Returns why it cannot. */
function unpack(name: Tool): string | undefined {
  const downloads = join(CACHE, "packages", name);
  mkdirSync(downloads, { recursive: true });
  const download = () =>
    spawnSync("apt-get", ["download", "-qq", name], { cwd: downloads, encoding: "utf8" });
  let { error, status, stderr } = download();
  if (error === undefined && status !== 0) {
    // A fresh machine has no lists of packages yet, or old ones.
    spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
    ({ error, status, stderr } = download());
  }
  if (error !== undefined) return error.message;
  if (status !== 0) return stderr;
  for (const file of readdirSync(downloads))
    spawnSync("dpkg-deb", ["-x", join(downloads, file), CACHE], { stdio: "ignore" });
  return undefined;
}
