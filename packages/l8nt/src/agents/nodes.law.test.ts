/**
 * The law of a handle's nodes, over random tables of agents: one name with one scope under one
 * parent is one node with the same counters, whenever and in however many handles it is made;
 * everything else is another node. The judge is the verifier of the credentials.
 */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Authority, type Credential, macaroonOf } from "../l402/index.ts";
import { SigilHandle } from "./handle.ts";
import type { AgentPolicies, AgentPolicy } from "./policy.ts";

const START = 2_000_000_000;
const DAY = 86_400;
const authority = new Authority({
  secret: "9b1f6e2ad3c84750f1e2d3c4b5a69788a7b6c5d4e3f2010f1e2d3c4b5a697887",
  location: "https://treasury.example",
  kind: "spending",
  clock: () => START,
});
const credential = authority.minter.mint({
  endpoints: ["* https://api.example/**"],
  budget: "1000 sat",
  expiresIn: "30d",
});

/** Two of the names are one name in a caveat. */
const name = fc.constantFrom("scout", "Flight booker", "Flight-booker", "研究员", "运行者");
const limits = fc.record(
  {
    budgetPerDay: fc.constant("15 sat" as const),
    maxUsesPerDay: fc.constant(3),
    purpose: fc.constantFrom("a", "b"),
  },
  { requiredKeys: [] },
);
const times = fc.constantFrom<Pick<AgentPolicy, "expiresIn" | "expiresAt">>(
  {},
  { expiresIn: "15m" },
  { expiresAt: new Date((START + 9 * DAY) * 1000) },
);

interface Row {
  readonly name: string;
  readonly limits: AgentPolicy;
  readonly times: AgentPolicy;
  /** The row above it; itself or a later one stands for the top. */
  readonly above: number;
}
const rows = fc.array(fc.record({ name, limits, times, above: fc.nat(12) }), {
  minLength: 1,
  maxLength: 8,
});

/** The handle of each row, all under one new handle at the top, made at Unix second `now`. */
function open(table: readonly Row[], now: number, withTimes = true): SigilHandle[] {
  const top = SigilHandle.open({ credential, clock: () => now });
  const made: SigilHandle[] = [];
  for (const { name: called, limits: scope, times: ends, above } of table)
    made.push((made[above] ?? top).delegate(called, { ...scope, ...(withTimes && ends) }));
  return made;
}

const proven = (own: Credential) => authority.verifier.authenticate(own);
const nodesOf = (made: readonly SigilHandle[]) =>
  made.map((handle) => proven(handle.credential).nodes.map(({ id }) => id));
const countersOf = (made: readonly SigilHandle[]) =>
  made.map((handle) => proven(handle.credential).limits.map(({ id }) => id));

/** What makes an agent, written down: the names and limits from the top. */
function keyOf(table: readonly Row[], at: number): string {
  const { name: called, limits: scope, above } = table[at]!;
  const parent = above < at ? keyOf(table, above) : "top";
  return JSON.stringify([parent, called, Object.entries(scope).sort()]);
}

