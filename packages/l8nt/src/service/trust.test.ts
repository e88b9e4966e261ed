/** A paywall that takes credentials of issuers that it trusts. spec/9-public-key.md §6. */
import { describe, expect, test } from "vitest";
import { hexText } from "../internal/bytes.ts";
import { nextTurn } from "../internal/timers.ts";
import { Authority } from "../l402/index.ts";
import { Minter, seal } from "../public-key/index.ts";
import { KEYS_PATH, writeKeyPage } from "../public-key/key-page.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
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

const page = (...minters: readonly Minter[]) =>
  new Response(writeKeyPage(issuer, minters.map(keyOf)), {
    headers: { "cache-control": "max-age=600" },
  });

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

  test("counts no limit that names no ledger", async () => {
    const { fetch } = site(() => page(first));
    const paywall = paywallOf({ trust: [issuer], fetch });
    const credential = first.mint({ ...scope, maxUses: 5 });
    expect(await codeAt(paywall, credential)).toMatch(/ERR_USES$/);
  });

  test.each<[string, () => Response | Promise<Response>]>([
    ["an error", () => new Response("no", { status: 500 })],
    ["a redirect", () => Response.redirect("https://other.example/keys")],
    ["no JSON", () => new Response("<html>")],
    ["no list", () => Response.json({ keys: [] })],
    ["too large", () => new Response(`[${" ".repeat(70_000)}]`)],
    [
      "another issuer's keys",
      () => new Response(writeKeyPage("https://o.example", [keyOf(first)])),
    ],
    ["two keys of one id", () => page(first, minterOf(1, "33".repeat(32)))],
    [
      "a key that is none",
      () => Response.json([{ algorithm: "ed25519", key_bytes: "00", key_id: 1 }]),
    ],
    [
      "a key of another algorithm",
      () =>
        Response.json([
          { algorithm: "secp256r1", key_bytes: hexText(new Uint8Array(33)), key_id: 1 },
        ]),
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
    ],
    ["no answer", () => Promise.reject(new TypeError("fetch failed"))],
  ])("refuses where the page is %s, and takes it once it is right", async (_name, broken) => {
    const time = { now: NOW };
    const { asked, at, fetch } = site(broken);
    const paywall = paywallOf({ trust: [issuer], fetch }, time);
    const credential = first.mint(scope);
    expect(await codeAt(paywall, credential)).toBe("401 ERR_TOKEN_KEY");
    expect(await codeAt(paywall, credential)).toBe("401 ERR_TOKEN_KEY");
    at.page = () => page(first);
    expect(await codeAt(paywall, credential)).toBe("401 ERR_TOKEN_KEY");
    expect(asked).toHaveLength(1);
    time.now += 30;
    expect(await codeAt(paywall, credential)).toBe("granted");
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
    expect(await codeAt(paywall, credential)).toBe("401 ERR_TOKEN_KEY");
  });

  test("a key that has ended verifies nothing", async () => {
    const time = { now: NOW };
    const keys = [{ ...keyOf(first), expiresAt: NOW + 10 }];
    const { fetch } = site(() => new Response(writeKeyPage(issuer, keys)));
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
    ["a sale without a secret", { trust: [issuer], invoicer: new FakeInvoicer(() => NOW) }],
  ])("%s", (_name, options) => {
    expect(() => paywallOf(options)).toThrow(TypeError);
  });

  test("a loopback issuer may be plain http", () => {
    expect(() => paywallOf({ trust: ["http://127.0.0.1:8402"] })).not.toThrow();
  });
});
