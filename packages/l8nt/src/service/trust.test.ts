/** A paywall that takes credentials of issuers that it trusts. spec/9-public-key.md §6. */
import { describe, expect, test } from "vitest";
import { hexText } from "../internal/bytes.ts";
import { nextTurn } from "../internal/timers.ts";
import { Authority } from "../l402/index.ts";
import { issuersIn } from "../l402/issuers.ts";
import { Minter, seal } from "../public-key/index.ts";
import { KEYS_PATH, writeKeyPage } from "../public-key/key-page.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Refused } from "../wire/problem.ts";
import { Paywall, type PaywallOptions } from "./index.ts";

const issuer = "https://treasury.example";
const location = "https://api.example";
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";

const minterOf = (keyId: number, privateKey = `${keyId}${keyId}`.repeat(32)) =>
  new Minter({ privateKey, issuer, keyId, clock: () => NOW });
const keyOf = ({ keyId, publicKey }: Minter) => ({ keyId, publicKey: new Uint8Array(publicKey) });
const NOW = 1_800_000_000;
const scope = { endpoints: [`GET ${location}/**`], expiresIn: "90d" } as const;

/** An issuer's site, whose page can change; counts who asks. */
function site(first: () => Response | Promise<Response>) {
  const asked: string[] = [];
  const at = { page: first };
  const fetcher = async (input: RequestInfo | URL): Promise<Response> => {
    asked.push(String(input));
    return at.page();
  };
  return { asked, at, fetch: fetcher as typeof fetch };
}

const served = (text: string, headers: Readonly<Record<string, string>> = {}) =>
  new Response(text, { headers: { "content-type": "application/json", ...headers } });
const page = (...minters: readonly Minter[]) =>
  served(writeKeyPage(issuer, minters.map(keyOf)), { "cache-control": "max-age=600" });

async function codeAt(paywall: Paywall, credential: unknown): Promise<string> {
  const decision = await paywall.authorize(
    new Request(`${location}/a`, { headers: { authorization: `L402 ${credential}` } }),
  );
  if (decision.granted) {
    await decision.finish(200);
    return "granted";
  }
  const { code } = (await decision.response.json()) as { code: string };
  return `${decision.response.status} ${code}`;
}

const paywallOf = (options: Partial<PaywallOptions>, time = { now: NOW }) =>
  new Paywall({ location, clock: () => time.now, alarm: () => {}, ...options });

const first = minterOf(1);
const second = minterOf(2);

