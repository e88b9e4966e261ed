import { expect, it } from "vitest";
import { releaseFaults } from "./release.ts";

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
