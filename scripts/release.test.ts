import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { released, releaseFaults } from "./release.ts";

const l8nt = { name: "l8nt", version: "0.1.0" };
const sigil = { name: "sigil", version: "0.1.0", dependencies: { l8nt: "0.1.0", pino: "^10.4.0" } };

it("a tag that is the version of both packages can be released", () => {
  expect(releaseFaults("v0.1.0", [l8nt, sigil])).toEqual([]);
});

it.each([
  ["the tag is another version", "v0.2.0", [l8nt, sigil], 2],
  ["one package has another version", "v0.1.0", [{ ...l8nt, version: "0.1.1" }, sigil], 2],
  [
    "the program depends on an older library",
    "v0.1.0",
    [l8nt, { ...sigil, dependencies: { l8nt: "0.0.9" } }],
    1,
  ],
  ["there is no tag", "", [l8nt], 1],
])("%s: refused", (_what, tag, packages, faults) => {
  expect(releaseFaults(tag, packages)).toHaveLength(faults);
});

it("every package of a release has one version, and the workflow publishes it", () => {
  const root = join(import.meta.dirname, "..");
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const packages = released.map((folder) => JSON.parse(read(`${folder}/package.json`)));
  expect(packages.map(({ name }) => name)).toEqual(["l8nt", "sigil", "l8nt-conformance"]);
  expect(releaseFaults(`v${packages[0].version}`, packages)).toEqual([]);
  const workflow = read(".github/workflows/release.yml");
  for (const [at, { name }] of packages.entries())
    expect(workflow).toMatch(
      new RegExp(`npm publish.* (?:--workspace ${name}|\\./${released[at]})\\b`),
    );
});
