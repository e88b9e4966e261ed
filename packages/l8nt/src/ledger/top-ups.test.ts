/** Top-ups: which limits they raise, by how much, and until when. */
import { describe, expect, test } from "vitest";
import { MAX_VALUE } from "../amount.ts";
import type { ChainLimit } from "../caveat/index.ts";
import { Authority } from "../l402/index.ts";
import { TopUps } from "./top-ups.ts";

const NOW = 1_900_000_000;
const clock = () => NOW;
const authority = new Authority({
  secret: "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4",
  location: "https://api.example",
  clock,
});
const root = authority.minter.mint({
  endpoints: ["* https://api.example/**"],
  expiresIn: "1h",
  budget: ["10 usd", "100 sat"],
  budgetPerDay: "4 usd",
  maxUses: 5,
});
const child = root.delegate({ agent: "scout", budget: "3 usd" });
const grandchild = child.delegate({ agent: "aide", budget: "1 usd" });
const { limits, nodes } = authority.verifier.authenticate(grandchild);
const idOf = (depth: number): string => nodes[depth]!.id;
const maxOf = (given: readonly ChainLimit[]) => given.map(({ max }) => max);
const MAX = maxOf(limits);

const topUp = (nodeId: string, amount: string, until = NOW + 60) =>
  ({ kind: "top-up", nodeId, at: NOW, topUp: { amount: amount as "1 usd", until } }) as const;

describe("a top-up of a node", () => {
  test.each([
    [
      "the root, in dollars",
      0,
      "5 usd",
      [100_000n, 15_000_000n, 9_000_000n, 5n, 3_000_000n, 1_000_000n],
    ],
    [
      "the root, in bitcoin",
      0,
      "7 sat",
      [107_000n, 10_000_000n, 4_000_000n, 5n, 3_000_000n, 1_000_000n],
    ],
    ["a child", 1, "5 usd", [100_000n, 10_000_000n, 4_000_000n, 5n, 8_000_000n, 1_000_000n]],
    ["a child without a limit in that unit", 1, "5 sat", MAX],
  ])("raises its own limits in that unit alone: %s", (_what, depth, amount, expected) => {
    const topUps = new TopUps();
    topUps.apply(topUp(idOf(depth), amount));
    expect(maxOf(topUps.limits(limits, NOW))).toEqual(expected);
    // What is handed to a store is what is judged.
    expect(topUps.limits(limits, NOW).map(({ counted }) => counted.max)).toEqual(expected);
  });

  test("leaves a narrower limit that a holder appended without a name", () => {
    const topUps = new TopUps();
    const narrow = authority.verifier.authenticate(
      child.attenuate({ budget: "0.5 usd" }, { now: NOW }),
    );
    topUps.apply(topUp(idOf(1), "5 usd"));
    expect(maxOf(topUps.limits(narrow.limits, NOW)).slice(-2)).toEqual([8_000_000n, 500_000n]);
  });

  test("of a stranger raises nothing", () => {
    const topUps = new TopUps();
    topUps.apply(topUp("ab".repeat(16), "5 usd"));
    expect(maxOf(topUps.limits(limits, NOW))).toEqual(MAX);
  });

  test("ends at its time, and adds to another one meanwhile", () => {
    const topUps = new TopUps();
    topUps.apply(topUp(idOf(2), "1 usd", NOW + 10));
    topUps.apply(topUp(idOf(2), "2 usd", NOW + 20));
    const at = (seconds: number) => topUps.limits(limits, NOW + seconds).at(-1)!.max;
    expect([0, 9.999, 10, 19.999, 20].map(at)).toEqual([
      4_000_000n,
      4_000_000n,
      3_000_000n,
      3_000_000n,
      1_000_000n,
    ]);
  });

  test("raises no limit above what a store can count", () => {
    const topUps = new TopUps();
    for (let at = 0; at < 3; at++) topUps.apply(topUp(idOf(2), "999999999999 usd"));
    expect(topUps.limits(limits, NOW).at(-1)!.max).toBe(MAX_VALUE.usd_micro);
  });

  test.each(["revoke", "freeze", "thaw"] as const)("is none of a %s", (kind) => {
    const topUps = new TopUps();
    topUps.apply({ ...topUp(idOf(0), "5 usd"), kind });
    expect(maxOf(topUps.limits(limits, NOW))).toEqual(MAX);
  });
});
