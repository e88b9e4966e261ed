/**
 * Minting and verifying, from a secret alone; against macaroons and keys that other software made.
 */
import { createHash, hkdfSync } from "node:crypto";
import foreign from "macaroon";
import { describe, expect, test, vi } from "vitest";
import bolt11 from "../../../../spec/vectors/bolt11.json" with { type: "json" };
import {
  credentialText,
  GOLDEN_TERMS,
  LOCATION,
  NOW,
  OTHER_SECRET,
  PREIMAGE,
  placeIdOf,
  SECRET,
} from "../../../../test/fuzz/golden.ts";
import type { Access, Scope } from "../caveat/index.ts";
import { readOrigin, targetAt } from "../caveat/index.ts";
import { DeniedError, TokenError } from "../errors.ts";
import { Authority, type AuthorityOptions } from "./authority.ts";
import { Challenge } from "./challenge.ts";
import { Credential, macaroonOf } from "./credential.ts";
import { verify } from "./fixtures/verdict.ts";
import { Identifier } from "./identifier.ts";

const authorityOf = (options: Partial<AuthorityOptions> = {}) =>
  new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW, ...options });
const target = targetAt("GET", readOrigin(LOCATION)!, "/orders/1")!;
const access: Access = { now: NOW, target };
const scope: Scope = { endpoints: ["GET https://api.example/orders/*"], expiresIn: "1h" };
const SECRETS = Array.from({ length: 4 }, (_, at) =>
  createHash("sha256").update(`secret ${at}`).digest("hex"),
);

describe("credentials that other software made verify here", () => {
  test.each(
    GOLDEN_TERMS.map((terms) => [terms.salt ?? terms.caveats?.[0] ?? "bare", terms] as const),
  )("%s", (_name, terms) => {
    const verified = authorityOf({ kind: "spending" }).verifier.authenticate(credentialText(terms));
    expect(verified.paymentHash).toBe(
      createHash("sha256").update(Buffer.from(PREIMAGE, "hex")).digest("hex"),
    );
    const caveats = terms.caveats ?? [];
    expect(
      verified.caveats.map(({ condition, value }) =>
        [condition, value === "(not shown)" ? PREIMAGE : value].join("="),
      ),
    ).toEqual(caveats);
    // Node ids and counters are derived from the signatures that js-macaroon has at those places.
    const agents = caveats.flatMap((caveat, at) =>
      `${caveat}`.startsWith("agent=") ? [at + 1] : [],
    );
    expect(verified.nodes.map(({ id }) => id)).toEqual(
      [0, ...agents].map((count) => placeIdOf({ ...terms, caveats: caveats.slice(0, count) })),
    );
    const counted = caveats.flatMap((caveat, at) =>
      /^(?:budget|max_uses)/.test(`${caveat}`) ? [at + 1] : [],
    );
    expect(verified.limits.map(({ id }) => id)).toEqual(
      counted.map((count) => placeIdOf({ ...terms, caveats: caveats.slice(0, count) })),
    );
  });
});

describe("credentials minted here verify in other software", () => {
  test("under the one root key of their secret", () => {
    const minted = authorityOf().minter.mint(scope);
    const rootKey = Buffer.from(
      hkdfSync("sha256", Buffer.from(SECRET, "hex"), "", "sigil root key", 32),
    );
    const read = foreign.importMacaroon(Buffer.from(minted.toString().split(":")[0]!, "base64"));
    const seen: string[] = [];
    read.verify(rootKey, (caveat) => {
      seen.push(caveat);
      return null;
    });
    expect(seen).toEqual([
      "endpoints=GET https://api.example/orders/*",
      `valid_until=${NOW + 3600}`,
    ]);
    expect(read.location).toBe(LOCATION);
    const preimage = Buffer.from(minted.toString().slice(-64), "hex");
    expect(createHash("sha256").update(preimage).digest("hex")).toBe(minted.paymentHash);
  });

  test("two minted credentials differ in payment hash, token id and preimage", () => {
    const authority = authorityOf();
    const minted = [authority.minter.mint(scope), authority.minter.mint(scope)];
    expect(minted[0]!.paymentHash).not.toBe(minted[1]!.paymentHash);
    const [one, other] = minted.map(
      (each) => Identifier.decode(macaroonOf(each).identifier).tokenId,
    );
    expect(one).not.toEqual(other);
    expect(minted[0]!.toString().slice(-64)).not.toBe(minted[1]!.toString().slice(-64));
  });
});