describe("a paywall that trusts an issuer", () => {
  test("takes its credentials, and asks for its keys once", async () => {
    const { asked, fetch } = site(() => page(first));
    const paywall = paywallOf({ trust: [issuer], fetch });
    const credential = first.mint(scope);
    const texts = [credential, credential.toKey(), credential.delegate({ agent: "a" })];
    for (const text of [...texts, seal(credential), ...texts])
      expect(await codeAt(paywall, text)).toBe("granted");
    expect(asked).toEqual([issuer + KEYS_PATH]);
  });

  test("takes macaroons of its own secret beside them, and others not", async () => {
    const { fetch } = site(() => page(first));
    const both = paywallOf({ secret, trust: [issuer], fetch });
    const alone = paywallOf({ trust: [issuer], fetch });
    const macaroon = new Authority({ secret, location, clock: () => NOW }).minter.mint(scope);
    expect(await codeAt(both, macaroon)).toBe("granted");
    expect(await codeAt(both, first.mint(scope))).toBe("granted");
    expect(await codeAt(alone, macaroon)).toBe("401 ERR_TOKEN_FORGED");
  });

  test("judges the caveats, revocations and freezes of both forms", async () => {
    const { fetch } = site(() => page(first));
    const paywall = paywallOf({ trust: [issuer], fetch });
    const credential = first.mint(scope);
    const child = credential.delegate({ agent: "a" });
    const elsewhere = credential.attenuate({ endpoints: ["GET https://other.example/**"] });
    expect(await codeAt(paywall, elsewhere)).toBe("403 ERR_ENDPOINT");
    const decision = await paywall.authorize(
      new Request(`${location}/a`, { headers: { authorization: `L402 ${child}` } }),
    );
    if (!decision.granted) throw new Error("it was refused");
    expect(decision.grant.lineage).toEqual(["a"]);
    await paywall.revoke(decision.grant.nodeId!);
    expect(await codeAt(paywall, child)).toBe("401 ERR_REVOKED");
    expect(await codeAt(paywall, credential)).toBe("granted");
  });

  test("lets pass what its authority tolerates, in both forms", async () => {
    const { fetch } = site(() => page(first));
    const authority = new Authority({ secret, location, clock: () => NOW, tolerate: ["colour"] });
    const paywall = paywallOf({ authority, location: undefined, trust: [issuer], fetch } as never);
    for (const minted of [authority.minter.mint(scope), first.mint(scope)]) {
      expect(await codeAt(paywall, minted.append(["colour=red"]))).toBe("granted");
      expect(await codeAt(paywall, minted.append(["shape=round"]))).toBe("403 ERR_CAVEAT_UNKNOWN");
    }
  });

  test("counts no limit that names no ledger", async () => {
    const { fetch } = site(() => page(first));
    const paywall = paywallOf({ trust: [issuer], fetch });
    const credential = first.mint({ ...scope, maxUses: 5 });
    expect(await codeAt(paywall, credential)).toMatch(/ERR_USES$/);
  });

  test.each<[string, () => Response | Promise<Response>, string?]>([
    ["an error", () => new Response("no", { status: 500 })],
    ["a redirect", () => Response.redirect("https://other.example/keys")],
    ["no JSON", () => served("<html>")],
    ["no list", () => Response.json({ keys: [] })],
    ["too large", () => served(`[${" ".repeat(70_000)}]`)],
    ["another issuer's keys", () => served(writeKeyPage("https://o.example", [keyOf(first)]))],
    ["two keys of one id", () => page(first, minterOf(1, "33".repeat(32)))],
    [
      "a key that is none",
      () => Response.json([{ algorithm: "ed25519", key_bytes: "00", key_id: 1 }]),
      "401 ERR_TOKEN_KEY",
    ],
    [
      "a key of another algorithm",
      () =>
        Response.json([
          { algorithm: "secp256r1", key_bytes: hexText(new Uint8Array(33)), key_id: 1 },
        ]),
      "401 ERR_TOKEN_KEY",
    ],
    [
      "an end that cannot be read",
      () =>
        Response.json([
          {
            algorithm: "ed25519",
            key_bytes: hexText(keyOf(first).publicKey),
            key_id: 1,
            expires_at: "soon",
          },
        ]),
      "401 ERR_TOKEN_KEY",
    ],
    ["no answer", () => Promise.reject(new TypeError("fetch failed"))],
  ])(
    "refuses where the page is %s, and takes it once it is right",
    async (_name, broken, refused = "503 ERR_KEYS_UNREACHABLE") => {
      const time = { now: NOW };
      const { asked, at, fetch } = site(broken);
      const paywall = paywallOf({ trust: [issuer], fetch }, time);
      const credential = first.mint(scope);
      expect(await codeAt(paywall, credential)).toBe(refused);
      expect(await codeAt(paywall, credential)).toBe(refused);
      at.page = () => page(first);
      expect(await codeAt(paywall, credential)).toBe(refused);
      expect(asked).toHaveLength(1);
      time.now += 30;
      expect(await codeAt(paywall, credential)).toBe("granted");
    },
  );

  test("sells nothing to a credential whose keys cannot be had, and tells the operator once", async () => {
    const { fetch } = site(() => new Response("no", { status: 500 }));
    const told: string[] = [];
    const invoicer = new FakeInvoicer(() => NOW);
    const paywall = paywallOf({
      ...{ secret, invoicer, price: "10 sat", trust: [issuer], fetch },
      alarm: (what) => told.push(what),
    });
    const request = () =>
      paywall.authorize(
        new Request(`${location}/a`, {
          headers: { authorization: `L402 ${first.mint(scope)}` },
        }),
      );
    for (let count = 0; count < 3; count++) {
      const decision = await request();
      if (decision.granted) throw new Error("it was served");
      const { status, headers } = decision.response;
      expect([status, headers.get("retry-after")]).toEqual([503, "30"]);
      expect(headers.get("www-authenticate")).toBeNull();
    }
    expect(told).toEqual([`l8nt: the keys of ${issuer} could not be had`]);
  });

  test("an issuer that is not trusted is never asked", async () => {
    const { asked, fetch } = site(() => page(first));
    const paywall = paywallOf({ trust: [issuer], fetch });
    const foreign = new Minter({ privateKey: "44".repeat(32), issuer: "https://evil.example" });
    expect(await codeAt(paywall, foreign.mint(scope))).toBe("401 ERR_TOKEN_ISSUER");
    expect(await codeAt(paywallOf({ secret }), first.mint(scope))).toBe("401 ERR_TOKEN_ISSUER");
    expect(asked).toEqual([]);
  });

  test("rotation: a key that is new is looked up, one that is gone verifies nothing", async () => {
    const time = { now: NOW };
    const { asked, at, fetch } = site(() => page(first));
    const paywall = paywallOf({ trust: [issuer], fetch }, time);
    expect(await codeAt(paywall, first.mint(scope))).toBe("granted");
    at.page = () => page(first, second);
    time.now += 30;
    expect(await codeAt(paywall, second.mint(scope))).toBe("granted");
    expect(await codeAt(paywall, first.mint(scope))).toBe("granted");
    expect(asked).toHaveLength(2);
    const kept = first.mint(scope);
    for (let at = 0; at < 3; at++) expect(await codeAt(paywall, kept)).toBe("granted");
    at.page = () => page(second);
    time.now += 601;
    // The first one that comes after the page has ended is not kept waiting.
    expect(await codeAt(paywall, second.mint(scope))).toBe("granted");
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(await codeAt(paywall, first.mint(scope))).toBe("401 ERR_TOKEN_KEY");
    expect(await codeAt(paywall, kept)).toBe("401 ERR_TOKEN_KEY");
  });

  test("the last good page holds for a day after it ended, and not longer", async () => {
    const time = { now: NOW };
    const { at, fetch } = site(() => page(first));
    const paywall = paywallOf({ trust: [issuer], fetch }, time);
    const credential = first.mint(scope);
    expect(await codeAt(paywall, credential)).toBe("granted");
    at.page = () => new Response("no", { status: 503 });
    time.now += 600 + 86_399;
    expect(await codeAt(paywall, credential)).toBe("granted");
    time.now += 1;
    expect(await codeAt(paywall, credential)).toBe("503 ERR_KEYS_UNREACHABLE");
  });

  test("a key that has ended verifies nothing", async () => {
    const time = { now: NOW };
    const keys = [{ ...keyOf(first), expiresAt: NOW + 10 }];
    const { fetch } = site(() => served(writeKeyPage(issuer, keys)));
    const paywall = paywallOf({ trust: [issuer], fetch }, time);
    const credential = first.mint(scope);
    expect(await codeAt(paywall, credential)).toBe("granted");
    time.now += 10;
    expect(await codeAt(paywall, credential)).toBe("401 ERR_TOKEN_KEY");
  });
});

