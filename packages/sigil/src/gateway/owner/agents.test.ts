/** Agents that were seen: whom a person may mean by a name. */
import type { Credential } from "l8nt";
import { Authority } from "l8nt/l402";
import { describe, expect, test } from "vitest";
import { Agents } from "./agents.ts";

const authority = new Authority({
  secret: "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4",
  location: "https://gateway.example",
});
const mint = () =>
  authority.minter.mint({ endpoints: ["* https://gateway.example/**"], expiresIn: "1h" });
const { verifier } = authority;

test("an agent is found by its id, its name, and the names from the root to it", () => {
  const agents = new Agents();
  const scout = mint().delegate({ agent: "scout", budget: "1 usd" });
  const aide = verifier.authenticate(scout.delegate({ agent: "aide" }));
  agents.settled(undefined, aide);
  agents.settled(undefined, undefined);
  agents.denied(undefined, undefined, verifier.authenticate(mint().delegate({ agent: "scout" })));
  const found = (text: string) => agents.named(text).map(({ lineage }) => lineage.join("/"));
  expect(found(aide.node.id)).toEqual(["scout/aide"]);
  expect(found("aide")).toEqual(["scout/aide"]);
  expect(found("scout/aide")).toEqual(["scout/aide"]);
  expect(found("scout")).toEqual(["scout", "scout"]);
  expect(found("nobody")).toEqual([]);
  // Parents first, each with its own limits alone.
  expect(agents.all().map(({ path, limits }) => [path.length, limits.length])).toEqual([
    [1, 0],
    [1, 0],
    [2, 1],
    [2, 0],
    [3, 0],
  ]);
});

/** Agents below one, each with a credential of its own. */
const below = (credential: Credential, count: number) =>
  Array.from({ length: count }, (_, at) =>
    verifier.authenticate(credential.delegate({ agent: `a${at}` })),
  );

describe("agents without end below one", () => {
  const root = mint();
  const many = below(root.delegate({ agent: "evil" }), 10_050);
  const innocent = verifier.authenticate(root.delegate({ agent: "innocent" }));
  const found = (agents: Agents, name: string) => agents.named(name).length;

  test.each(["served", "denied"])("are not remembered without end: %s", (how) => {
    const agents = new Agents();
    agents.settled(undefined, innocent);
    for (const one of many)
      if (how === "served") agents.settled(undefined, one);
      else agents.denied(undefined, undefined, one);
    expect(agents.all()).toHaveLength(10_000);
    // Another branch keeps what it has, though it was seen before all of them.
    expect([found(agents, "innocent"), found(agents, "a10049")]).toEqual([1, 1]);
    expect(found(agents, "a0")).toBe(0);
  });

  test("leave one beside them that is served meanwhile, and not one that is only denied", () => {
    const agents = new Agents();
    const [served, denied] = many;
    agents.settled(undefined, served);
    agents.settled(undefined, denied);
    for (const [at, one] of many.slice(2).entries()) {
      agents.settled(undefined, one);
      agents.settled(undefined, served);
      if (at < 100) agents.denied(undefined, undefined, denied);
    }
    expect([found(agents, "a0"), found(agents, "a1"), found(agents, "evil")]).toEqual([1, 0, 1]);
  });
});