describe("verdicts", () => {
  const authority = authorityOf();
  const minted = authority.minter.mint(scope);

  test("an access within the scope is granted", () => {
    expect(verify(authority, minted, access)).toMatchObject({ granted: true });
    expect(verify(authority, minted.toString(), access)).toMatchObject({ granted: true });
  });

  test.each<[string, Partial<Access>, string]>([
    ["after its end", { now: NOW + 3600 }, "ERR_EXPIRED"],
    ["another path", { target: targetAt("GET", target.origin, "/admin")! }, "ERR_ENDPOINT"],
    ["another method", { target: targetAt("POST", target.origin, "/orders/1")! }, "ERR_ENDPOINT"],
    [
      "another origin",
      { target: targetAt("GET", readOrigin("https://api.example.evil")!, "/orders/1")! },
      "ERR_ENDPOINT",
    ],
  ])("%s: denied, and the credential is still known to be genuine", (_what, facts, code) => {
    const verdict = verify(authority, minted, { ...access, ...facts });
    expect(verdict).toMatchObject({ granted: false, error: { code } });
    if (verdict.granted) throw new Error("granted");
    expect(verdict.error).toBeInstanceOf(DeniedError);
    expect(verdict.verified?.node.id).toMatch(/^[0-9a-f]{32}$/);
  });

  test("a denial lists every caveat that says no, whose it is, what was held and what was needed [case 98]", () => {
    const child = minted.delegate(
      { agent: "scout", endpoints: [], expiresIn: "1m" },
      { now: NOW - 60 },
    );
    const verdict = verify(authority, child, access);
    if (verdict.granted || !(verdict.error instanceof DeniedError)) throw new Error("granted");
    const { node } = authority.verifier.authenticate(child);
    expect(verdict.error.refusals).toEqual([
      {
        code: "ERR_ENDPOINT",
        condition: "endpoints",
        node: { id: node.id, agent: "scout" },
        have: "no endpoint at all",
        need: "GET https://api.example/orders/1",
      },
      {
        code: "ERR_EXPIRED",
        condition: "valid_until",
        node: { id: node.id, agent: "scout" },
        have: "a credential that ended at 2026-01-01T00:00:00Z",
        need: "one that is valid at 2026-01-01T00:00:00Z",
      },
    ]);
  });

  test("a malformed or forged credential is a TokenError", () => {
    for (const text of ["", "nonsense", credentialText({ secret: OTHER_SECRET })]) {
      const verdict = verify(authority, text, access);
      expect(verdict).toMatchObject({ granted: false });
      expect("error" in verdict && verdict.error).toBeInstanceOf(TokenError);
      expect("verified" in verdict).toBe(false);
    }
  });

  test("a credential for a cheap route opens no dear route and no other service [case 41]", () => {
    const routes = [
      "GET https://api.example/cheap",
      "GET https://api.example/dear",
      "GET https://other.example/cheap",
      "POST https://api.example/cheap",
    ];
    for (const held of routes)
      for (const wanted of routes) {
        const [method = "", url = ""] = wanted.split(" ");
        const { pathname, origin } = new URL(url);
        const credential = authority.minter.mint({ endpoints: [held], expiresIn: "1h" });
        const verdict = verify(authority, credential, {
          now: NOW,
          target: targetAt(method, readOrigin(origin)!, pathname)!,
        });
        expect(verdict.granted).toBe(held === wanted);
      }
  });
});

