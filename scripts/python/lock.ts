/**
 * Writes the lock files of the Python tests and of the bench: `NAME.txt` from `NAME.in`, in
 * `clients/python/requirements` and `bench/python`, with a hash for each file of each package.
 * `node scripts/python/lock.ts [NAME...]`; needs uv.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const folders = ["clients/python/requirements", "bench/python"];
/** The core is tested with every version, the rest with one that all of it has. */
const oldest = (name: string) => (name === "core" ? "3.10" : "3.11");

const wanted = process.argv.slice(2);
for (const folder of folders.map((name) => join(root, name))) {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".in") && file !== "base.in")
    .map((file) => file.slice(0, -".in".length))
    .filter((name) => wanted.length === 0 || wanted.includes(name));
  for (const name of names) lock(folder, name);
}

function lock(folder: string, name: string): void {
  const base = join(folder, "base.in");
  const args = [
    ...["pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header"],
    ...["--no-annotate", "--upgrade", "--python-version", oldest(name)],
    // Names of hosts and folders of one machine do not belong in a lock.
    ...["--no-emit-index-url", "--no-emit-find-links", "--output-file", `${name}.txt`],
    ...(existsSync(base) ? ["base.in"] : []),
    `${name}.in`,
  ];
  const { status } = spawnSync("uv", args, { cwd: folder, stdio: "inherit" });
  if (status !== 0) throw new Error(`uv could not resolve ${join(folder, `${name}.in`)}`);
}
