/** Which agent a name below a handle is, by its entry or by delegation. docs/guides/agents.md. */
import { expect, test } from "vitest";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Authority } from "../l402/index.ts";
import { currentHandle } from "./current.ts";
import { SigilHandle } from "./handle.ts";

const authority = new Authority({
  secret: hexText(randomBytes(32)),
  location: "https://treasury.example",
});
const open = (names: readonly string[] = ["scout"]) =>
  SigilHandle.open({
    credential: authority.minter.mint({
      endpoints: ["GET https://api.example/**"],
      budget: "100 sat",
      expiresIn: "1h",
    }),
    agents: Object.fromEntries(names.map((name) => [name, { budget: "50 sat" }])),
  });
const UNKNOWN = expect.objectContaining({ code: "ERR_AGENT_UNKNOWN" });

test("a delegation takes the place of no entry, before or after its first hand-off", () => {
  const top = open(["scout", "late"]);
  const scout = top.forAgent("scout");
  const delegated = top.delegate("scout", { budget: "5 sat" });
  top.delegate("late", { budget: "5 sat" });
  expect(delegated.id).not.toBe(scout.id);
  expect(top.forAgent("scout")).toBe(scout);
  expect(top.handTo("scout")).toBe(scout);
  expect(top.forAgent("late").id).toBe(idOfEntry(top, "late"));
  scout.assertAllowed();
  delegated.assertAllowed();
});

test("a delegation makes no entry for its name; it goes on as itself", () => {
  const top = open();
  const delegated = top.delegate("x", { budget: "5 sat" });
  expect(() => top.forAgent("x").assertAllowed()).toThrow(UNKNOWN);
  expect(delegated.handTo("x")).toBe(delegated);
  delegated.assertAllowed();
});

test("agents whose generators, callbacks and promises overlap each run as themselves", async () => {
  const top = open(["scout", "rich"]);
  const pair = [top.forAgent("scout"), top.forAgent("rich")] as const;
  const seen: (string | undefined)[][] = [[], []];
  const look = (at: number) => seen[at]!.push(currentHandle()?.agent);
  function* steps(at: number) {
    for (let step = 0; step < 3; step++) {
      look(at);
      yield;
    }
  }
  async function* later(at: number) {
    for (let step = 0; step < 3; step++) {
      await Promise.resolve();
      look(at);
      yield;
    }
  }
  const generators = pair.map((handle, at) => handle.run(() => steps(at)));
  const laters = pair.map((handle, at) => handle.run(() => later(at)));
  const waiting = pair.map((handle, at) =>
    handle.run(async () => {
      for (let turn = 0; turn < (at + 1) * 2; turn++) await Promise.resolve();
      look(at);
    }),
  );
  for (let step = 0; step < 4; step++) {
    for (const one of generators) {
      one.next();
      expect(currentHandle()).toBeUndefined();
    }
    for (const one of laters) await one.next();
    pair[0].run(() => {
      generators[1]!.next();
      expect(currentHandle()).toBe(pair[0]);
    });
  }
  await Promise.all(waiting);
  expect(seen).toEqual([Array(7).fill("scout"), Array(7).fill("rich")]);
  expect(currentHandle()).toBeUndefined();
});

test.each([
  ["0123456789abcdef0123456789ABCDEF", "agent-0123456789abcdef0123456789ABCDEF"],
  [" -0123456789abcdef0123456789abcdef", "agent-0123456789abcdef0123456789abcdef"],
  ["0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcde"],
  ["0123456789abcdef0123456789abcdef0", "0123456789abcdef0123456789abcdef0"],
  ["Flight booker", "Flight-booker"],
  ["---", "agent"],
])("an agent that a framework calls %j is %s in its credential", (name, expected) => {
  const top = open([name]);
  expect(top.forAgent(name).credential.chain.lineage).toEqual([expected]);
  expect(top.delegate(name, { budget: "5 sat" }).credential.chain.lineage).toEqual([expected]);
});

/** The id of the entry, in a handle that has made no delegation. */
const idOfEntry = (top: SigilHandle, name: string) =>
  SigilHandle.open({
    credential: top.credential,
    agents: { [name]: { budget: "50 sat" } },
  }).forAgent(name).id;