describe("no god mode", () => {
  test.each<[string, "access" | "spending", unknown, RegExp]>([
    ["nothing at all", "access", {}, /endpoints/],
    ["no endpoints", "access", { expiresIn: "1h" }, /endpoints/],
    [
      "capabilities alone",
      "access",
      { capabilities: { loop: ["out"] }, expiresIn: "1h" },
      /endpoints/,
    ],
    ["no end", "access", { endpoints: ["* https://*/**"] }, /end/],
    ["a beginning for an end", "access", { endpoints: [], validFrom: new Date(0) }, /end/],
    ["endpoints: undefined", "access", { endpoints: undefined, expiresIn: "1h" }, /endpoints/],
    ["endpoints: null", "access", { endpoints: null, expiresIn: "1h" }, /endpoints/],
    ["expiresIn: undefined", "access", { endpoints: [], expiresIn: undefined }, /end/],
    ["expiresIn: null", "access", { endpoints: [], expiresIn: null }, /expiresIn/],
    ["no budget", "spending", { endpoints: [], expiresIn: "1h" }, /budget/],
    [
      "a price limit for a budget",
      "spending",
      { endpoints: [], expiresIn: "1h", maxPrice: "5 sat" },
      /budget/,
    ],
    ["uses for a budget", "spending", { endpoints: [], expiresIn: "1h", maxUses: 5 }, /budget/],
    [
      "budget: undefined",
      "spending",
      { endpoints: [], expiresIn: "1h", budget: undefined },
      /budget/,
    ],
    ["budget: null", "spending", { endpoints: [], expiresIn: "1h", budget: null }, /budget/],
    [
      "a misspelt budget",
      "spending",
      { endpoints: [], expiresIn: "1h", budget: "5 sat", budgetPerWeek: "5 sat" },
      /budgetPerWeek/,
    ],
    [
      "payees before a service, which sees none",
      "access",
      { endpoints: [], expiresIn: "1h", payees: [] },
      /payees/,
    ],
  ])("%s: not minted", (_what, kind, wanted, help) => {
    const authority = authorityOf({ kind });
    expect(() => authority.minter.mint(wanted as Scope)).toThrow(TypeError);
    expect(() => authority.minter.mint(wanted as Scope)).toThrow(help);
    expect(() => authority.minter.challenge(wanted as Scope, bolt11.valid[0]!.invoice)).toThrow(
      TypeError,
    );
  });

  test.each(["budget", "budgetPerHour", "budgetPerDay", "budgetPerMonth"] as const)(
    "%s is a budget",
    (key) => {
      const spending = authorityOf({ kind: "spending" });
      expect(
        spending.verifier.authenticate(spending.minter.mint({ ...scope, [key]: "5 sat" })).limits,
      ).toHaveLength(1);
    },
  );

  test("a scope too large for a credential is not minted: what cannot be presented is of no use [case 7]", () => {
    const names = Array.from({ length: 7 }, (_, at) => `service${at}`);
    const large = {
      ...scope,
      capabilities: Object.fromEntries(names.map((name) => [name, ["x".repeat(990)]])),
    };
    const authority = authorityOf();
    const tooLarge = expect.objectContaining({ code: "ERR_TOKEN_TOO_LARGE" });
    expect(() => authority.minter.mint(large)).toThrow(tooLarge);
    expect(() => authority.minter.challenge(large, bolt11.valid[0]!.invoice)).toThrow(tooLarge);
  });

  test("the largest credential that is minted can be presented", () => {
    const authority = authorityOf();
    let largest: Credential | undefined;
    for (let length = 950; length > 0; length -= 7) {
      const names = Array.from({ length: 6 }, (_, at) => `service${at}`);
      try {
        largest = authority.minter.mint({
          ...scope,
          capabilities: Object.fromEntries(names.map((name) => [name, ["x".repeat(length)]])),
        });
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_TOKEN_TOO_LARGE" });
      }
    }
    expect(largest!.toString().length).toBeGreaterThan(7500);
    expect(verify(authority, largest!.toString(), access).granted).toBe(true);
  });
});

