/** The table of agents, as it was when it was checked. docs/guides/agents.md. */
import { expect, test } from "vitest";
import type { AmountText } from "../amount.ts";
import { readPolicies } from "./policy.ts";

const table = () => ({
  scout: {
    endpoints: ["GET https://api.example/x"],
    budget: ["10 sat"] as AmountText[],
    capabilities: { weather: ["read"] },
    expiresAt: new Date(0),
    agents: { runner: { budget: ["1 sat"] as AmountText[] } },
  },
});

test("an entry is what was checked, whatever happens to its lists", () => {
  const given = table();
  const read = readPolicies(given);
  given.scout.endpoints[0] = "* https://api.example/**";
  given.scout.budget[0] = "90 sat";
  given.scout.capabilities.weather.push("admin");
  given.scout.expiresAt.setTime(1e12);
  given.scout.agents.runner.budget[0] = "9 sat";
  expect(read).toEqual(readPolicies(table()));
});