describe("cannot be made", () => {
  test.each<[string, Partial<PaywallOptions>]>([
    ["an issuer over plain http", { trust: ["http://treasury.example"] }],
    ["an issuer with a path", { trust: [`${issuer}/a`] }],
    ["nothing that is trusted", { trust: [] }],
    ["17 issuers", { trust: Array.from({ length: 17 }, (_, at) => `https://t${at}.example`) }],
    [
      "issuers whose names a challenge has no room for",
      { trust: Array.from("abcde", (name) => `https://${`${name.repeat(50)}.`.repeat(4)}example`) },
    ],
    // WHATWG URL lets a quote stand in a host.
    ["an issuer with a quote in its name", { trust: ['https://a".example'] }],
    ["an issuer with a comma in its name", { trust: ["https://a,b.example"] }],
    ["a sale without a secret", { trust: [issuer], invoicer: new FakeInvoicer(() => NOW) }],
    // Its next start would not recognise what it keeps.
    ["a store without a secret", { trust: [issuer], store: new MemoryStore() }],
  ])("%s", (_name, options) => {
    expect(() => paywallOf(options)).toThrow(TypeError);
  });

  test("a loopback issuer may be plain http", () => {
    expect(() => paywallOf({ trust: ["http://127.0.0.1:8402"] })).not.toThrow();
  });
});