describe("secrets [case 112]", () => {
  test.each<[string, unknown]>([
    ["none", undefined],
    ["an empty one", ""],
    ["a password", "correct horse battery staple"],
    ["31 bytes", SECRET.slice(2)],
    ["31 bytes, as bytes", new Uint8Array(31).map((_, at) => at)],
    ["half a byte more", `${SECRET}0`],
    ["not hex", `${SECRET.slice(1)}g`],
    ["a blank behind", `${SECRET} `],
    ["zeros", "0".repeat(64)],
    ["zeros, as bytes", new Uint8Array(32)],
    ["one letter", "a".repeat(64)],
    ["a short pattern", "0123456789".repeat(8)],
    ["tmp", "tmp"],
  ])("%s is refused, and not repeated", (_what, secret) => {
    const attempt = () => authorityOf({ secret: secret as string });
    expect(attempt).toThrow(TypeError);
    if (typeof secret === "string" && secret.length > 8) expect(attempt).not.toThrow(secret);
  });

  test.each([
    "",
    "api.example",
    "/x",
    "ftp://api.example",
    "https://user@api.example",
    "https://api.example.",
  ])("%j is refused as a location", (location) => {
    expect(() => authorityOf({ location })).toThrow(TypeError);
  });

  test("bytes and hex of either case are one secret", () => {
    const text = credentialText();
    for (const secret of [SECRET, SECRET.toUpperCase(), Buffer.from(SECRET, "hex")])
      expect(authorityOf({ secret }).verifier.authenticate(text).paymentHash).toBeDefined();
  });
});

describe("key rotation", () => {
  test("earlier credentials still verify, and new ones are minted under the new secret only", () => {
    const authority = authorityOf({ secret: SECRETS[0]! });
    const minted = [authority.minter.mint(scope)];
    for (const secret of SECRETS.slice(1)) {
      authority.rotate(secret);
      minted.push(authority.minter.mint(scope));
    }
    for (const credential of minted)
      expect(verify(authority, credential, access).granted).toBe(true);
    for (const [at, secret] of SECRETS.entries()) {
      const alone = authorityOf({ secret });
      expect(minted.map((credential) => verify(alone, credential, access).granted)).toEqual(
        minted.map((_, other) => other === at),
      );
    }
  });

  test("previous secrets verify, and do not mint", () => {
    const old = authorityOf({ secret: SECRETS[0]! }).minter.mint(scope);
    const rotated = authorityOf({ secret: SECRETS[1]!, previousSecrets: [SECRETS[0]!] });
    expect(verify(rotated, old, access).granted).toBe(true);
    const fresh = rotated.minter.mint(scope);
    expect(verify(authorityOf({ secret: SECRETS[1]! }), fresh, access).granted).toBe(true);
    expect(verify(authorityOf({ secret: SECRETS[0]! }), fresh, access)).toMatchObject({
      error: { code: "ERR_TOKEN_ROOT" },
    });
  });

  test("a secret that is no longer listed verifies nothing: ERR_TOKEN_ROOT, not ERR_TOKEN_FORGED", () => {
    const old = authorityOf({ secret: SECRETS[0]! }).minter.mint(scope);
    expect(verify(authorityOf({ secret: SECRETS[1]! }), old, access)).toMatchObject({
      error: { code: "ERR_TOKEN_ROOT" },
    });
  });

  test("a node's id outlives the rotation, and so does its revocation", () => {
    const authority = authorityOf({ secret: SECRETS[0]! });
    const child = authority.minter.mint(scope).delegate({ agent: "a" });
    const { id } = authority.verifier.authenticate(child).node;
    authority.revocations.revoke(id);
    authority.rotate(SECRETS[1]!);
    expect(authority.verifier.authenticate(child).node.id).toBe(id);
    expect(verify(authority, child, access)).toMatchObject({ error: { code: "ERR_REVOKED" } });
  });

  test("a bad secret is refused, and the good one stays", () => {
    const authority = authorityOf();
    expect(() => authority.rotate("tmp")).toThrow(TypeError);
    expect(verify(authority, credentialText({ caveats: [] }), access).granted).toBe(true);
  });
});

