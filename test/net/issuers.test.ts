/**
 * Where a service fetches the keys of the issuers that it trusts, and where it does not. Everything
 * that it must not reach listens and would answer with keys. [case 78]
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, test } from "vitest";
import { inside, world } from "./support/people.ts";
import { type HostName, REFUSED_NAMES } from "./support/plan.ts";
import { ended } from "./support/processes.ts";

const PORT = "8500";
const TRUSTING = "agents";
const log = (host: HostName): string => join(world.place.folder, `issuer-${host}.log`);
/** Connections to the site of a host, since the start. */
const asked = (host: HostName): number => readFileSync(log(host), "utf8").split("\n").length - 1;

beforeAll(async () => {
  for (const host of ["shop", "shop4", "shop6", "trap", TRUSTING, "treasury6"] as const) {
    const { stdout } = inside.program(host, "issuer-site", [PORT, log(host)]);
    await once(createInterface({ input: stdout }), "line");
  }
});

/** By issuer, what was told to the operator and to the holder. */
async function trusting(
  issuers: readonly string[],
  options: object = {},
  { host = TRUSTING, env = {} }: { host?: HostName; env?: Readonly<Record<string, string>> } = {},
): Promise<Readonly<Record<string, readonly string[]>>> {
  const program = inside.program(host, "trusting", [JSON.stringify(options), ...issuers], env);
  const { code, stdout, stderr } = await ended(program);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

const at = (host: string): string => `https://${host.includes(":") ? `[${host}]` : host}:${PORT}`;
/** The keys were fetched, and are not those of the credential. */
const REACHED = ["ERR_TOKEN_FORGED"];
const REFUSED = ["ERR_KEYS_ADDRESS", "ERR_KEYS_UNREACHABLE"];
const all = (issuers: readonly string[], outcome: readonly string[]) =>
  Object.fromEntries(issuers.map((issuer) => [issuer, outcome]));

const NAMES = Object.keys(REFUSED_NAMES);
const PRIVATE = ["private", "unique-local", "mapped", "translated", "private-alias"].map(
  (name) => `${name}.example`,
);
/** Lead to a public address and to a private one. */
const MIXED = NAMES.filter((name) => name.startsWith("mixed"));
const NEVER = NAMES.filter((name) => !PRIVATE.includes(name) && !MIXED.includes(name));

describe("an issuer's name", () => {
  test("that leads to a public address is asked, in IPv4 and IPv6", async () => {
    const issuers = ["dual.example", "alias.example", "four.example", "six.example"].map(at);
    expect(await trusting(issuers)).toEqual(all(issuers, REACHED));
  });

  test("that leads to a public address by NAT64 is asked", async ({ skip }) => {
    skip(world.missing.tayga !== undefined, world.missing.tayga);
    const issuers = [at("four.example")];
    expect(await trusting(issuers, {}, { host: "treasury6" })).toEqual(all(issuers, REACHED));
  });

  test("that leads to what is not public, or may, is asked for nothing", async () => {
    const before = [asked("trap"), asked(TRUSTING)];
    const issuers = NAMES.map(at);
    expect(await trusting(issuers)).toEqual(all(issuers, REFUSED));
    expect([asked("trap"), asked(TRUSTING)]).toEqual(before);
  });

  test("that leads to a private network is asked by permission", async () => {
    const before = asked("trap");
    const issuers = ["private.example", "private-alias.example", "unique-local.example"].map(at);
    expect(await trusting(issuers, { allowPrivateIssuers: true })).toEqual(all(issuers, REACHED));
    expect(asked("trap")).toBe(before + issuers.length);
  });

  test("that leads to this machine or to the metadata service is asked for nothing with it", async () => {
    const before = [asked("trap"), asked(TRUSTING)];
    const issuers = NEVER.map(at);
    expect(issuers.length).toBeGreaterThan(5);
    expect(await trusting(issuers, { allowPrivateIssuers: true })).toEqual(all(issuers, REFUSED));
    expect([asked("trap"), asked(TRUSTING)]).toEqual(before);
  });

  test("that is rebound: the last good page stays, and the private address is asked for nothing", async () => {
    const before = asked("trap");
    const issuer = at("rebound-issuer.example");
    expect(await trusting([issuer], { times: 2 })).toEqual({
      [issuer]: [...REACHED, "ERR_KEYS_ADDRESS", ...REACHED],
    });
    expect(asked("trap")).toBe(before);
  });

  test("whose certificate is not for it is not believed", async () => {
    const issuer = at("wrong-name.example");
    expect(await trusting([issuer])).toEqual({
      [issuer]: ["ERR_KEYS_UNREACHABLE", "ERR_KEYS_UNREACHABLE"],
    });
  });
});

test("an issuer that is listed by its address, or as localhost, is asked there", async () => {
  const issuers = ["10.0.0.1", "169.254.169.254", "fd00::1", "11.22.0.11", "2d00:16::c"].map(at);
  expect(await trusting(issuers)).toEqual(all(issuers, REACHED));
  const here = asked(TRUSTING);
  expect(await trusting([at("localhost")])).toEqual(all([at("localhost")], REACHED));
  expect(asked(TRUSTING)).toBe(here + 1);
});

test("a proxy of the environment is not asked", async () => {
  const proxy = "http://10.0.0.1:3128";
  const env = { NODE_USE_ENV_PROXY: "1", HTTPS_PROXY: proxy, https_proxy: proxy };
  const issuers = [at("dual.example"), at("private.example")];
  expect(await trusting(issuers, {}, { env })).toEqual({
    ...all(issuers.slice(0, 1), REACHED),
    ...all(issuers.slice(1), REFUSED),
  });
});
