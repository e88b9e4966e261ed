/** Nothing leaves the namespaces: they have no interface but those of the small internet. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { ipJson, namespaceOf, sweep } from "./support/namespaces.ts";
import { world } from "./support/people.ts";
import { HOST_NAMES } from "./support/plan.ts";
import { killed } from "./support/processes.ts";

const { run } = world.place;

test("this machine has the interfaces, routes and forwarding that it had before", () => {
  expect(world.machine.after).toBe(world.machine.before);
});

test.each(HOST_NAMES)("%s has one interface, which leads to the router", (host) => {
  const links = ipJson("-n", namespaceOf(host, run), "link");
  // The other end of the translator's tunnel is the translator.
  const names = links.map(({ ifname }) => ifname).filter((name) => name !== "nat64");
  expect(names.sort()).toEqual(["eth0", "lo"]);
});

test("the router has an interface for each host, and no other", () => {
  const links = ipJson("-n", namespaceOf("net", run), "link");
  expect(links.map(({ ifname }) => ifname).sort()).toEqual(
    ["lan", "lo", ...HOST_NAMES.map((host) => `to-${host}`)].sort(),
  );
});

test("what a killed run left is removed by the next one, and what a living one has is not", async () => {
  const maker = spawn("sleep", ["600"], { stdio: "ignore" });
  const namespace = namespaceOf("left", maker.pid);
  spawnSync("ip", ["netns", "add", namespace]);
  mkdirSync(`/etc/netns/${namespace}`, { recursive: true });
  const inside = spawn("ip", ["netns", "exec", namespace, "sleep", "600"], { stdio: "ignore" });
  await once(inside, "spawn");
  const names = () => ipJson("netns", "list").map(({ name }) => name);

  sweep();
  expect(names()).toContain(namespace);

  await killed(maker);
  const ended = once(inside, "exit");
  while (spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" }).stdout === "");
  sweep();
  await ended;
  expect(names()).not.toContain(namespace);
  expect(existsSync(`/etc/netns/${namespace}`)).toBe(false);
  expect(names()).toContain(namespaceOf("treasury", run));
});