describe("a secret that a function gives", () => {
  test.each(["verifier", "minter"] as const)(
    "is the one that the %s asked for first, whatever it gives later",
    (first) => {
      let current = SECRETS[0]!;
      const authority = authorityOf({ secret: () => current });
      if (first === "minter") authority.minter.mint(scope);
      else authority.readSecret();
      current = SECRETS[1]!;
      expect(verify(authority, authority.minter.mint(scope), access).granted).toBe(true);
      const alone = authorityOf({ secret: SECRETS[0]! });
      expect(verify(alone, authority.minter.mint(scope), access).granted).toBe(true);
    },
  );

  test("is asked for until it is one, and its bytes are not shared", () => {
    let current: Uint8Array | string | undefined;
    const authority = authorityOf({ secret: () => current });
    for (const unfit of [undefined, "tmp", "00".repeat(32)]) {
      current = unfit;
      expect(() => authority.readSecret()).toThrow();
      expect(() => authority.minter.mint(scope)).toThrow();
    }
    const bytes = Buffer.from(SECRETS[0]!, "hex");
    current = bytes;
    authority.readSecret();
    bytes.fill(1);
    expect(verify(authority, authority.minter.mint(scope), access).granted).toBe(true);
  });
});

describe("the cache remembers what was proven, and never what is allowed now", () => {
  test("a cached credential expires", () => {
    const authority = authorityOf();
    const text = authority.minter.mint(scope).toString();
    for (let repeat = 0; repeat < 3; repeat++) {
      expect(verify(authority, text, access).granted).toBe(true);
      expect(verify(authority, text, { ...access, now: NOW + 3599.9 }).granted).toBe(true);
      expect(verify(authority, text, { ...access, now: NOW + 3600 })).toMatchObject({
        error: { code: "ERR_EXPIRED" },
      });
    }
  });

  test("revocation takes effect on a cached credential, and on a Verified that a caller kept [case 111]", () => {
    const authority = authorityOf();
    const text = authority.minter.mint(scope).toString();
    const inHand = authority.verifier.authenticate(text);
    expect(verify(authority, text, access).granted).toBe(true);
    authority.revocations.revoke(inHand.node.id);
    expect(verify(authority, text, access)).toMatchObject({ error: { code: "ERR_REVOKED" } });
    expect(inHand.judge(access).map(({ code }) => code)).toEqual(["ERR_REVOKED"]);
  });

  test("the facts of one request stay out of the next", () => {
    const authority = authorityOf();
    const text = authority.minter.mint({ ...scope, maxPrice: "1 sat" }).toString();
    expect(
      verify(authority, text, { ...access, price: { unit: "msat", value: 1001n } }).granted,
    ).toBe(false);
    expect(
      verify(authority, text, { ...access, price: { unit: "msat", value: 1000n } }).granted,
    ).toBe(true);
    expect(
      verify(authority, text, { ...access, price: { unit: "msat", value: 1001n } }).granted,
    ).toBe(false);
  });

  test("a refused credential is refused again, and is not cached", () => {
    const authority = authorityOf();
    const good = credentialText();
    const bad = `${good.slice(0, -64)}${"0".repeat(64)}`;
    expect(verify(authority, good, access).granted).toBe(true);
    expect(verify(authority, bad, access)).toMatchObject({ error: { code: "ERR_TOKEN_PREIMAGE" } });
    expect(verify(authority, bad, access)).toMatchObject({ error: { code: "ERR_TOKEN_PREIMAGE" } });
    expect(verify(authority, good, access).granted).toBe(true);
  });

  test("what is presented again is kept, and what is presented once is not", () => {
    const { verifier } = authorityOf();
    const text = credentialText();
    const first = verifier.authenticate(text);
    expect(verifier.known(text)).toBeUndefined();
    const second = verifier.authenticate(text);
    expect(second).not.toBe(first);
    expect(verifier.known(text)).toBe(second);
    expect(verifier.authenticate(text)).toBe(second);
    // Another spelling is another text.
    const upper = `${text.slice(0, -64)}${text.slice(-64).toUpperCase()}`;
    expect(verifier.known(upper)).toBeUndefined();
    expect(verifier.authenticate(upper).credential.toString()).toBe(text);
  });

  test("a credential for a single use is never kept, and its siblings are", () => {
    const { verifier } = authorityOf();
    const [once, twice] = ["max_uses=1", "max_uses=2"].map((caveat) =>
      credentialText({ caveats: [caveat] }),
    );
    for (let times = 0; times < 5; times++)
      for (const text of [once!, twice!]) verifier.authenticate(text);
    expect(verifier.known(once!)).toBeUndefined();
    expect(verifier.known(twice!)).toBeDefined();
  });

  test("any number of credentials that come once push out none that comes again", () => {
    const { verifier } = authorityOf({ cacheSize: 16 });
    const again = Array.from({ length: 16 }, (_, salt) => credentialText({ salt: `${salt}` }));
    for (let times = 0; times < 2; times++) for (const text of again) verifier.authenticate(text);
    for (let at = 0; at < 300; at++) verifier.authenticate(credentialText({ salt: `once ${at}` }));
    expect(again.filter((text) => verifier.known(text) === undefined)).toEqual([]);
  });

  test("a proof says whose credential it was, and the credential can do all that it could", () => {
    const authority = authorityOf();
    const minted = authority.minter.mint({ ...scope, maxUses: 3 });
    const { credential, paymentHash } = authority.verifier.authenticate(minted);
    expect(credential.toString()).toBe(minted.toString());
    expect(paymentHash).toBe(minted.paymentHash);
    expect(credential.caveats).toEqual(minted.caveats);
    const child = credential.delegate({ agent: "a" });
    expect(verify(authority, child, access).granted).toBe(true);
  });

  test("a full cache, or none, changes no verdict [case 114]", () => {
    for (const cacheSize of [0, 1, 2]) {
      const authority = authorityOf({ cacheSize });
      const texts = Array.from({ length: 5 }, (_, salt) => credentialText({ salt: `${salt}` }));
      for (let round = 0; round < 3; round++)
        for (const text of texts) {
          expect(verify(authority, text, access).granted).toBe(true);
          expect(verify(authority, `${text}0`, access).granted).toBe(false);
        }
    }
  });

  test("two authorities share nothing", () => {
    const [a, b] = [authorityOf(), authorityOf()];
    const text = credentialText();
    a.revocations.revoke(a.verifier.authenticate(text).node.id);
    expect(verify(a, text, access).granted).toBe(false);
    expect(verify(b, text, access).granted).toBe(true);
  });
});

