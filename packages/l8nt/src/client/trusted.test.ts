/**
 * Credentials of the public-key form at services that are not their location, by what the services
 * receive. spec/9-public-key.md §6 and §10.
 */
import { describe, expect, test } from "vitest";
import { Credential } from "../l402/credential.ts";
import { Authority } from "../l402/index.ts";
import { Minter, seal } from "../public-key/index.ts";
import { writeKeyPage } from "../public-key/key-page.ts";
import { Paywall, type PaywallOptions } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { HttpClient } from "./client.ts";

const NOW = 1_800_000_000;
const clock = () => NOW;
const issuer = "https://treasury.example";
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
const minter = new Minter({
  privateKey: "11".repeat(32),
  issuer,
  location: "https://a.example",
  clock,
});
const keys = writeKeyPage(issuer, [{ keyId: 0, publicKey: new Uint8Array(minter.publicKey) }]);
const mint = (...endpoints: string[]) =>
  Credential.parse(minter.mint({ endpoints, expiresIn: "1h" }).toString());
const BOTH = mint("* https://a.example/**", "* https://b.example/**");

const paywallOf = (given: Partial<PaywallOptions> = {}) =>
  new Paywall({
    location: "https://b.example",
    trust: [issuer],
    clock,
    alarm: () => {},
    fetch: (async () => Response.json(JSON.parse(keys))) as typeof fetch,
    ...given,
  } as PaywallOptions);

/** A client, and what each of its requests showed. */
function clientOf(
  credential: Credential | readonly Credential[],
  services: Readonly<Record<string, (request: Request) => Promise<Response>>>,
) {
  const shown: (Credential | undefined)[] = [];
  const sent: Request[] = [];
  const client = new HttpClient({
    credential,
    clock,
    fetch: (async (url: string, init: RequestInit) => {
      const request = new Request(url, init);
      sent.push(request.clone());
      const [, text] = /L402 (\S+)/.exec(request.headers.get("authorization") ?? "") ?? [];
      shown.push(text === undefined ? undefined : Credential.parse(text));
      return services[new URL(request.url).host]!(request);
    }) as typeof fetch,
  });
  return { client, shown, sent };
}

const served = (paywall: Paywall) => async (request: Request) => {
  const decision = await paywall.authorize(request);
  return decision.granted ? decision.settle(new Response("served")) : decision.response;
};

describe("a service that trusts the issuer", () => {
  test("is shown the credential, narrowed to it and sealed, once it has said so", async () => {
    const { client, shown } = clientOf(BOTH, { "b.example": served(paywallOf()) });
    for (const path of ["/x", "/y"])
      expect(await (await client.get(`https://b.example${path}`)).text()).toBe("served");
    // Asked without one the first time alone.
    expect(shown.map((one) => one?.caveats.at(-1)?.value)).toEqual([
      undefined,
      "* https://b.example/**",
      "* https://b.example/**",
    ]);
    expect(() => shown[1]!.attenuate({ purpose: "x" })).toThrow("sealed");
  });

  test("is sent the body again", async () => {
    const { client, sent } = clientOf(BOTH, { "b.example": served(paywallOf()) });
    await client.fetch("https://b.example/x", { method: "POST", body: "hello" });
    expect(await Promise.all(sent.map((one) => one.text()))).toEqual(["hello", "hello"]);
  });

  test("reads it beside an Authorization of the API's own", async () => {
    const { client, sent } = clientOf(BOTH, { "b.example": served(paywallOf()) });
    const headers = { authorization: "Bearer mine" };
    for (const path of ["/x", "/y"])
      expect((await client.get(`https://b.example${path}`, { headers })).status).toBe(200);
    expect(sent.at(-1)!.headers.get("authorization")).toMatch(/^Bearer mine, L402 \S+$/);
  });

  test.each(["my-raw-api-key", "key=AIza123", "Bearer a,b", "Bearer x,", "Negotiate"])(
    "reads it in the place of %j, which cannot stand beside it",
    async (own) => {
      const { client, sent } = clientOf(BOTH, { "b.example": served(paywallOf()) });
      const headers = { authorization: own };
      expect((await client.get("https://b.example/x", { headers })).status).toBe(200);
      expect(sent.at(-1)!.headers.get("authorization")).toMatch(/^L402 \S+$/);
    },
  );

  test("is shown the one of two that names its ledger", async () => {
    const slices = ["https://a.example", "https://b.example"].map((ledger) =>
      BOTH.attenuate({ ledger }, { now: NOW }),
    );
    for (const own of [slices, slices.toReversed()]) {
      const { client, shown } = clientOf(own, { "b.example": served(paywallOf()) });
      expect((await client.get("https://b.example/x")).status).toBe(200);
      expect(shown.at(-1)!.caveats.some(({ value }) => value === "https://b.example")).toBe(true);
    }
  });

  test("that sells too is paid nothing", async () => {
    const paywall = paywallOf({
      secret,
      invoicer: new FakeInvoicer(clock),
      price: "5 sat",
    } as never);
    const { client } = clientOf(BOTH, { "b.example": served(paywall) });
    expect(await (await client.get("https://b.example/x")).text()).toBe("served");
  });

  test("is shown nothing by a credential that does not cover the request", async () => {
    const own = [
      mint("* https://a.example/**"),
      BOTH.attenuate({ endpoints: ["GET https://b.example/in/**"] }, { now: NOW }),
    ];
    const { client, shown } = clientOf(own, { "b.example": served(paywallOf()) });
    await expect(client.get("https://b.example/out")).rejects.toThrow("endpoint");
    expect((await client.get("https://b.example/in/x")).status).toBe(200);
    expect(shown.at(-1)?.caveats.at(-1)?.value).toContain("https://b.example/");
  });
});

