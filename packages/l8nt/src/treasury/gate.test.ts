/** The spending gate: who may spend, and why not. */
import { describe, expect, test } from "vitest";
import { targetOfUrl } from "../caveat/index.ts";
import { Authority, type Credential } from "../l402/index.ts";
import { ALL_NODES } from "../ports/directives.ts";
import type { Closure } from "../ports/payments.ts";
import { Blame } from "./blame.ts";
import { SpendingGate, type SpendingGateOptions } from "./gate.ts";

const NOW = 2_000_000_000;
const clock = () => NOW;
const authority = new Authority({
  secret: "91c4e07a3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728",
  location: "https://treasury.example",
  kind: "spending",
  clock,
});
const root = authority.minter.mint({
  endpoints: ["* https://*:*/**"],
  expiresIn: "1h",
  budget: "1000 sat",
});
const child = root.delegate({ agent: "child" }, { now: NOW });
const sibling = root.delegate({ agent: "sibling" }, { now: NOW });
const verify = (credential: Credential) => authority.verifier.authenticate(credential);
const idOf = (credential: Credential) => verify(credential).node.id;
const target = targetOfUrl("GET", new URL("https://api.example/x"))!;

function gateOf(
  closures: Readonly<Record<string, readonly Closure[]>> = {},
  clock: () => number = () => NOW,
  options: Partial<SpendingGateOptions> = {},
) {
  const alarms: string[] = [];
  const asked: [string, number][] = [];
  const gate = new SpendingGate({
    store: {
      closures: async (origin, at) => {
        asked.push([origin, at]);
        return closures[origin] ?? [];
      },
    },
    clock,
    quarantineSeconds: 600,
    alarm: (what) => void alarms.push(what),
    ...options,
  });
  const code = (credential: Credential) => {
    try {
      gate.demand(verify(credential));
      return "open";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { gate, alarms, asked, code };
}

test("a gate that nothing was reported to is open", async () => {
  const { gate, code } = gateOf();
  expect([code(root), code(child), gate.reason]).toEqual(["open", "open", undefined]);
  await expect(gate.demandAt(verify(root), target)).resolves.toBeUndefined();
});

describe("a freeze", () => {
  test("of a node stops it and everything below, nobody else, until it is thawed", () => {
    const { gate, code } = gateOf();
    const below = child.delegate({ agent: "below" }, { now: NOW });
    gate.apply({ kind: "freeze", nodeId: idOf(child), reason: "a whim" });
    expect([root, sibling, child, below].map(code)).toEqual([
      "open",
      "open",
      "ERR_FROZEN",
      "ERR_FROZEN",
    ]);
    expect(() => gate.demand(verify(below))).toThrow(/a whim/);
    expect(gate.reason).toBeUndefined();
    expect(gate.isFrozen([idOf(child)])).toBe(true);
    expect(gate.isFrozen([idOf(sibling)])).toBe(false);
    gate.apply({ kind: "thaw", nodeId: idOf(child) });
    expect([child, below].map(code)).toEqual(["open", "open"]);
  });

  test("of all nodes stops everybody, until all nodes are thawed, not one of them", () => {
    const { gate, code } = gateOf();
    gate.apply({ kind: "freeze", nodeId: ALL_NODES, reason: "a holiday" });
    gate.apply({ kind: "thaw", nodeId: idOf(child) });
    expect([code(root), code(child), gate.reason]).toEqual([
      "ERR_FROZEN",
      "ERR_FROZEN",
      "a holiday",
    ]);
    gate.apply({ kind: "thaw", nodeId: ALL_NODES });
    expect([code(root), code(child), gate.reason]).toEqual(["open", "open", undefined]);
  });

  test("is no revocation: a revoke directive does not close the gate, because the verifier denies", () => {
    const { gate, code } = gateOf();
    gate.apply({ kind: "revoke", nodeId: idOf(child) });
    expect(code(child)).toBe("open");
  });
});

describe("a doubt", () => {
  test("stops everybody and raises one alarm, until a comparison ends it", () => {
    const { gate, alarms, code } = gateOf();
    gate.doubt("the disk is full");
    gate.doubt("the disk is still full");
    expect([code(root), gate.reason]).toEqual(["ERR_TREASURY_STOPPED", "the disk is still full"]);
    expect(alarms).toEqual(["spending has stopped: the disk is full"]);
    gate.trust(gate.doubts);
    expect([code(root), gate.reason]).toEqual(["open", undefined]);
  });

  test("that comes up during a comparison is not ended by it [case 108]", () => {
    const { gate, code } = gateOf();
    gate.doubt("one");
    const { doubts } = gate;
    gate.doubt("another");
    gate.trust(doubts);
    expect(code(root)).toBe("ERR_TREASURY_STOPPED");
    gate.trust(gate.doubts);
    expect(code(root)).toBe("open");
  });
});

describe("an origin in quarantine", () => {
  test.each([
    ["all nodes", ALL_NODES, ["refused", "refused", "refused"]],
    ["one node", idOf(child), ["open", "refused", "open"]],
    ["the root", idOf(root), ["refused", "refused", "refused"]],
  ])("is closed to %s and those below it, and other origins are open", async (_, to, expected) => {
    const { gate, asked } = gateOf({ "https://api.example": [{ to, until: NOW + 1 }] });
    const at = async (credential: Credential, where = target) =>
      gate.demandAt(verify(credential), where).then(
        () => "open",
        (error: { code: string; spent: string }) =>
          error.code === "ERR_ORIGIN_QUARANTINED" && error.spent === "no" ? "refused" : error.code,
      );
    expect(await Promise.all([at(root), at(child), at(sibling)])).toEqual(expected);
    expect(asked[0]).toEqual(["https://api.example", NOW]);
    const elsewhere = targetOfUrl("GET", new URL("https://other.example/x"))!;
    expect(await at(child, elsewhere)).toBe("open");
  });

  test("is open once the quarantine has passed since it was first seen, whatever clock wrote its end", async () => {
    let now = NOW;
    const rows: Closure[] = [{ to: ALL_NODES, until: NOW + 366 * 86_400 }];
    const { gate } = gateOf({ "https://api.example": rows }, () => now);
    const isOpen = () =>
      gate.demandAt(verify(root), target).then(
        () => true,
        () => false,
      );
    expect(await isOpen()).toBe(false);
    now = NOW + 599;
    expect(await isOpen()).toBe(false);
    now = NOW + 600;
    expect(await isOpen()).toBe(true);
    // Another accusation closes it again, for as long.
    rows.push({ to: idOf(root), until: NOW + 366 * 86_400 + 1 });
    expect(await isOpen()).toBe(false);
    now = NOW + 1200;
    expect(await isOpen()).toBe(true);
  });

  test.each([0, 700, 366 * 86_400])(
    "that a doubt closed by a clock %d s ahead is open after its length, however often it was asked",
    async (ahead) => {
      for (const looks of [1, 20]) {
        let now = NOW;
        const blame = new Blame();
        const doubt = { isFirstHand: true, seconds: 600 };
        const at = NOW + ahead;
        const { to } = blame.doubt("https://api.example", verify(child), at, doubt);
        const closures = { "https://api.example": [{ to, until: at + 600 }] };
        const { gate } = gateOf(closures, () => now, {
          isDoubted: (origin, nodeIds) => blame.isDoubted(origin, nodeIds, now),
        });
        const isOpen = () =>
          gate.demandAt(verify(child), target).then(
            () => true,
            () => false,
          );
        for (let look = 0; look < looks; look++) {
          now = NOW + Math.floor((599 * look) / looks);
          expect(await isOpen()).toBe(false);
        }
        now = NOW + 600;
        expect(await isOpen()).toBe(true);
      }
    },
  );
});
