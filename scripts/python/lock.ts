/**
 * Writes the lock files of the Python tests: `clients/python/requirements/NAME.txt` from `NAME.in`,
 * with a hash for each file of each package. `node scripts/python/lock.ts [NAME...]`; needs uv.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const folder = resolve(import.meta.dirname, "../../clients/python/requirements");
/** The core is tested with every version, the frameworks with one that all of them have. */
const oldest = (name: string) => (name === "core" ? "3.10" : "3.11");

const all = readdirSync(folder)
  .filter((file) => file.endsWith(".in") && file !== "base.in")
  .map((file) => file.slice(0, -".in".length));
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : all) {
  const args = [
    ...["pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header"],
    ...["--no-annotate", "--upgrade", "--python-version", oldest(name)],
    // Names of hosts and folders of one machine do not belong in a lock.
    ...["--no-emit-index-url", "--no-emit-find-links", "--output-file", `${name}.txt`],
    ...["base.in", `${name}.in`],
  ];
  const { status } = spawnSync("uv", args, { cwd: folder, stdio: "inherit" });
  if (status !== 0) throw new Error(`uv could not resolve ${join(folder, `${name}.in`)}`);
}
