/** Credentials that are bound to a key. spec/9-public-key.md §9. */
import { describe, expect, test } from "vitest";
import { Client } from "../index.ts";
import { PassedTime } from "../internal/passed-time.ts";
import type { Credential } from "../l402/credential.ts";
import { CredentialMinter } from "../l402/credential-minter.ts";
import { Minter } from "../public-key/index.ts";
import { KEYS_PATH, writeKeyPage } from "../public-key/key-page.ts";
import { Paywall } from "../service/index.ts";
import { HolderKey } from "./index.ts";
import { Nonces } from "./nonces.ts";
import { HolderProofs } from "./proofs.ts";

const NOW = 1_800_000_000;
const issuer = "https://treasury.example";
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
// RFC 8037 appendix A.
const A1 = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const A3 = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const at = (key: string, now = NOW) => new HolderKey(key, { clock: () => now });
const key = at(A1);
const other = at("22".repeat(32));
const biscuits = new Minter({
  privateKey: "11".repeat(32),
  issuer,
  location: "https://api.example",
  clock: () => NOW,
});

function world(location: string, time = { now: NOW }) {
  const page = writeKeyPage(issuer, [
    { keyId: biscuits.keyId, publicKey: new Uint8Array(biscuits.publicKey) },
  ]);
  const paywall = new Paywall({
    location,
    secret,
    trust: [issuer],
    fetch: async (input) => {
      expect(String(input)).toBe(`${issuer}${KEYS_PATH}`);
      return new Response(page, { headers: { "content-type": "application/json" } });
    },
    clock: () => time.now,
    alarm: () => {},
  });
  const macaroons = new CredentialMinter({ secret, location, clock: () => NOW });
  const ask = async (request: Request): Promise<string> => {
    const decision = await paywall.authorize(request);
    if (decision.granted) {
      await decision.finish(200);
      return "granted";
    }
    return ((await decision.response.json()) as { code: string }).code;
  };
  return { paywall, macaroons, ask, time };
}

const ROOT = "https://api.example";
const scopeAt = (origin: string) => ({
  endpoints: [`* ${origin}/**`],
  expiresIn: "90d" as const,
  holder: key.thumbprint,
});

test("the thumbprint is that of RFC 8037", () => {
  expect(key.thumbprint).toBe(A3);
  expect(JSON.stringify(key)).not.toContain(A1);
  expect(() => new HolderKey("00")).toThrow(TypeError);
  expect(() => new HolderKey(A1, { signatureAgent: "https://a.example/" })).toThrow(TypeError);
});

interface Shape {
  readonly method?: string;
  readonly url?: string;
  readonly body?: string;
}
const signed = (
  credential: Credential,
  { method = "GET", url = `${ROOT}/a?b=c`, body }: Shape = {},
  by = key,
) => {
  const plain = new Request(url, { method, headers: { authorization: `L402 ${credential}` } });
  const bytes = body === undefined ? undefined : new TextEncoder().encode(body);
  return { url, method, body, headers: by.sign(plain, bytes) };
};
const sent = ({ url, ...init }: ReturnType<typeof signed>) => new Request(url, init as RequestInit);
const changed = (
  request: ReturnType<typeof signed>,
  field: string,
  change: (value: string) => string | undefined,
) => {
  const value = change(request.headers.get(field) ?? "");
  if (value === undefined) request.headers.delete(field);
  else request.headers.set(field, value);
  return request;
};

