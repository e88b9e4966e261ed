/** Agents that were seen: whom a person may mean by a name. */
import { Authority } from "l8nt/l402";
import { expect, test } from "vitest";
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

test("agents without end are not remembered without end", () => {
  const agents = new Agents();
  const root = mint();
  for (let at = 0; at < 10_050; at++)
    agents.settled(undefined, verifier.authenticate(root.delegate({ agent: `a${at}` })));
  expect(agents.all()).toHaveLength(10_000);
  expect([agents.named("a10049"), agents.named("a0")].map(({ length }) => length)).toEqual([1, 0]);
});