describe("challenges", () => {
  test("the macaroon commits to the invoice's payment hash, and its preimage makes the credential", () => {
    const authority = authorityOf();
    const { invoice } = bolt11.valid[0]!;
    const challenge = authority.minter.challenge(scope, invoice);
    expect(challenge.identifier.paymentHash).toBe(bolt11.payment_hash);
    expect(challenge.invoice).toBe(invoice);
    const read = Challenge.parse(Challenge.format(challenge));
    expect(read.macaroon).toEqual(challenge.macaroon);
    // Unpaid: nobody knows the preimage of the specification's hash.
    const unpaid = Credential.paid(read.macaroon, "0".repeat(64));
    expect(verify(authority, unpaid, access)).toMatchObject({
      error: { code: "ERR_TOKEN_PREIMAGE" },
    });
  });

  test("a text that is not an invoice makes no challenge", () => {
    expect(() => authorityOf().minter.challenge(scope, "lnbc1nonsense")).toThrow(
      expect.objectContaining({ code: "ERR_INVOICE_MALFORMED" }),
    );
  });
});

test("minting reads the injected clock and no other", () => {
  const now = vi.spyOn(Date, "now").mockImplementation(() => {
    throw new Error("the system's clock was read");
  });
  try {
    expect(authorityOf({ clock: () => 1000.9 }).minter.mint(scope).caveats[1]).toMatchObject({
      value: "4600",
    });
  } finally {
    now.mockRestore();
  }
});