describe.each(["macaroons", "biscuits"] as const)("%s", (form) => {
  const begin = () => {
    const here = world(ROOT);
    const credential =
      form === "macaroons" ? here.macaroons.mint(scopeAt(ROOT)) : biscuits.mint(scopeAt(ROOT));
    return { ...here, credential };
  };

  test("a request that is signed is granted, each signature once", async () => {
    const { ask, credential } = begin();
    const request = signed(credential);
    expect(await ask(sent(request))).toBe("granted");
    expect(await ask(sent(request))).toBe("ERR_HOLDER");
    expect(await ask(sent(signed(credential)))).toBe("granted");
    expect(await ask(sent(signed(credential, { method: "POST", body: "{}" })))).toBe("granted");
    expect(await ask(sent(signed(credential, { method: "POST" })))).toBe("granted");
    const agent = new HolderKey(A1, { clock: () => NOW, signatureAgent: "https://a.example" });
    expect(await ask(sent(signed(credential, {}, agent)))).toBe("granted");
    const field = (change: (text: string) => string) =>
      ask(sent(changed(signed(credential, {}, agent), "signature-agent", change)));
    expect(await field((text) => text)).toBe("granted");
    expect(await field((text) => text.replace("//a", "//b"))).toBe("ERR_HOLDER");
    expect(await field((text) => text.replace("sig1", "sig2"))).toBe("ERR_HOLDER");
    expect(await field((text) => `${text}, sig2="https://b.example"`)).toBe("ERR_HOLDER");
    expect(await field(() => "https://a.example")).toBe("ERR_HOLDER");
  });

  const ways: [string, (credential: Credential) => Request][] = [
    ["no signature", (c) => new Request(`${ROOT}/a`, { headers: { authorization: `L402 ${c}` } })],
    ["another key", (c) => sent(signed(c, {}, other))],
    ["another method", (c) => sent({ ...signed(c), method: "DELETE" })],
    ["another path", (c) => sent({ ...signed(c), url: `${ROOT}/b?b=c` })],
    ["another query", (c) => sent({ ...signed(c), url: `${ROOT}/a?b=d` })],
    ["no query", (c) => sent({ ...signed(c), url: `${ROOT}/a` })],
    [
      "another authority",
      (c) => sent({ ...signed(c, { url: "https://other.example/a?b=c" }), url: `${ROOT}/a?b=c` }),
    ],
    [
      "another credential",
      (c) =>
        sent(
          changed(
            signed(c),
            "authorization",
            () => `L402 ${c.delegate({ agent: "x" }, { now: NOW })}`,
          ),
        ),
    ],
    ["another body", (c) => sent({ ...signed(c, { method: "POST", body: "{}" }), body: "[]" })],
    ["a body that is not covered", (c) => sent({ ...signed(c, { method: "POST" }), body: "[]" })],
    [
      "a digest that is not covered",
      (c) =>
        sent(
          changed(
            { ...signed(c, { method: "POST" }), body: "{}" },
            "content-digest",
            () => signed(c, { method: "POST", body: "{}" }).headers.get("content-digest")!,
          ),
        ),
    ],
    ["created in the future", (c) => sent(signed(c, {}, at(A1, NOW + 61)))],
    ["over", (c) => sent(signed(c, {}, at(A1, NOW - 120)))],
    ["no Sigil-Holder", (c) => sent(changed(signed(c), "sigil-holder", () => undefined))],
    [
      "another key in Sigil-Holder",
      (c) => sent(changed(signed(c), "sigil-holder", () => other.publicKey)),
    ],
    [
      "two signatures",
      (c) =>
        sent(
          changed(
            changed(signed(c), "signature", (s) => `${s}, ${s.replace("sig1", "sig2")}`),
            "signature-input",
            (s) => `${s}, ${s.replace("sig1", "sig2")}`,
          ),
        ),
    ],
    [
      "another label",
      (c) => sent(changed(signed(c), "signature", (s) => s.replace("sig1", "sig2"))),
    ],
    [
      "a flipped bit",
      (c) =>
        sent(
          changed(signed(c), "signature", (s) =>
            s.replace(/:(.)/, (_, d) => `:${d === "A" ? "B" : "A"}`),
          ),
        ),
    ],
    [
      "another tag",
      (c) => sent(changed(signed(c), "signature-input", (s) => s.replace("web-bot-auth", "other"))),
    ],
    [
      "another alg",
      (c) =>
        sent(changed(signed(c), "signature-input", (s) => s.replace('"ed25519"', '"hmac-sha256"'))),
    ],
    [
      "another keyid",
      (c) => sent(changed(signed(c), "signature-input", (s) => s.replace(A3, other.thumbprint))),
    ],
    [
      "no tag",
      (c) => sent(changed(signed(c), "signature-input", (s) => s.replace(/;tag="[^"]*"/, ""))),
    ],
    ["an unknown parameter", (c) => sent(changed(signed(c), "signature-input", (s) => `${s};x=1`))],
    [
      "a parameter twice",
      (c) => sent(changed(signed(c), "signature-input", (s) => `${s};tag="web-bot-auth"`)),
    ],
    [
      "a blank too many",
      (c) => sent(changed(signed(c), "signature-input", (s) => s.replace('" "', '"  "'))),
    ],
    [
      "a zero too many",
      (c) => sent(changed(signed(c), "signature-input", (s) => s.replace("created=", "created=0"))),
    ],
    [
      "100 kB",
      (c) => sent(changed(signed(c), "signature-input", (s) => `${s};x="${"a".repeat(100_000)}"`)),
    ],
    ...["@method", "@authority", "@path", "@query", "authorization", "sigil-holder"].map(
      (name): [string, (c: Credential) => Request] => [
        `without ${name}`,
        (c) => sent(changed(signed(c), "signature-input", (s) => s.replace(`"${name}"`, '"host"'))),
      ],
    ),
  ];
  test.each(ways)("%s is denied", async (_name, make) => {
    const { ask, credential } = begin();
    expect(await ask(make(credential))).toBe("ERR_HOLDER");
    expect(await ask(sent(signed(credential)))).toBe("granted");
  });

  test("two holders: nobody; none: no signature is asked for", async () => {
    const { ask, credential } = begin();
    const both = credential.delegate({ agent: "a", holder: other.thumbprint }, { now: NOW });
    expect(await ask(sent(signed(both)))).toBe("ERR_HOLDER");
    expect(await ask(sent(signed(both, {}, other)))).toBe("ERR_HOLDER");
    const same = credential.delegate({ agent: "a", holder: key.thumbprint }, { now: NOW });
    expect(await ask(sent(signed(same)))).toBe("granted");
  });

  test("a client signs what it presents, and revokes with it", async () => {
    const { paywall, credential } = begin();
    const seen: Request[] = [];
    const service: typeof fetch = async (input, init) => {
      const request = new Request(input, init);
      seen.push(request);
      const own = await paywall.wellKnown(request);
      if (own !== undefined) return own;
      const decision = await paywall.authorize(request);
      return decision.granted ? decision.settle(new Response("served")) : decision.response;
    };
    const bound = new HolderKey(A1, { clock: () => NOW, fetch: service });
    const client = new Client({ credential, fetch: bound.fetch, clock: () => NOW });
    expect(await (await client.get(`${ROOT}/a`)).text()).toBe("served");
    expect(await (await client.post(`${ROOT}/a`, "text")).text()).toBe("served");
    await client.revoke(client.delegate({ agent: "x" }));
    expect(seen.every(({ headers }) => headers.has("signature"))).toBe(true);
    const stolen = new Client({ credential, fetch: service, clock: () => NOW });
    const answer = await stolen.get(`${ROOT}/a`);
    expect(answer.status).toBe(403);
    await expect(stolen.revoke(client.delegate({ agent: "y" }))).rejects.toMatchObject({
      code: "ERR_HOLDER",
    });
    await expect(client.post(`${ROOT}/a`, "a".repeat(2 ** 21 + 1))).rejects.toMatchObject({
      code: "ERR_TOO_LARGE",
    });
  });
});

test("behind a proxy that removes a path and writes another Host, the location counts", async () => {
  const location = `${ROOT}/v1`;
  const { ask, macaroons } = world(location);
  const credential = macaroons.mint(scopeAt(ROOT));
  const request = signed(credential, { url: `${location}/a?b=c` });
  expect(await ask(sent({ ...request, url: "http://10.0.0.1:8080/a?b=c" }))).toBe("granted");
});

test.each([
  ["https://api.example/%7Euser", "https://api.example/%7Euser"],
  ["https://api.example/%7Euser", "https://api.example/~user"],
  ["https://api.example/caf%c3%a9", "https://api.example/caf%c3%a9"],
  ["https://api.example/caf%c3%a9", "https://api.example/caf%C3%A9"],
  ["https://api.example/v1/", "https://api.example/v1"],
])("a proxy removes the path of %s, and a client signs %s", async (location, base) => {
  const { ask, macaroons, paywall } = world(location);
  const credential = macaroons.mint(scopeAt(ROOT));
  const request = signed(credential, { url: `${base}/a?b=c` });
  expect(await ask(sent({ ...request, url: `${ROOT}/a?b=c` }))).toBe("granted");
  const elsewhere = signed(credential, { url: `${ROOT}/w1/a?b=c` });
  expect(await ask(sent({ ...elsewhere, url: `${ROOT}/a?b=c` }))).toBe("ERR_HOLDER");
  const child = credential.delegate({ agent: "x" }, { now: NOW });
  const body = JSON.stringify({
    caveats: child.caveats
      .slice(credential.caveats.length)
      .map(({ condition, value }) => `${condition}=${value}`),
  });
  const path = "/.well-known/l402/revocations";
  const revocation = signed(credential, { method: "POST", url: `${base}${path}`, body });
  const answer = await paywall.wellKnown(sent({ ...revocation, url: `${ROOT}${path}` }));
  expect(answer?.status).toBe(200);
});

test("a repeated request under one Idempotency-Key is the same one", async () => {
  const { paywall, macaroons } = world(ROOT);
  const credential = macaroons.mint({ ...scopeAt(ROOT), maxUses: 1 });
  const once = async () => {
    const request = signed(credential);
    request.headers.set("idempotency-key", "k");
    const decision = await paywall.authorize(sent(request));
    return decision.granted ? decision.settle(new Response("first")) : decision.response;
  };
  expect(await (await once()).text()).toBe("first");
  expect(await (await once()).text()).toBe("first");
});

test("full of nonces, signatures are refused until the oldest are over; unproven take no room", async () => {
  const time = { now: NOW };
  const clock = () => time.now;
  // A tree has half of what other trees leave, so one of this many.
  const proofs = new HolderProofs(clock, new Nonces(clock, 3, new PassedTime(clock)));
  const prove = (by: HolderKey, root: string, spoil = false) => {
    const headers = by.sign({ method: "GET", url: `${ROOT}/a`, headers: new Headers() });
    if (spoil) headers.set("signature", `sig1=:${"A".repeat(86)}==:`);
    const body = async () => new Uint8Array();
    const parts = { method: "GET", authority: "api.example", path: "/a", query: "?" };
    const credential = { holders: [by.thumbprint], nodes: [{ id: root }] } as never;
    return proofs.prove({ ...parts, headers, body }, credential);
  };
  const full = { code: "ERR_RATE_LIMITED" };
  for (let i = 0; i < 5; i++) expect(await prove(key, "a", true)).toBe(null);
  expect(await prove(key, "a")).toBe(A3);
  await expect(prove(key, "a")).rejects.toMatchObject(full);
  expect(await prove(key, "b")).toBe(A3);
  // A signature is good for 120 seconds, and its nonce is kept for 60 more.
  time.now += 179;
  await expect(prove(at(A1, time.now), "a")).rejects.toMatchObject(full);
  time.now += 1;
  expect(await prove(at(A1, time.now), "a")).toBe(A3);
});

test("a clock that is a minute behind, and a body that comes slowly, are let through", async () => {
  const time = { now: NOW };
  const proofs = new HolderProofs(() => time.now);
  const bytes = new TextEncoder().encode("{}");
  const headers = at(A1, NOW - 60).sign(
    { method: "POST", url: `${ROOT}/a`, headers: new Headers() },
    bytes,
  );
  const body = async () => {
    time.now += 300;
    return bytes;
  };
  const parts = { method: "POST", authority: "api.example", path: "/a", query: "?" };
  const credential = { holders: [A3], nodes: [{ id: "root" }] } as never;
  const prove = () => proofs.prove({ ...parts, headers, body }, credential);
  expect(await prove()).toBe(A3);
  expect(await prove()).toBe(null);
});

test("a body that something has decoded is the service's fault, which it hears of", async () => {
  const { paywall, macaroons } = world(ROOT);
  const credential = macaroons.mint(scopeAt(ROOT));
  const post = { method: "POST", body: "{}" };
  const request = signed(credential, post);
  const facts = {
    method: "POST",
    target: "/a?b=c",
    headers: () => request.headers,
    contentType: undefined,
    authorization: request.headers.get("authorization"),
    body: async () => new TextEncoder().encode("{}"),
  };
  const route = paywall.route();
  for (const [decoded, coding] of [
    ["charset", undefined],
    ["coding", "gzip"],
  ]) {
    const { headers } = signed(credential, post);
    if (coding !== undefined) headers.set("content-encoding", coding);
    const decision = await route.authorize({ ...facts, headers: () => headers, decoded } as never);
    expect(decision).toMatchObject({ granted: false, error: { code: "ERR_PRICE_FUNCTION" } });
  }
  const raw = { ...facts, headers: () => signed(credential, post).headers, decoded: "coding" };
  expect(await route.authorize(raw as never)).toMatchObject({ granted: true });
});

test("a clock that is set ahead and back lets no signature through again", async () => {
  const { ask, macaroons, time } = world(ROOT);
  const credential = macaroons.mint(scopeAt(ROOT));
  const request = signed(credential);
  expect(await ask(sent(request))).toBe("granted");
  time.now += 600;
  expect(await ask(sent(signed(credential, {}, at(A1, time.now))))).toBe("granted");
  time.now -= 600;
  expect(await ask(sent(request))).toBe("ERR_HOLDER");
  expect(await ask(sent(signed(credential)))).toBe("granted");
});

describe("nonces", () => {
  const began = (most: number) => {
    const time = { now: NOW };
    const nonces = new Nonces(() => time.now, most, new PassedTime(() => time.now));
    let made = 0;
    const take = (keyid: string, ...ids: string[]) =>
      nonces.isNew(
        { keyid, nonce: `${made++}`, until: NOW + 120 },
        ids.map((id) => ({ id })),
      );
    return { time, nonces, take };
  };
  const full = expect.objectContaining({ code: "ERR_RATE_LIMITED" });

  test("10,000 keys of one tree, and its nodes, leave room to other trees", () => {
    const { nonces, take } = began(20_000);
    for (let i = 0; i < 10_000; i++) expect(take(`key ${i}`, "mallory")).toBe(true);
    expect(() => take("another key", "mallory")).toThrow(full);
    expect(() => take("another key", "mallory", "a new node")).toThrow(full);
    for (let i = 0; i < 5_000; i++) expect(take("honest", "alice")).toBe(true);
    expect(take("honest", "bob", "agent")).toBe(true);
    expect(nonces.size).toBe(15_001);
  });

  test("an agent of a tree leaves room to its siblings, whatever it delegates", () => {
    const { nonces, take } = began(16_000);
    const fill = (...ids: string[]) => {
      for (;;) {
        try {
          take("key", ...ids);
        } catch (error) {
          expect(error).toEqual(full);
          return;
        }
      }
    };
    for (let i = 0; i < 100; i++) fill("root", "mallory", `child ${i}`, `${i}`);
    fill("root", "mallory");
    // Half of the root's half.
    expect(nonces.size).toBe(4_000);
    expect(take("honest", "root", "alice")).toBe(true);
    expect(take("honest", "root")).toBe(true);
  });

  test("what has ended is forgotten a few at a time, and takes no room from others", () => {
    const { time, nonces, take } = began(20_000);
    for (let i = 0; i < 10_000; i++) take(`key ${i}`, "mallory");
    time.now += 120;
    let [before, requests] = [nonces.size, 0];
    while (nonces.size > requests) {
      expect(take("honest", "alice")).toBe(true);
      requests++;
      expect(before + 1 - nonces.size).toBeLessThanOrEqual(256);
      before = nonces.size;
    }
    expect(requests).toBe(40);
  });

  test("one key takes a nonce once, and another key may take it too", () => {
    const time = { now: NOW };
    const nonces = new Nonces(() => time.now, 9, new PassedTime(() => time.now));
    const take = (keyid: string, nonce: string) =>
      nonces.isNew({ keyid, nonce, until: NOW + 120 }, [{ id: "root" }]);
    expect(take("a", "n")).toBe(true);
    expect(take("a", "n")).toBe(false);
    expect(take("b", "n")).toBe(true);
    time.now += 119;
    expect(take("a", "n")).toBe(false);
    time.now += 1;
    expect(nonces.size).toBe(2);
    expect(nonces.isNew({ keyid: "a", nonce: "n", until: time.now + 120 }, [{ id: "root" }])).toBe(
      true,
    );
    expect(nonces.size).toBe(1);
  });
});

test("a signature that http-message-sig 0.2 made is right, and only for its request", async () => {
  const headers = new Headers({
    authorization: "L402 x:y",
    "sigil-holder": key.publicKey,
    signature:
      "sig1=:ozdncrI80UyPnvBJ7wVkLkRJqlexSpqGJ0V8SvZb7cxnhL5XecZSJrcPcypSozjd+lLB+cTAqPeDL41D+OSnCg==:",
    "signature-input":
      'sig1=("@authority" "@method" "@path" "@query" "sigil-holder" "authorization");created=1800000000;expires=1800000060;nonce="abc";keyid="kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";tag="web-bot-auth"',
  });
  const body = async () => new Uint8Array();
  const request = { method: "GET", authority: "api.example", path: "/a", query: "?b=c", headers };
  const prove = (parts: object) =>
    new HolderProofs(() => NOW).prove({ ...request, body, ...parts }, {
      holders: [A3],
      nodes: [{ id: "root" }],
    } as never);
  expect(await prove({})).toBe(A3);
  expect(await prove({ query: "?b=d" })).toBe(null);
});

test("a verifier that reads no signatures denies", () => {
  const { paywall, macaroons } = world(ROOT);
  const verified = paywall.authority.verifier.authenticate(macaroons.mint(scopeAt(ROOT)));
  expect(verified.judge({ now: NOW, target: "self" }).map(({ code }) => code)).toEqual([
    "ERR_HOLDER",
  ]);
  expect(verified.judge({ now: NOW, target: "self", holder: A3 })).toEqual([]);
});
