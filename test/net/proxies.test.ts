/**
 * The paywall behind nginx and Caddy as people run them: a prefix removed, buffers of 4 KiB, HTTP/2
 * in. The treasuries' own API is behind them as well: nginx for one, Caddy for the other.
 */
import { Credential } from "l8nt";
import { beforeAll, describe, expect, test } from "vitest";
import type { AskOptions, Told } from "./programs/agent.ts";
import { type Agent, brokenOff, openAgent, owner, paymentsOf, world } from "./support/people.ts";
import { AGAIN, CACHED, CUT, HOSTS, PROXIES, proxied, SITES } from "./support/plan.ts";

let agent: Agent;
beforeAll(async () => {
  agent = await openAgent();
});

const credential = world.credentials.treasury.agent;
/** Of an agent whose uses are counted, so that the treasury must relay. */
const relayed = Credential.parse(credential)
  .delegate({ agent: "relayed-by-proxy", maxUses: 1000 })
  .toString();
const MODES = [
  ["handed over", credential],
  ["relayed", relayed],
] as const;

const HANDED = SITES["a dual-stack name"].location;

const plain = (url: string, more: Partial<AskOptions> = {}): Promise<Told> =>
  agent.ask({ url, by: "plain", ...more });

/** The schemes of the challenge lines. */
const challenges = ({ headers }: Told): readonly string[] =>
  headers
    .filter(([name]) => name === "www-authenticate")
    .flatMap(([, value]) => [...value.matchAll(/(?:^|, )(L402|LSAT) /g)].map((found) => found[1]!));

for (const proxy of PROXIES)
  describe.skipIf(world.missing[proxy] !== undefined)(`behind ${proxy}`, () => {
    const { root, prefix, ...limited } = proxied(proxy);

    describe.each(MODES)("%s", (mode, paying) => {
      const slug = mode.replace(" ", "-");

      test("an agent buys", async () => {
        const url = `${root.location}/${slug}`;
        const told = await agent.ask({ url, credential: paying });
        expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
      });

      test("the service sees the address of the client", async () => {
        const url = `${root.location}/address-${slug}`;
        const told = await agent.ask({ url, credential: paying });
        const client = mode === "relayed" ? HOSTS.treasury : HOSTS.agents;
        expect([...client.v4, ...client.v6]).toContain(JSON.parse(told.body).from);
      });

      test("an agent buys where the proxy removes a prefix", async () => {
        const url = `${prefix.location}/forecast-${slug}`;
        const told = await agent.ask({ url, credential: paying });
        expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
        expect(JSON.parse(told.body)).toMatchObject({ at: prefix.location });
      });

      test("an agent gets the whole of an answer that is larger than every buffer", async () => {
        const url = `${root.location}/large`;
        const told = await agent.ask({ url, credential: paying });
        expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
        expect(told.body).toBe("It is what was paid for. ".repeat(40_000));
      });

      test("an agent buys with an upload that the proxy buffers", async () => {
        const url = `${root.location}/upload-${slug}`;
        const body = "x".repeat(512 * 1024);
        const told = await agent.ask({ url, credential: paying, method: "POST", body });
        expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
      });

      test.each([100, 300])("an agent buys at a path of %i characters", async (length) => {
        const url = `${root.location}/${slug}`.padEnd(root.location.length + length, "x");
        const told = await agent.ask({ url, credential: paying });
        expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
      });

      test("an agent buys over HTTP/2", async () => {
        const url = `${root.location}/http2-${slug}`;
        const told = await agent.ask({ url, credential: paying, http2: true });
        expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
      });
    });

    test.each([false, true])("both lines of a challenge arrive; over HTTP/2: %s", async (http2) => {
      const told = await plain(`${root.location}/challenge`, { http2 });
      expect(told.status).toBe(402);
      expect(challenges(told)).toEqual(["LSAT", "L402"]);
    });

    const headOf = async (length: number): Promise<number> => {
      const told = await plain(`${root.location}/`.padEnd(root.location.length + length, "x"));
      expect(told.status).toBe(402);
      return told.headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
    };

    test.each([100, 300, 500, 850])(
      "the 402 of a path of %i characters passes a buffer of 4 KiB",
      async (length) => {
        expect(await headOf(length)).toBeLessThan(4096);
      },
    );

    test("a revocation reaches a service whose prefix the proxy removes", async () => {
      const name = `revoked-behind-${proxy}`;
      const scout = Credential.parse(credential).delegate({ agent: name, budget: "100 sat" });
      const url = `${prefix.location}/${name}`;
      const told = await agent.ask({ url, credential: scout.toString(), by: "order" });
      expect(told.status, told.body).toBe(200);
      const { stdout } = await owner("treasury", "revoke", name, "--json");
      expect(JSON.parse(stdout).services).toEqual({ confirmed: 1, pending: 0 });
      const refused = await agent.ask({ url, by: "handed" });
      expect(JSON.parse(refused.body)).toMatchObject({ code: "ERR_REVOKED" });
    });

    test.each([0.5, 3, 30])("the 402 of an unpaid upload of %d MiB arrives", async (size) => {
      const body = "x".repeat(size * 1024 * 1024);
      const told = await plain(`${root.location}/unpaid`, { method: "POST", body });
      expect(told.status).toBe(402);
    });

    test.each(Object.entries(limited))(
      "with %s, the limit of unpaid challenges counts each client, not the proxy",
      async (_, few) => {
        const other = await openAgent("owner");
        const url = `${few.location}/few`;
        const statuses: (number | undefined)[] = [];
        for (let asked = 0; asked < 3; asked++) statuses.push((await plain(url)).status);
        expect(statuses).toEqual([402, 402, 429]);
        // A client cannot say that it is another one.
        const forged = await plain(url, { headers: { "x-forwarded-for": "11.99.0.1" } });
        expect(forged.status).toBe(429);
        expect((await other.ask({ url, by: "plain" })).status).toBe(402);
      },
    );
  });

