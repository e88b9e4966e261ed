/** Every relation of what a call was given and what runs around it, as a table. */
import { describe, expect, test } from "vitest";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Authority } from "../l402/index.ts";
import { SigilHandle } from "./handle.ts";
import { turn } from "./turn.ts";

const authority = new Authority({
  secret: hexText(randomBytes(32)),
  location: "https://treasury.example",
});
const open = () =>
  SigilHandle.open({
    credential: authority.minter.mint({
      endpoints: ["GET https://api.example/**"],
      budget: "100 sat",
      expiresIn: "1h",
    }),
    agents: {
      scout: { budget: "50 sat", agents: { runner: { budget: "10 sat" } } },
      rich: { budget: "90 sat", agents: { runner: { budget: "80 sat" } } },
    },
  });

const top = open();
const scout = top.forAgent("scout");
const rich = top.forAgent("rich");
const handles = {
  top,
  scout,
  rich,
  "scout/runner": scout.forAgent("runner"),
  "rich/runner": rich.forAgent("runner"),
  "another top": open(),
  stranger: top.forAgent("stranger"),
  "scout/stranger": scout.forAgent("stranger"),
};
type Name = keyof typeof handles;

const handleOf = (name: Name | undefined) => (name === undefined ? undefined : handles[name]);

/** Which of the handles above it is; else "denied", or "a new agent" with its lineage. */
function nameOf(handle: SigilHandle | undefined): string {
  if (handle === undefined) return "none";
  const [known] = Object.entries(handles).find(([, one]) => one === handle) ?? [];
  if (known !== undefined) return known;
  try {
    return `a new agent ${handle.credential.chain.lineage.join("/")}`;
  } catch (error) {
    return `denied: ${(error as { code?: string }).code}`;
  }
}

const DENIED = "denied: ERR_AGENT_UNKNOWN";

describe("a tool's call", () => {
  test.each<
    [relation: string, given: Name | undefined, around: Name | undefined, expected: string]
  >([
    ["nothing given, nothing runs", undefined, undefined, "none"],
    ["nothing given", undefined, "scout", "scout"],
    ["nothing runs", "scout", undefined, "scout"],
    ["the same", "scout", "scout", "scout"],
    ["given the parent of what runs", "top", "scout", "scout"],
    ["given an ancestor of what runs", "top", "scout/runner", "scout/runner"],
    ["given a child of what runs", "scout", "top", "scout"],
    ["given a descendant of what runs", "scout/runner", "top", "scout/runner"],
    ["siblings", "rich", "scout", DENIED],
    ["cousins of one name", "rich/runner", "scout/runner", DENIED],
    ["given a sibling's child", "rich/runner", "scout", DENIED],
    ["given the sibling of a parent", "rich", "scout/runner", DENIED],
    ["handles of two tops", "another top", "top", DENIED],
    ["a denied handle given to its parent", "stranger", "top", "stranger"],
    ["a denied handle runs, given its parent", "top", "stranger", "stranger"],
    ["a denied handle runs, given its sibling", "scout", "stranger", DENIED],
    ["a denied handle given to its sibling", "stranger", "scout", DENIED],
  ])("%s", (_relation, given, around, expected) => {
    expect(nameOf(turn({ given: handleOf(given), around: handleOf(around) }))).toBe(expected);
  });

  test.each<[given: readonly (Name | undefined)[], around: Name | undefined, expected: string]>([
    [[], undefined, "none"],
    [[undefined, undefined], undefined, "none"],
    [["top", "scout"], undefined, "scout"],
    [["scout", "top"], undefined, "scout"],
    [["scout", undefined], "top", "scout"],
    [["top", "scout"], "scout/runner", "scout/runner"],
    [["scout/runner", "top"], "scout", "scout/runner"],
    [["scout", "rich"], undefined, DENIED],
    [["scout", "rich"], "top", DENIED],
    [["scout", "rich"], "scout/runner", DENIED],
    [["scout", "another top"], "scout", DENIED],
    [["scout", "scout/stranger"], "top", "scout/stranger"],
  ])("given %j while %s runs: %s", (given, around, expected) => {
    expect(nameOf(turn({ given: given.map(handleOf), around: handleOf(around) }))).toBe(expected);
  });
});

describe("a call that starts an agent called runner", () => {
  test.each<
    [relation: string, given: Name | undefined, around: Name | undefined, expected: string]
  >([
    ["nothing given, nothing runs", undefined, undefined, "none"],
    ["nothing runs: what was given is its own", "scout", undefined, "scout"],
    ["nothing given: its caller's entry", undefined, "scout", "scout/runner"],
    ["given its caller's handle: its caller's entry", "scout", "scout", "scout/runner"],
    ["given a handle above its caller: its caller's entry", "top", "scout", "scout/runner"],
    ["given a handle below its caller: that one", "scout", "top", "scout"],
    ["given its own handle", "scout/runner", "scout", "scout/runner"],
    ["its caller has no entry for it", "top", "top", DENIED],
    ["its caller has its name", undefined, "scout/runner", DENIED],
    ["given a sibling of its caller", "rich", "scout", DENIED],
    ["given the runner of a sibling of its caller", "rich/runner", "scout", DENIED],
    ["its caller is denied", undefined, "scout/stranger", DENIED],
  ])("%s", (_relation, given, around, expected) => {
    const handle = turn({ given: handleOf(given), around: handleOf(around), name: "runner" });
    expect(nameOf(handle)).toBe(expected);
  });
});

test("the denied handle is below the running agent, is named, and says why", () => {
  const denied = turn({ given: rich, around: scout, name: "runner" })!;
  expect(denied.parent).toBe(scout);
  expect(denied.agent).toBe("runner");
  expect(() => denied.assertAllowed()).toThrow(/a handle that the running agent was not handed/);
});
