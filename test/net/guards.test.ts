/**
 * What a treasury reaches and what it refuses. Everything that it must refuse listens and would
 * answer, so that a hole in the guard is an answer. [case 78]
 */
import { Credential } from "l8nt";
import { beforeAll, describe, expect, test } from "vitest";
import type { Told } from "./programs/agent.ts";
import {
  type Agent,
  inside,
  openAgent,
  owner,
  proxiedTo,
  trapped,
  world,
} from "./support/people.ts";
import { REBOUND, REFUSED_NAMES, SITES, TRAPPED, type TreasuryName } from "./support/plan.ts";
import { type Ended, ended } from "./support/processes.ts";

let agent: Agent;
beforeAll(async () => {
  agent = await openAgent();
});

/** Has a treasury request a URL, without asking the service first as a client does. */
const order = (url: string, treasury: TreasuryName = "treasury"): Promise<Told> =>
  agent.ask({ url, credential: world.credentials[treasury].agent, by: "order" });

const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** Of the treasury's own host, where the trap listens as well. */
const LOOPBACK = [
  "https://127.0.0.1:8443/",
  "https://127.1:8443/",
  "https://0x7f000001:8443/",
  "https://2130706433:8443/",
  "https://0177.0.0.1:8443/",
  "https://①②⑦.⓪.⓪.①:8443/",
  "https://0.0.0.0:8443/",
  "https://[::1]:8443/",
  "https://[::]:8443/",
  "https://[::ffff:127.0.0.1]:8443/",
  "https://localhost:8443/",
  "http://127.0.0.1/",
  "http://localhost/",
  ...Object.keys(REFUSED_NAMES)
    .filter((name) => name.startsWith("loop"))
    .map((name) => `https://${name}:8443/`),
];
const V4 = [
  ...TRAPPED.v4.map((address) => `https://${address}/`),
  "https://169.254.169.254/latest/meta-data/",
  "https://[::ffff:10.0.0.1]/",
  "https://[::ffff:169.254.169.254]/",
];
const V6 = TRAPPED.v6.map((address) => `https://${bracketed(address)}/`);
const NAMES = Object.keys(REFUSED_NAMES)
  .filter((name) => !name.startsWith("loop"))
  .map((name) => `https://${name}/`);

const ROWS: Readonly<Record<"treasury" | "treasury6", readonly string[]>> = {
  treasury: [...LOOPBACK, ...V4, ...V6, ...NAMES],
  // Without an IPv4 address a host asks for no A record, and DNS64 translates those of names that
  // have no AAAA record.
  treasury6: [
    ...LOOPBACK,
    ...V6,
    ...NAMES.filter((url) => !/mapped|mixed-families-reversed/.test(url)),
  ],
};

describe.each(["treasury", "treasury6"] as const)("from %s", (treasury) => {
  test("without a guard, everything that it refuses answers", async () => {
    const unguarded = await openAgent(treasury);
    const silent: string[] = [];
    for (const url of ROWS[treasury]) {
      const { status, body } = await unguarded.ask({ url, by: "plain" });
      // A name with a public address as well may lead to that one.
      const isAnswer = status === 200 && body.startsWith("TRAP");
      if (!isAnswer && !(url.includes("mixed") && status === 402)) silent.push(url);
    }
    expect(silent).toEqual([]);
    expect(trapped().length).toBeGreaterThan(0);
  });

  test.each(ROWS[treasury])("%s is refused", async (url) => {
    const before = trapped();
    const told = await order(url, treasury);
    expect(told.status, told.body).toBe(502);
    expect(JSON.parse(told.body)).toMatchObject({ code: "ERR_SERVICE_UNREACHABLE" });
    expect(trapped()).toEqual(before);
  });
});

test.each(["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://dual.example/"])(
  "%s is refused before anything is looked up, as all plain HTTP",
  async (url) => {
    const before = trapped();
    const told = await order(url);
    expect(told.status).toBe(400);
    expect(JSON.parse(told.body)).toMatchObject({ code: "ERR_REQUEST" });
    expect(trapped()).toEqual(before);
  },
);

test.each(["https://[fe80::1]/", "https://[ff02::1]/", "https://224.0.0.1/"])(
  "%s, which no connection leads to, is refused",
  async (url) => {
    const told = await order(url);
    expect(told.status).toBe(502);
    expect(told.body).toContain("not public");
  },
);

describe("what is public is reached", () => {
  test.for(Object.entries(SITES))("%s", async ([name, { location }], { skip }) => {
    skip(name.includes("NAT64") && world.missing.tayga !== undefined, world.missing.tayga);
    const told = await order(`${location}/let-through`);
    expect(told.status, told.body).toBe(200);
    expect(JSON.parse(told.body)).toMatchObject({
      credential: expect.any(String),
      payment: { origin: location },
    });
  });
});