describe("what is good elsewhere too is not shown to a service that lists its issuer", () => {
  const room = (text: string) => BOTH.append([`purpose=${text}`]);
  test.each<[string, Credential]>([
    ["sealed before it was narrowed", Credential.parse(seal(BOTH).toString())],
    [
      "without room for another caveat",
      Array.from({ length: 50 }, (_, at) => "x".repeat(at === 49 ? 1 : 70)).reduce<Credential>(
        (one, text) => {
          try {
            return one.append([`purpose=${text}`]);
          } catch {
            return one;
          }
        },
        room("x"),
      ),
    ],
  ])("%s", async (_name, credential) => {
    const { client, shown } = clientOf(credential, {
      "b.example": async () =>
        new Response(null, {
          status: 401,
          headers: { "www-authenticate": `L402 issuers="${issuer}"` },
        }),
    });
    expect((await client.get("https://b.example/x")).status).toBe(401);
    expect(shown).toEqual([undefined]);
  });

  test("sealed and good there alone", async () => {
    const only = seal(BOTH.attenuate({ endpoints: ["* https://b.example/**"] }, { now: NOW }));
    const { client } = clientOf(Credential.parse(only.toString()), {
      "b.example": served(paywallOf()),
    });
    expect((await client.get("https://b.example/x")).status).toBe(200);
  });
});

describe("a service that does not say that it trusts the issuer", () => {
  test.each<[string, (request: Request) => Promise<Response>, number]>([
    ["is free", async () => new Response("free"), 200],
    ["trusts another one", served(paywallOf({ trust: ["https://other.example"] })), 401],
    ["has a login of its own", async () => new Response("log in", { status: 401 }), 401],
    [
      "names it outside of L402",
      async () =>
        new Response(null, {
          status: 401,
          headers: { "www-authenticate": `Bearer issuers="${issuer}"` },
        }),
      401,
    ],
    [
      "names it with a 403",
      async () =>
        new Response(null, {
          status: 403,
          headers: { "www-authenticate": `L402 issuers="${issuer}"` },
        }),
      403,
    ],
  ])("is shown nothing: it %s", async (_name, service, status) => {
    const { client, shown } = clientOf(BOTH, { "b.example": service });
    expect((await client.get("https://b.example/x")).status).toBe(status);
    expect(shown).toEqual([undefined]);
  });

  test("and asks for payment: the error says what is missing", async () => {
    const paywall = paywallOf({
      trust: undefined,
      secret,
      invoicer: new FakeInvoicer(clock),
      price: "5 sat",
    } as never);
    const { client, shown } = clientOf(BOTH, { "b.example": served(paywall) });
    await expect(client.get("https://b.example/x")).rejects.toThrow(
      "good at services that trust its issuer",
    );
    expect(shown).toEqual([undefined]);
  });

  test("any more: it is asked without one, after it refused it", async () => {
    const trusting = served(paywallOf());
    const other = served(paywallOf({ trust: ["https://other.example"] }));
    let service = trusting;
    const { client, shown } = clientOf(BOTH, { "b.example": (request) => service(request) });
    await client.get("https://b.example/x");
    service = other;
    expect((await client.get("https://b.example/x")).status).toBe(401);
    expect((await client.get("https://b.example/x")).status).toBe(401);
    expect(shown.map((one) => one !== undefined)).toEqual([false, true, true, false]);
  });
});

test("a redirect does not make it use up a credential for one use at another service", async () => {
  const all = mint("* https://b.example/**", "* https://c.example/**");
  const once = all.attenuate({ ledger: "https://b.example", maxUses: 1 }, { now: NOW });
  const { client, shown } = clientOf([once], {
    "c.example": async () => Response.redirect("https://b.example/x", 302),
    "b.example": served(paywallOf()),
  });
  expect((await client.get("https://c.example/")).status).toBe(401);
  expect(shown).toEqual([undefined, undefined]);
});

test("a macaroon is never shown to a service that is not its location", async () => {
  const macaroon = new Authority({ secret, location: "https://a.example", clock }).minter.mint({
    endpoints: ["* https://b.example/**"],
    expiresIn: "1h",
  });
  const { client, sent } = clientOf(macaroon, {
    "b.example": served(paywallOf()),
    // Asked whether it mints for that service, as the treasury that it may be.
    "a.example": async () => new Response(null, { status: 404 }),
  });
  await expect(client.get("https://b.example/x")).rejects.toThrow("HTTP 404");
  const [asked, ...others] = sent.filter(({ url }) => url.startsWith("https://b.example/"));
  expect(others).toEqual([]);
  expect(asked!.headers.has("authorization")).toBe(false);
});