describe("a paywall lists the issuers that it trusts", () => {
  const other = "https://other.example:8443";
  const { fetch } = site(() => page(first));
  const invoicer = new FakeInvoicer(() => NOW);
  const ask = async (options: Partial<PaywallOptions>, authorization?: string) => {
    const paywall = paywallOf(options);
    const request = new Request(`${location}/a`, {
      headers: { ...(authorization !== undefined && { authorization }) },
    });
    const decision = await paywall.authorize(request);
    if (!(decision instanceof Refused)) throw new Error("it was served");
    const { code } = (await decision.response.json()) as { code: string };
    return { status: decision.status, code, lines: decision.challengeLines };
  };
  const selling = { secret, invoicer, price: "10 sat" } as const;
  const trust = [issuer, other, `${issuer}:443`];

  test.each<[string, Partial<PaywallOptions>, string | undefined, number, string]>([
    ["that sells nothing", { trust }, undefined, 401, "ERR_TOKEN_MISSING"],
    ["that has a secret", { trust, secret }, undefined, 401, "ERR_TOKEN_MISSING"],
    ["that sells", { trust, ...selling }, undefined, 402, "ERR_TOKEN_MISSING"],
    ["that cannot read a credential", { trust }, "L402 x", 401, "ERR_TOKEN_MALFORMED"],
    [
      "that does not trust a credential's issuer",
      { trust: [issuer, other] },
      `L402 ${new Minter({ privateKey: "11".repeat(32), issuer: "https://x.example", clock: () => NOW }).mint(scope)}`,
      401,
      "ERR_TOKEN_ISSUER",
    ],
  ])("%s", async (_name, options, authorization, status, code) => {
    const answer = await ask({ fetch, ...options }, authorization);
    expect(answer).toMatchObject({ status, code });
    expect(answer.lines.at(-1)).toMatch(
      /, issuers="https:\/\/treasury\.example https:\/\/other\.example:8443"$/,
    );
    expect(issuersIn(answer.lines)).toEqual([issuer, other]);
  });

  test("in /.well-known/l402", async () => {
    const answer = await paywallOf({ trust, fetch }).wellKnown(
      new Request(`${location}/.well-known/l402`),
    );
    expect(await answer!.json()).toMatchObject({ issuers: [issuer, other] });
  });

  test("for one that trusts none nothing is said", async () => {
    for (const options of [{ secret }, { secret, trust: [] }, selling]) {
      const { lines } = await ask(options);
      expect(lines.join()).not.toContain("issuers");
      expect(issuersIn(lines)).toEqual([]);
    }
    const answer = await paywallOf({ secret }).wellKnown(
      new Request(`${location}/.well-known/l402`),
    );
    expect(await answer!.json()).not.toHaveProperty("issuers");
  });

  test.each<[string, Partial<PaywallOptions>, number]>([
    ["refuses", { secret }, 401],
    ["sells to", selling, 402],
  ])(
    "one that trusts none %s every credential of the form, with a challenge",
    async (_, options, status) => {
      const good = first.mint(scope).toString();
      const cut = `${good.slice(0, 40)}${good.slice(-65)}`;
      for (const text of [good, cut]) {
        const answer = await ask(options, `L402 ${text}`);
        expect(answer).toMatchObject({ status, code: "ERR_TOKEN_ISSUER" });
        expect(answer.lines.at(-1)).toMatch(/^L402 .*version="0"/);
        expect(issuersIn(answer.lines)).toEqual([]);
      }
    },
  );

  test("the parameters of a buyer stand as without it", async () => {
    const [lsat, l402] = (await ask({ trust, fetch, ...selling })).lines;
    expect(lsat).toMatch(/^LSAT macaroon="[^"]+", invoice="[^"]+"$/);
    expect(l402).toMatch(
      /^L402 macaroon="[^"]+", invoice="[^"]+", version="0", token="[^"]+", caveats="[^"]+", issuers="[^"]+"$/,
    );
  });

  test("the longest list leaves what a purchase needs, within 3,072 characters", async () => {
    const longest = Array.from(
      "abcd",
      (name) => `https://${`${name.repeat(58)}.`.repeat(4)}example`,
    );
    const { status, lines } = await ask({ trust: longest, fetch, ...selling });
    expect(status).toBe(402);
    expect(lines.join("").length).toBeLessThanOrEqual(3072);
    expect(issuersIn(lines)).toEqual(longest);
    expect(lines.at(-1)).toMatch(/^L402 macaroon="[^"]+", invoice="[^"]+", version="0"/);
  });
});

describe("a paywall that replaces one", () => {
  const down = (() => Promise.reject(new TypeError("unreachable"))) as typeof fetch;

  test("knows the keys that were fetched, also while the issuer cannot be reached", async () => {
    const { asked, fetch } = site(() => page(first));
    const time = { now: NOW };
    const before = paywallOf({ trust: [issuer], fetch }, time);
    const credential = first.mint(scope);
    expect(await codeAt(before, credential)).toBe("granted");
    const next = paywallOf(
      { trust: ["https://o.example", issuer], fetch: down, replaces: before },
      time,
    );
    expect(await codeAt(next, credential)).toBe("granted");
    expect(asked).toHaveLength(1);
    // The last good page ends when it would have.
    time.now += 600 + 86_400;
    expect(await codeAt(next, credential)).toBe("503 ERR_KEYS_UNREACHABLE");
  });

  test("takes no credential of an issuer that it no longer trusts", async () => {
    const { fetch } = site(() => page(first));
    const before = paywallOf({ trust: [issuer], fetch });
    const credential = first.mint(scope);
    expect(await codeAt(before, credential)).toBe("granted");
    const replaces = before;
    const next = paywallOf({ trust: ["https://o.example"], fetch, replaces });
    expect(await codeAt(next, credential)).toBe("401 ERR_TOKEN_ISSUER");
    expect(await codeAt(paywallOf({ secret, replaces }), credential)).toBe("401 ERR_TOKEN_ISSUER");
  });
});