test.each([
  ["a certificate for another name", "https://wrong-name.example/"],
  ["a certificate of an authority that is not trusted", "https://dual.example:8444/"],
  ["no TLS where it is asked for", "https://treasury.example:80/"],
  ["a port that nothing listens at", "https://dual.example:9/"],
  ["a name that does not exist", "https://nowhere.example/"],
])("a host with %s is asked for nothing", async (_, url) => {
  const told = await order(url);
  expect(told.status, told.body).toBe(502);
  expect(JSON.parse(told.body)).toMatchObject({ code: "ERR_SERVICE_UNREACHABLE" });
});

describe("a redirect to an address that is not public is not followed", () => {
  const { location } = SITES["a dual-stack name"];

  test.each([
    ["before a payment, to an address", "/away"],
    ["before a payment, to a name", "/away-to-name"],
  ])("%s", async (_, path) => {
    const before = trapped();
    const told = await order(location + path);
    expect(told.status).toBe(302);
    expect(Object.fromEntries(told.headers)).toMatchObject({ "sigil-relayed": "1" });
    expect(trapped()).toEqual(before);
  });

  test("after a payment", async () => {
    const before = trapped();
    const counted = Credential.parse(world.credentials.treasury.agent).delegate({
      agent: "away",
      maxUses: 10,
    });
    const url = `${location}/paid-away`;
    const told = await agent.ask({ url, credential: counted.toString(), by: "order" });
    expect(told.status).toBe(302);
    expect(Object.fromEntries(told.headers)).toMatchObject({
      "sigil-relayed": "1",
      "sigil-payment": expect.any(String),
    });
    expect(trapped()).toEqual(before);
  });
});

describe("a name that is rebound to a private address", () => {
  test("after the look-up: the address that was judged is the one that is reached, and the next order is refused", async () => {
    const before = trapped();
    const { location } = REBOUND.handed;
    expect((await order(`${location}/first`)).status).toBe(200);
    const later = await order(`${location}/second`);
    expect(later.status).toBe(502);
    expect(JSON.parse(later.body)).toMatchObject({ code: "ERR_SERVICE_UNREACHABLE" });
    expect(trapped()).toEqual(before);
  });

  test("after the payment: the credential is presented to no private address", async () => {
    const before = trapped();
    const counted = Credential.parse(world.credentials.treasury.agent).delegate({
      agent: "rebound",
      maxUses: 10,
    });
    const url = `${REBOUND.relayed.location}/first`;
    const told = await agent.ask({ url, credential: counted.toString(), by: "order" });
    expect(told.body).not.toContain("TRAP");
    expect(trapped()).toEqual(before);
  });
});

test("a name that is rebound after a hand-over: no revocation is sent to a private address", async () => {
  const before = trapped();
  const scout = Credential.parse(world.credentials.treasury.agent).delegate({ agent: "recalled" });
  const url = `${REBOUND.recalled.location}/pass/recalled`;
  const told = await agent.ask({ url, credential: scout.toString(), by: "order" });
  expect(told.status, told.body).toBe(200);
  const { stdout } = await owner("treasury", "revoke", "recalled", "--wait", "2", "--json");
  expect(JSON.parse(stdout).services).toMatchObject({ confirmed: 0, pending: 1 });
  expect(trapped()).toEqual(before);
});

describe("proxy variables of the environment lead around no guard", () => {
  const proxy = "http://10.0.0.1:3128";
  const env = {
    NODE_USE_ENV_PROXY: "1",
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    https_proxy: proxy,
  };
  const fetched = (url: string): Promise<Ended> =>
    ended(inside.program("treasury", "guarded", [url], env));

  test.each([
    ["http://loop.example/", "not public"],
    ["http://private.example/", "not public"],
    ["https://dual.example/", "402"],
  ])("%s: %s", async (url, said) => {
    const before = trapped();
    const { stdout } = await fetched(url);
    expect(trapped()).toEqual(before);
    expect(stdout).toContain(said);
  });
});

describe("through an egress proxy, which looks names up", () => {
  test("a name and a public address are asked of it", async () => {
    const { location } = SITES["an IPv6 address of a dual-stack host"];
    const told = await order(`${location}/by-proxy`, "enclosed");
    expect(told.status, told.body).toBe(200);
    expect(proxiedTo()).toContain(new URL(location).host);
    expect(await order("https://dual.example/by-proxy", "enclosed")).toMatchObject({ status: 200 });
    expect(proxiedTo()).toContain("dual.example:443");
  });

  test.each([
    "https://127.0.0.1:8443/",
    "https://[::1]:8443/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fd00::1]/",
    "https://[64:ff9b::a00:1]/",
    "https://localhost:8443/",
  ])("%s is not asked of it", async (url) => {
    const before = [proxiedTo(), trapped()];
    const told = await order(url, "enclosed");
    expect(told.status, told.body).toBe(502);
    expect(JSON.parse(told.body)).toMatchObject({ code: "ERR_SERVICE_UNREACHABLE" });
    expect([proxiedTo(), trapped()]).toEqual(before);
  });
});
