/**
 * The law of `turn`, over random families of agents: the result never has more than the agent that
 * runs, nor more than anything that was given; unrelated handles give a denied one. The judges are
 * the agents' places in the family and the caveats of real credentials. `SIGIL_LAW_RUNS` families,
 * 1,000 by default.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Authority } from "../l402/index.ts";
import { SigilHandle } from "./handle.ts";
import type { AgentPolicies } from "./policy.ts";
import { turn } from "./turn.ts";

const RUNS = Number(process.env.SIGIL_LAW_RUNS ?? 1_000);
const SEED = Number(process.env.SIGIL_LAW_SEED ?? 402);

const authority = new Authority({
  secret: hexText(randomBytes(32)),
  location: "https://treasury.example",
});
const credential = authority.minter.mint({
  endpoints: ["GET https://api.example/**"],
  budget: "100 sat",
  expiresIn: "1h",
});
const own: AgentPolicies = { a: { budget: "9 sat", agents: { b: { budget: "8 sat" } } } };
const NAMES = ["a", "b", "c"];

interface Member {
  /** Index of the parent; undefined at a top. */
  readonly parent: number | undefined;
  readonly how: "by table" | "delegated" | "nobody";
  readonly name: string;
}

/** Agents in the order in which they were made: each is a top, or below one before it. */
const family = fc.array(
  fc.record({
    parent: fc.option(fc.nat(), { freq: 8 }),
    how: fc.constantFrom("by table" as const, "delegated" as const, "nobody" as const),
    name: fc.constantFrom(...NAMES),
  }),
  { minLength: 1, maxLength: 12 },
);
const pick = fc.option(fc.nat(), { freq: 6 });
const call = fc.record({
  given: fc.array(pick, { maxLength: 3 }),
  around: pick,
  name: fc.option(fc.constantFrom(...NAMES), { nil: undefined }),
});

const isDenied = (handle: SigilHandle): boolean => {
  try {
    handle.assertAllowed();
    return false;
  } catch {
    return true;
  }
};

function grow(members: readonly { parent: number | null; how: Member["how"]; name: string }[]) {
  const handles: SigilHandle[] = [];
  const parents: (number | undefined)[] = [];
  for (const [at, { parent, how, name }] of members.entries()) {
    if (parent === null || at === 0) {
      handles.push(SigilHandle.open({ credential, agents: own }));
      parents.push(undefined);
      continue;
    }
    const above = handles[parent % at]!;
    if (how === "nobody") handles.push(above.nobody(name, "nothing"));
    else if (how === "delegated" && !isDenied(above))
      handles.push(above.delegate(name, { maxUses: 100 - at, agents: own }));
    else handles.push(above.forAgent(name));
    parents.push(parent % at);
  }
  return { handles, parents };
}

/** The places above an agent and its own, by index. A table's handle may stand at two indices. */
function placesOf(index: number, { handles, parents }: ReturnType<typeof grow>): Set<SigilHandle> {
  const above = new Set<SigilHandle>();
  for (let at: number | undefined = index; at !== undefined; at = parents[at])
    above.add(handles[at]!);
  return above;
}

test("the result has at most what runs and at most what was given; unrelated handles are denied", () => {
  const seen = { allowed: 0, unrelated: 0, started: 0 };
  fc.assert(
    fc.property(family, call, (members, { given, around, name }) => {
      const tree = grow(members);
      const at = (index: number | null) => (index === null ? undefined : index % members.length);
      const handleAt = (index: number | undefined) =>
        index === undefined ? undefined : tree.handles[index];
      const [runs, gave] = [at(around), given.map(at)];
      const result = turn({ given: gave.map(handleAt), around: handleAt(runs), name });

      const named = [runs, ...gave].filter((index) => index !== undefined);
      if (named.length === 0) return void expect(result).toBeUndefined();
      const related = named.some((one) =>
        named.every((other) => placesOf(one, tree).has(tree.handles[other]!)),
      );
      if (!related) {
        seen.unrelated++;
        return void expect(isDenied(result!)).toBe(true);
      }
      // Whatever is denied has nothing; whatever is not has every caveat of all that it came from.
      const anyDenied = named.some((index) => isDenied(tree.handles[index]!));
      if (anyDenied) return void expect(isDenied(result!)).toBe(true);
      if (isDenied(result!)) return void expect(name).toBeDefined();
      seen.allowed++;
      const caveats = result!.credential.caveats;
      for (const index of named) {
        const outer = tree.handles[index]!.credential.caveats;
        expect(caveats.slice(0, outer.length)).toEqual(outer);
      }
      // Without a name the result is one of them, and the work is not taken away from it.
      if (name === undefined) expect(named.map((index) => tree.handles[index])).toContain(result);
      else if (result === result!.parent?.forAgent(name)) seen.started++;
      // An agent that is started never has its caller's own handle.
      if (name !== undefined && runs !== undefined) expect(result).not.toBe(tree.handles[runs]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  for (const met of Object.values(seen)) expect(met).toBeGreaterThan(RUNS / 50);
});
