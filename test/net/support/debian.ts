/**
 * nginx, Caddy and Tayga: those that are installed, or else from Debian's packages, which are
 * unpacked into a folder of this repository. Installing them would start servers on this machine.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

const CACHE = join(import.meta.dirname, "../../../.cache/net/debian");

const TOOLS = {
  nginx: { packages: ["nginx"], paths: ["usr/sbin/nginx"], version: ["-v"] },
  caddy: { packages: ["caddy"], paths: ["usr/bin/caddy"], version: ["version"] },
  tayga: { packages: ["tayga"], paths: ["usr/sbin/tayga"], version: ["--help"] },
} as const;
export type Tool = keyof typeof TOOLS;

export type Found = { readonly path: string } | { readonly missing: string };

/** Where a tool is, or why there is none. */
export function tool(name: Tool): Found {
  const { packages, paths, version } = TOOLS[name];
  const unpacked = join(CACHE, "root", paths[0]);
  const runs = (path: string): boolean =>
    spawnSync(path, version, { stdio: "ignore" }).error === undefined;
  for (const path of [join("/", paths[0]), unpacked])
    if (existsSync(path) && runs(path)) return { path };
  const downloads = join(CACHE, name);
  mkdirSync(downloads, { recursive: true });
  const download = () =>
    spawnSync("apt-get", ["download", "-qq", ...packages], { cwd: downloads, encoding: "utf8" });
  let fetched = download();
  if (fetched.error === undefined && fetched.status !== 0) {
    // A fresh machine has no lists of packages yet.
    spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
    fetched = download();
  }
  if (fetched.error !== undefined || fetched.status !== 0)
    return { missing: `${name}: apt-get download: ${fetched.error?.message ?? fetched.stderr}` };
  for (const file of readdirSync(downloads))
    spawnSync("dpkg-deb", ["-x", join(downloads, file), join(CACHE, "root")], { stdio: "ignore" });
  const { status, error, stderr } = spawnSync(unpacked, version, { encoding: "utf8" });
  return error === undefined && (status === 0 || name === "tayga")
    ? { path: unpacked }
    : { missing: `${name}: what Debian has does not run here: ${error?.message ?? stderr}` };
}
