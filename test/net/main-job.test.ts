/**
 * The main job between hosts with public addresses, by the real programs: agents buy over TLS from
 * services by name and by address, and the owner looks, freezes and revokes.
 */
import { beforeAll, expect, test } from "vitest";
import { type Agent, openAgent, world } from "./support/people.ts";
import { SITES } from "./support/plan.ts";

let agent: Agent;
beforeAll(async () => {
  agent = await openAgent();
});

const sites = Object.entries(SITES).filter(([, { port }]) => port < 8004);

test.each(sites)("an agent buys at %s", async (_, { location }) => {
  const credential = world.credentials.treasury.agent;
  const told = await agent.ask({ url: `${location}/forecast`, credential });
  expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
  expect(JSON.parse(told.body)).toEqual({ forecast: "sunny", at: location });
});
