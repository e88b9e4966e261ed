/** Nothing leaves the namespaces: they have no interface but those of the small internet. */
import { expect, test } from "vitest";
import { ipJson, namespaceOf } from "./support/namespaces.ts";
import { world } from "./support/people.ts";
import { HOST_NAMES } from "./support/plan.ts";

const { run } = world.place;

test("this machine has the interfaces, routes and forwarding that it had before", () => {
  expect(world.machine.after).toBe(world.machine.before);
});

test.each(HOST_NAMES)("%s has one interface, which leads to the router", (host) => {
  const links = ipJson("-n", namespaceOf(host, run), "link");
  const names = links.map(({ ifname }) => ifname);
  expect(names.sort()).toEqual(host === "nat64" ? ["eth0", "lo", "nat64"] : ["eth0", "lo"]);
});

test("the router has an interface for each host, and no other", () => {
  const links = ipJson("-n", namespaceOf("net", run), "link");
  expect(links.map(({ ifname }) => ifname).sort()).toEqual(
    ["lan", "lo", ...HOST_NAMES.map((host) => `to-${host}`)].sort(),
  );
});
