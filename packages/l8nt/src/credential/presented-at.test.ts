/** What a client shows of a credential, by what services receive. spec/9-public-key.md §10. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { readOrigin, targetOfUrl } from "../caveat/index.ts";
import { HttpClient } from "../client/client.ts";
import { Credential as Reader } from "../l402/credential.ts";
import { Authority } from "../l402/index.ts";
import type { BiscuitBody } from "../public-key/body.ts";
import { Minter, seal } from "../public-key/index.ts";
import { type Credential, presentedAt } from "./index.ts";

const NOW = 1_800_000_000;
const clock = () => NOW;
const location = "https://api.example";
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";

const macaroons = new Authority({ secret, location, clock }).minter;
const biscuits = new Minter({
  privateKey: "11".repeat(32),
  issuer: "https://treasury.example",
  location,
  clock,
});

const EVERYWHERE = ["* https://*:*/**", "* http://127.0.0.1:*/**"];
const FORMS = [
  [
    "macaroon",
    (endpoints: readonly string[] = EVERYWHERE) => macaroons.mint({ endpoints, expiresIn: "1h" }),
  ],
  [
    "public key",
    (endpoints: readonly string[] = EVERYWHERE) =>
      Reader.parse(biscuits.mint({ endpoints, expiresIn: "1h" }).toString()),
  ],
] as const;

const originOf = (url: string) => readOrigin(url)!;
const addedBy = (shown: Credential, own: Credential) =>
  shown.caveats.slice(own.caveats.length).map(({ condition, value }) => `${condition}=${value}`);
const isOpen = (text: string): boolean => {
  const { body } = Reader.parse(text);
  return body.sealed !== undefined && !(body as BiscuitBody).isSealed;
};

describe("hosts that no endpoint can name", () => {
  const hosts = ["-a.example", "a-.example", "a..b.example", "a,b.example", "*.example", "*"];
  test.each(hosts)("%s: nothing that it could use elsewhere is shown to it", (host) => {
    const origin = originOf(`https://${host}`);
    const services = { services: ["a"], expiresIn: "1h" } as const;
    for (const [, mint] of FORMS)
      expect(() => presentedAt(mint(), origin)).toThrow(
        expect.objectContaining({ code: "ERR_REQUEST" }),
      );
    const biscuit = Reader.parse(biscuits.mint(services).toString());
    expect(() => presentedAt(biscuit, origin)).toThrow(
      expect.objectContaining({ code: "ERR_REQUEST" }),
    );
    // As to any other host.
    const macaroon = macaroons.mint(services);
    expect(presentedAt(macaroon, origin)).toBe(macaroon);
  });
});

