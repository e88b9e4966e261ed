/** `node scripts/release.ts v1.2.3`: fails unless that is the version of every package. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export interface Released {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The folders of what a release publishes. */
export const released = ["packages/l8nt", "packages/sigil", "conformance"];

/** One line for each reason why these packages cannot be released under this tag. */
export function releaseFaults(tag: string, packages: readonly Released[]): readonly string[] {
  const versions = new Map(packages.map(({ name, version }) => [name, version]));
  return packages.flatMap(({ name, version, dependencies = {} }) => [
    ...(tag === `v${version}` ? [] : [`${name} has version ${version}, and the tag is ${tag}`]),
    ...Object.entries(dependencies)
      .filter(([dependency, range]) => (versions.get(dependency) ?? range) !== range)
      .map(
        ([dependency, range]) =>
          `${name} depends on ${dependency} ${range}, which is not this release`,
      ),
  ]);
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const packages = released.map(
    (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Released,
  );
  const faults = releaseFaults(process.argv[2] ?? "", packages);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}