describe.skipIf(world.missing.nginx !== undefined)("behind nginx alone", () => {
  test.each([
    ["handed over", credential, AGAIN.handed.location],
    ["relayed", relayed, AGAIN.relayed.location],
  ])(
    "%s: a paid request that the proxy sends again is answered, and paid for once",
    async (_, paying, location) => {
      const before = brokenOff().length;
      const told = await agent.ask({ url: `${location}/again`, credential: paying });
      expect(brokenOff().length).toBeGreaterThan(before);
      expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
      // Nobody is accused: the next order is paid for.
      const next = await agent.ask({ url: `${location}/next`, credential: paying });
      expect(next, next.message).toMatchObject({ status: 200, payments: 1 });
    },
  );

  test("a shared cache gives a paid answer to nobody else", async () => {
    const url = `${CACHED.location}/cacheable`;
    expect(await agent.ask({ url, credential })).toMatchObject({ status: 200, payments: 1 });
    expect((await plain(url)).status).toBe(402);
  });
});

describe("through a proxy that breaks off every other answer to a credential", () => {
  const MODES_AT = [
    ["the service, handed over", credential, "agents", `${CUT.handed.location}/order`],
    ["the service, relayed", relayed, "agents", `${CUT.relayed.location}/order`],
    ["the treasury, handed over", credential, "remote", `${HANDED}/cut-handed`],
    ["the treasury, relayed", relayed, "remote", `${HANDED}/cut-relayed`],
  ] as const;

  test.each(MODES_AT)(
    "before %s: the same order again gets its answer, and is paid for once",
    async (where, paying, host, url) => {
      const client = await openAgent(host);
      const request: AskOptions = {
        url,
        credential: paying,
        headers: { "idempotency-key": `order before ${where}` },
      };
      const before = brokenOff().length;
      const first = await client.ask(request);
      const again = first.status === 200 ? first : await client.ask(request);
      expect(again, again.message).toMatchObject({ status: 200 });
      expect(brokenOff().length).toBeGreaterThan(before);
      const payments = await paymentsOf("treasury");
      expect(payments.filter(({ origin, path }) => origin + path === url)).toHaveLength(1);
    },
  );
});

for (const [treasury, proxy] of [
  ["treasury", "nginx"],
  ["treasury6", "caddy"],
] as const)
  describe.skipIf(world.missing[proxy] !== undefined)(`${treasury} behind ${proxy}`, () => {
    test.each(["GET", "POST"])("its API sells over HTTP/2 to a %s", async (method) => {
      const told = await agent.ask({
        url: `${proxied(proxy).root.location}/http2-of-${treasury}`,
        credential: world.credentials[treasury].agent,
        method,
        http2: true,
      });
      expect(told, told.message).toMatchObject({ status: 200, payments: 1 });
    });
  });