describe.each(FORMS)("a %s", (_form, mint) => {
  test("admits at the origin what it admitted, and nothing at another one", () => {
    const origins = [
      "https://api.example",
      "https://api.example:8443",
      "http://127.0.0.1:9000",
      "https://other.example",
    ];
    const lists = fc.uniqueArray(
      fc.constantFrom(
        ...EVERYWHERE,
        "GET https://api.example/a/*",
        "* https://api.example/**",
        "POST https://other.example/**",
        "GET|PUT https://*.example:8443/b/**",
      ),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(
        lists,
        fc.constantFrom(...origins),
        fc.constantFrom(...origins),
        fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE"),
        fc.constantFrom("/", "/a/1", "/a/1/2", "/b/c/d"),
        (endpoints, presented, asked, method, path) => {
          const own = mint(endpoints);
          const shown = presentedAt(own, originOf(presented));
          const target = targetOfUrl(method, new URL(path, asked))!;
          const allows = (one: Credential) => one.chain.refusals({ now: NOW, target }).length === 0;
          expect(allows(shown)).toBe(presented === asked && allows(own));
          expect(shown.chain.refusals({ now: NOW, target: "self" })).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("is narrowed once for each origin, and has the nodes and limits that it had", () => {
    const own = mint().delegate({ agent: "scout", maxUses: 3 }, { now: NOW });
    const first = presentedAt(own, originOf(location));
    expect(addedBy(first, own)).toEqual(["endpoints=* https://api.example/**"]);
    expect(presentedAt(own, originOf(location))).toBe(first);
    expect(presentedAt(own, originOf("https://other.example")).toString()).not.toBe(`${first}`);
    expect(first.chain.lineage).toEqual(own.chain.lineage);
    expect(first.chain.limits.map(({ condition, max }) => [condition, max])).toEqual(
      own.chain.limits.map(({ condition, max }) => [condition, max]),
    );
    expect(first.paymentHash).toBe(own.paymentHash);
  });

  test("that is for this origin alone gets no caveat", () => {
    const own = mint(["GET https://api.example/a", "POST https://api.example/b/**"]);
    expect(addedBy(presentedAt(own, originOf(location)), own)).toEqual([]);
  });

  test("is what a service receives: in Authorization, beside one of the API's own, on a redirect", async () => {
    const received: string[] = [];
    const client = new HttpClient({
      credential: mint(),
      clock,
      fetch: async (input, init) => {
        const { url, headers } = new Request(input, init);
        for (const name of ["authorization", "macaroon"]) {
          const text = /^L402 (\S+)$/.exec(headers.get(name) ?? "")?.[1];
          if (text !== undefined) received.push(text);
        }
        return url.endsWith("/moved")
          ? new Response(null, { status: 307, headers: { location: `${location}/there` } })
          : new Response("ok");
      },
    });
    await client.get(`${location}/a`);
    await client.get(`${location}/moved`);
    await client.get(`${location}/a`, { headers: { authorization: "Bearer own" } });
    expect(received.length).toBeGreaterThanOrEqual(3);
    for (const text of received) {
      expect(isOpen(text)).toBe(false);
      const elsewhere = targetOfUrl("GET", new URL("https://other.example/a"))!;
      const { chain } = Reader.parse(text);
      expect(chain.refusals({ now: NOW, target: elsewhere })).not.toEqual([]);
    }
    expect(new Set(received).size).toBe(1);
  });
});

describe("the public-key form", () => {
  const own = FORMS[1][1]();

  test("is sealed also where it is for this origin alone, and where a service counts no endpoints", () => {
    const bound = FORMS[1][1](["GET https://api.example/a"]);
    for (const one of [own, bound])
      expect(isOpen(presentedAt(one, originOf(location)).toString())).toBe(false);
  });

  test("that came sealed is sent as it is", () => {
    const sealed = seal(own);
    expect(presentedAt(sealed, originOf(location)).toString()).toBe(sealed.toString());
  });

  test("without room for one more block is sealed all the same", () => {
    let full = own;
    for (let length = 990; length > 0; length--) {
      try {
        full = full.append([`purpose=${"x".repeat(length)}`]);
      } catch {}
    }
    expect(8192 - full.toString().length).toBeLessThan(600);
    expect(() => full.append(["endpoints=* https://api.example/**"])).toThrow("8192 characters");
    const shown = presentedAt(full, originOf(location));
    expect(isOpen(shown.toString())).toBe(false);
    expect(addedBy(shown, full)).toEqual([]);
  });

  test("is sealed and for one origin in what its service is asked about it", async () => {
    const received: string[] = [];
    const client = new HttpClient({
      credential: own,
      clock,
      fetch: async (input, init) => {
        const { headers } = new Request(input, init);
        received.push(/^L402 (\S+)$/.exec(headers.get("authorization") ?? "")![1]!);
        return new Response(null, { status: 500 });
      },
    });
    const child = client.delegate({ agent: "scout" });
    const calls = [client.standing(), client.tree(), client.receipts(), client.revoke(child)];
    await Promise.allSettled(calls);
    expect(received).toHaveLength(4);
    for (const text of received) {
      expect(isOpen(text)).toBe(false);
      expect(addedBy(Reader.parse(text), own)).toEqual(["endpoints=* https://api.example/**"]);
    }
  });
});

describe("a macaroon", () => {
  test("that can spend is sent as it is: a treasury judges the endpoints of what it buys", () => {
    const spending = macaroons.mint({ endpoints: EVERYWHERE, expiresIn: "1h", budget: "5 sat" });
    expect(presentedAt(spending, originOf(location))).toBe(spending);
    const biscuit = biscuits.mint({ endpoints: EVERYWHERE, expiresIn: "1h", budget: "5 sat" });
    expect(addedBy(presentedAt(biscuit, originOf(location)), biscuit)).toHaveLength(1);
  });

  test("costs one HMAC at an origin's first request, and none at the next ones", () => {
    const own = FORMS[0][1]();
    const hmac = vi.spyOn(process.getBuiltinModule("node:crypto"), "createHmac");
    for (let request = 0; request < 9; request++) presentedAt(own, originOf(location)).toString();
    expect(hmac).toHaveBeenCalledTimes(1);
    hmac.mockRestore();
  });

  test("whose service may not know the condition is sent as it is", () => {
    const foreign = macaroons.mint({ services: ["loop"], expiresIn: "1h" });
    expect(presentedAt(foreign, originOf(location))).toBe(foreign);
  });
});
