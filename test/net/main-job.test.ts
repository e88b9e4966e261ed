/**
 * The main job between hosts with public addresses, by the real programs: agents buy over TLS from
 * services by name and by address, and the owner looks, freezes and revokes.
 */
import { Credential } from "l8nt";
import { beforeAll, describe, expect, test } from "vitest";
import { type Agent, inside, openAgent, owner, world } from "./support/people.ts";
import { HOSTS, type HostName, SITES, TREASURY_NAMES } from "./support/plan.ts";

let agent: Agent;
beforeAll(async () => {
  agent = await openAgent();
});

const addressesOf = (host: HostName): readonly string[] => [...HOSTS[host].v4, ...HOSTS[host].v6];

/** The addresses of the pool, which a service sees behind NAT64. */
const TRANSLATED = /^11\.23\.0\./;

/** Names and addresses, as a dual-stack host reaches them. */
const REACHED = [
  "a dual-stack name",
  "an alias of a name",
  "an IPv4-only name",
  "an IPv6-only name",
  "a literal IPv4 address",
  "a literal IPv6 address",
  "an IPv4 address of a dual-stack host",
  "an IPv6 address of a dual-stack host",
] as const satisfies readonly (keyof typeof SITES)[];

/** The same for a host that has no IPv6 address. */
const REACHED_BY_IPV4 = [
  "a dual-stack name",
  "an alias of a name",
  "an IPv4-only name",
  "a literal IPv4 address",
  "an IPv4 address of a dual-stack host",
] as const satisfies readonly (keyof typeof SITES)[];

/** The same for a host that has no IPv4 address, behind DNS64 and NAT64. */
const REACHED_BY_IPV6 = [
  "a dual-stack name",
  "an alias of a name",
  "an IPv4-only name",
  "an IPv6-only name",
  "a literal IPv6 address",
  "the NAT64 address of a public one",
] as const satisfies readonly (keyof typeof SITES)[];

describe.each([
  ["treasury", REACHED],
  ["treasury4", REACHED_BY_IPV4],
  ["treasury6", REACHED_BY_IPV6],
  ["enclosed", REACHED],
] as const)("from %s", (treasury, names) => {
  const needsNat64 = (name: string): boolean => treasury === "treasury6" && /IPv4|NAT64/.test(name);

  test.for(names)("an agent is handed what opens %s, and asks itself", async (name, { skip }) => {
    skip(needsNat64(name) && world.missing.tayga !== undefined, world.missing.tayga);
    const { location } = SITES[name];
    const credential = world.credentials[treasury].agent;
    const told = await agent.ask({ url: `${location}/of-${treasury}`, credential });
    expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
    const { forecast, at, from } = JSON.parse(told.body);
    expect([forecast, at]).toEqual(["sunny", location]);
    if (name.includes("NAT64")) expect(from).toMatch(TRANSLATED);
    else expect(addressesOf("agents")).toContain(from);
  });

  test.for(names)("an agent is relayed the answer of %s", async (name, { skip }) => {
    skip(needsNat64(name) && world.missing.tayga !== undefined, world.missing.tayga);
    const { location } = SITES[name];
    // No service counts the uses of an agent's own credential, so the treasury must ask itself.
    const counted = Credential.parse(world.credentials[treasury].agent).delegate({
      agent: "counted",
      maxUses: 100,
    });
    const url = `${location}/relayed-of-${treasury}`;
    const told = await agent.ask({ url, credential: counted.toString() });
    expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
    const { forecast, at, from } = JSON.parse(told.body);
    expect([forecast, at]).toEqual(["sunny", location]);
    if (treasury === "treasury6" && needsNat64(name)) expect(from).toMatch(TRANSLATED);
    else expect(addressesOf(treasury === "enclosed" ? "egress" : treasury)).toContain(from);
  });
});

test("`sigil get` buys for an agent", async () => {
  const { location } = SITES["a dual-stack name"];
  const env = { SIGIL_CREDENTIAL: world.credentials.treasury.agent };
  const { code, stdout, stderr } = await inside.sigil("agents", ["get", `${location}/got`], env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("paid 10 sat") });
  expect(JSON.parse(stdout)).toMatchObject({ forecast: "sunny" });
});

describe.each(TREASURY_NAMES)("the owner of %s, on a third host", (treasury) => {
  // From the treasury without IPv4, this is NAT64's.
  const isReached = treasury !== "treasury6" || world.missing.tayga === undefined;
  const { location } = SITES[isReached ? "an IPv4-only name" : "a dual-stack name"];
  const root = (): Credential => Credential.parse(world.credentials[treasury].agent);

  test("sees what an agent and those below it spent", async () => {
    const scout = root().delegate({ agent: "seen", budget: "100 sat" }).toString();
    await agent.ask({ url: `${location}/seen`, credential: scout });
    const { code, stdout } = await owner(treasury, "tree");
    expect(code).toBe(0);
    expect(stdout).toMatch(/ seen .* spent 10\.01 of 100 sat /);
  });

  test("freezes all agents, and ends the freeze", async () => {
    const credential = root().toString();
    expect((await owner(treasury, "freeze", "--reason", "a test")).code).toBe(0);
    const frozen = await agent.ask({ url: `${location}/frozen`, credential });
    expect(frozen).toMatchObject({ code: "ERR_FROZEN", payments: 0 });
    expect((await owner(treasury, "thaw")).code).toBe(0);
    const thawed = await agent.ask({ url: `${location}/frozen`, credential });
    expect(thawed).toMatchObject({ status: 200, payments: 1 });
  });

  test("revokes an agent, and the service no longer takes what it was handed", async () => {
    const scout = root().delegate({ agent: "revoked", budget: "100 sat" }).toString();
    const url = `${location}/pass/of-scout`;
    const order = { url, credential: scout, by: "order" } as const;
    expect(await agent.ask(order)).toMatchObject({ status: 200 });
    expect(await agent.ask({ url, by: "handed" })).toMatchObject({ status: 200 });
    const { code, stdout } = await owner(treasury, "revoke", "revoked", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).services).toEqual({ confirmed: 1, pending: 0 });
    const refused = await agent.ask({ url, by: "handed" });
    expect(refused.status).toBeGreaterThanOrEqual(401);
    expect(JSON.parse(refused.body)).toMatchObject({ code: "ERR_REVOKED" });
    expect(await agent.ask(order)).toMatchObject({ status: 403 });
    const parent = await agent.ask({ url: `${location}/parent`, credential: root().toString() });
    expect(parent).toMatchObject({ status: 200, payments: 1 });
  });
});