describe("the agent of a handle", () => {
  test("has one node and one set of counters, in every handle and at every time", () => {
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 8 * DAY }),
        fc.boolean(),
        (table, later, timed) => {
          const [first, second] = [open(table, START), open(table, START + later, timed)];
          expect(nodesOf(second)).toEqual(nodesOf(first));
          expect(countersOf(second)).toEqual(countersOf(first));
          expect(second.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("shares its node with no agent of another name, another scope or another parent", () => {
    let [same, different] = [0, 0];
    fc.assert(
      fc.property(rows, (table) => {
        const ids = nodesOf(open(table, START)).map((path) => path.at(-1)!);
        for (const a of ids.keys())
          for (const b of ids.keys()) {
            const isSame = keyOf(table, a) === keyOf(table, b);
            expect(ids[a] === ids[b]).toBe(isSame);
            if (a !== b) isSame ? same++ : different++;
          }
      }),
      { numRuns: 200 },
    );
    expect(Math.min(same, different)).toBeGreaterThan(20);
  });

  test("ends with its entry and with every agent above, counted from when its handle was made", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 8 * DAY }), (table, later) => {
        const now = START + later;
        for (const [at, handle] of open(table, now).entries()) {
          const ends = [START + 30 * DAY];
          for (let row = at; ; row = table[row]!.above) {
            const { expiresIn, expiresAt } = table[row]!.times;
            if (expiresIn !== undefined) ends.push(now + 900);
            if (expiresAt !== undefined) ends.push(expiresAt.getTime() / 1000);
            if (table[row]!.above >= row) break;
          }
          expect(proven(handle.credential).validUntil).toBe(Math.min(...ends));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("is a twin each time where no handle makes it", () => {
    const made = [0, 1].map(() => credential.delegate({ agent: "scout", budget: "9 sat" }));
    const [a, b] = made.map((own) => proven(own).node.id);
    expect(a).not.toBe(b);
  });

  test("has a nonce that nobody derives without the parent's credential", () => {
    const other = authority.minter.mint({
      endpoints: ["* https://api.example/**"],
      budget: "1000 sat",
      expiresIn: "30d",
    });
    const nonces = [credential, other, credential.append(["purpose=x"])].map(
      (own) =>
        SigilHandle.open({ credential: own, clock: () => START })
          .delegate("scout", {})
          .credential.caveats.find(({ condition }) => condition === "agent")!.value,
    );
    expect(new Set(nonces).size).toBe(3);
    for (const value of nonces) expect(value).toMatch(/^scout\.[0-9a-f]{16}$/);
  });

  test("has the nonce that spec/2-caveats.md §4 derives", () => {
    const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();
    const message = '["agent","Flight booker","budget_msat_per_day=15000","max_uses=3"]';
    const key = hmac(macaroonOf(credential).signature, "sigil derive");
    const nonce = hmac(key, message).toString("hex").slice(0, 16);
    const { caveats } = SigilHandle.open({ credential, clock: () => START }).delegate(
      "Flight booker",
      { maxUses: 3, expiresIn: "15m", budgetPerDay: "15 sat" },
    ).credential;
    expect(caveats.slice(-4).map(({ condition, value }) => `${condition}=${value}`)).toEqual([
      `agent=Flight-booker.${nonce}`,
      "budget_msat_per_day=15000",
      "max_uses=3",
      `valid_until=${START + 900}`,
    ]);
  });

  test("is revoked by the agent above, whose own time may have moved its end; others go on", async () => {
    const asked: string[] = [];
    const answer = async (input: string | URL | Request, init?: RequestInit) => {
      const request = new Request(input, init);
      asked.push(new URL(request.url).pathname);
      const presented = request.headers.get("authorization")!.slice("L402 ".length);
      const { caveats } = (await request.json()) as { caveats: readonly string[] };
      const verified = authority.verifier.authenticate(presented);
      return Response.json({ node: verified.revokeBelow(caveats).nodeId });
    };
    const agents: AgentPolicies = {
      boss: { expiresIn: "15m", agents: { scout: { expiresIn: "5m" }, runner: {} } },
    };
    const at = (now: number) => {
      const top = SigilHandle.open({ credential, clock: () => now, agents, fetch: answer });
      const boss = top.forAgent("boss");
      return { boss, scout: boss.forAgent("scout"), runner: boss.forAgent("runner") };
    };
    const [first, second] = [at(START), at(START + 60)];
    await first.scout.revoke();
    expect(asked).toEqual(["/.well-known/l402/revocations"]);
    const isRevoked = ({ credential: own }: SigilHandle) =>
      proven(own).judge({ now: START + 60, target: "self" }).length > 0;
    expect([second.scout, second.runner, second.boss].map(isRevoked)).toEqual([true, false, false]);
  });
});
