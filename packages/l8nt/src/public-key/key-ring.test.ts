/** The keys of an issuer: file, page, and rotation without a gap. spec/9-public-key.md §6. */
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextTurn } from "../internal/timers.ts";
import { Paywall } from "../service/index.ts";
import { KeyRing } from "./index.ts";

const NOW = 1_800_000_000;
const DAY = 86_400;
const issuer = "https://treasury.example";
const location = "https://api.example";
const at = (now: number) => () => now;
const scope = { endpoints: [`GET ${location}/**`], expiresIn: "30d" } as const;

const KEYS = [
  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
  "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
] as const;
// RFC 8032 §7.1, of the second of its keys.
const PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const created = "2027-01-15T08:00:00Z";

const file = (...keys: readonly object[]) => JSON.stringify({ issuer, keys });
const key = (id: number, more: object = {}) => ({ id, privateKey: KEYS[id], created, ...more });

describe("the file", () => {
  test("is read as it was written", () => {
    const text = file(key(1, { expires: "2028-01-15T08:00:00Z" }), key(0));
    const ring = KeyRing.parse(text);
    expect(KeyRing.parse(ring.serialize()).serialize()).toBe(ring.serialize());
    expect(JSON.parse(ring.serialize())).toEqual({
      issuer,
      keys: [key(0), key(1, { expires: "2028-01-15T08:00:00Z" })],
    });
    expect(ring.keys[1]).toEqual({
      id: 1,
      publicKey: PUBLIC,
      createdAt: NOW,
      expiresAt: NOW + 365 * DAY,
    });
  });

  test.each<[string, string, string]>([
    [
      "no JSON",
      `{"issuer": ${KEYS[0]}`,
      "the key ring is not JSON, such as `sigil keys new` writes",
    ],
    ["a list", "[]", "the key ring is not a JSON object"],
    ["no issuer", JSON.stringify({ keys: [key(0)] }), "the key ring has no issuer"],
    [
      "an issuer with a path",
      JSON.stringify({ issuer: `${issuer}/a`, keys: [key(0)] }),
      'an issuer is an http(s) origin without a path, such as "https://treasury.example"',
    ],
    ["no keys", file(), "the key ring has no list of keys"],
    [
      "a misspelt member",
      file(key(0, { expire: created })),
      'key 1 of the key ring has an unknown member "expire"; did you mean "expires"?',
    ],
    [
      "a key where a name belongs",
      file(key(0, { [KEYS[1]]: 1 })),
      "key 1 of the key ring has an unknown member.",
    ],
    [
      "one member twice",
      file(key(0)).replace('"id"', `"privateKey":"${KEYS[1]}","id"`),
      "an object of the key ring has one member twice",
    ],
    [
      "an id as text",
      file({ ...key(0), id: KEYS[0] }),
      "key 1 of the key ring: id must be a whole number from 0 to 4294967295",
    ],
    [
      "an id too large",
      file({ ...key(0), id: 2 ** 32 }),
      "key 1 of the key ring: id must be a whole number from 0 to 4294967295",
    ],
    [
      "a short key",
      file(key(0, { privateKey: KEYS[0].slice(2) })),
      "the key 0 of the key ring: privateKey must be an Ed25519 private key in 64 hex digits",
    ],
    [
      "a placeholder",
      file(key(0, { privateKey: "11".repeat(32) })),
      "the key 0 of the key ring: privateKey is not random",
    ],
    [
      "a date without a zone",
      file(key(0, { created: "2027-01-15T08:00:00" })),
      'the key 0 of the key ring: created must be a date such as "2026-11-30T09:00:00Z"',
    ],
    [
      "an end that is none",
      file(key(0, { expires: "never" })),
      'the key 0 of the key ring: expires must be a date such as "2026-11-30T09:00:00Z"',
    ],
    [
      "two keys with one id",
      file(key(0), { ...key(1), id: 0 }),
      "the key ring has two keys with the id 0",
    ],
    [
      "one key twice",
      file(key(0), key(1, { privateKey: KEYS[0].toUpperCase() })),
      "the keys 0 and 1 of the key ring are the same",
    ],
    [
      "65 keys",
      file(...Array.from({ length: 65 }, () => key(0))),
      "the key ring has more than 64 keys",
    ],
    ["a long text", " ".repeat(65_537), "the key ring has more than 65536 characters"],
  ])("%s is refused, and no key is repeated", (_name, text, message) => {
    let error: unknown;
    try {
      KeyRing.parse(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toBe(message);
    // With its cause and its stack, which may repeat what JSON.parse read.
    expect(inspect(error, { depth: 9 })).not.toMatch(/9d61b19d|4ccd089b/i);
  });

  test("nothing but `serialize` shows a private key", () => {
    const ring = KeyRing.parse(file(key(0), key(1)));
    const shown = [
      JSON.stringify(ring),
      inspect(ring, { depth: 9, showHidden: true }),
      inspect(ring, { depth: 9, customInspect: false, showHidden: true }),
      JSON.stringify({ ...ring }),
      JSON.stringify(structuredClone({ ...ring })),
      String(ring),
      ring.page(),
      inspect(ring.minter(), { depth: 9, showHidden: true }),
    ].join();
    expect(shown).toContain(PUBLIC);
    expect(shown).not.toMatch(/9d61b19d|4ccd089b|privateKey/);
  });
});

test("the page has every public key, as spec 9 §6 writes it", () => {
  const ring = KeyRing.parse(file(key(0), key(1, { expires: "2028-01-15T08:00:00Z" })));
  expect(JSON.parse(ring.page())).toEqual([
    {
      algorithm: "ed25519",
      key_bytes: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      key_id: 0,
      issuer,
    },
    {
      algorithm: "ed25519",
      key_bytes: PUBLIC,
      key_id: 1,
      issuer,
      expires_at: "2028-01-15T08:00:00Z",
    },
  ]);
});

describe("which key mints", () => {
  const first = KeyRing.create({ issuer, clock: at(NOW) });
  const both = first.rotate({ clock: at(NOW + 10 * DAY) });
  const idAt = (ring: KeyRing, now: number) => ring.minter({ clock: at(now) }).keyId;

  test.each<[string, KeyRing, number, number]>([
    ["the first one, at once", first, NOW, 0],
    ["the old one, right after a rotation", both, NOW + 10 * DAY, 0],
    ["the old one, a second before a day is over", both, NOW + 11 * DAY - 1, 0],
    ["the new one, after a day", both, NOW + 11 * DAY, 1],
    ["the new one, if the old one was retired", both.retire(0), NOW + 10 * DAY, 1],
    [
      "the one that is known longest, after two rotations in a day",
      first.rotate({ clock: at(NOW + 5) }).rotate({ clock: at(NOW + 6) }),
      NOW + 7,
      0,
    ],
    [
      "the new one, if the old one has ended",
      KeyRing.create({ issuer, expiresIn: "1h", clock: at(NOW) }).rotate({ clock: at(NOW + 3599) }),
      NOW + 3600,
      1,
    ],
    ["the first one, if the clock went back", first, NOW - DAY, 0],
  ])("%s", (_name, ring, now, id) => {
    expect(idAt(ring, now)).toBe(id);
    expect(ring.mintingKey(now)?.id).toBe(id);
  });

  test("another one by its id, before its day", () => {
    expect(both.minter({ keyId: 1, clock: at(NOW + 10 * DAY) }).keyId).toBe(1);
    expect(() => both.minter({ keyId: 2 })).toThrow("it has: 0, 1");
  });

  test("none, if all have ended", () => {
    const ring = KeyRing.create({ issuer, expiresIn: "1h", clock: at(NOW) });
    expect(ring.mintingKey(NOW + 3600)).toBeUndefined();
    expect(() => ring.minter({ clock: at(NOW + 3600) })).toThrow("has ended: rotate");
  });

  test("the credential is for the location that is given, or the issuer's own", () => {
    expect(first.minter({ location, clock: at(NOW) }).mint(scope).location).toBe(location);
    expect(first.minter({ clock: at(NOW) }).mint(scope).location).toBe(issuer);
  });

  test("a rotation that has no place is refused", () => {
    let ring = first;
    for (let count = 1; count < 64; count++) ring = ring.rotate({ clock: at(NOW) });
    expect(() => ring.rotate()).toThrow("at most 64 keys");
    expect(new Set(ring.keys.map(({ publicKey }) => publicKey)).size).toBe(64);
    const last = KeyRing.parse(file({ ...key(0), id: 0xffff_ffff }));
    expect(() => last.rotate()).toThrow("no key id is left");
    expect(() => first.rotate({ expiresIn: "soon" as "1h" })).toThrow("expiresIn must be");
  });

  test("an id is never used again: the newest key is not retired", () => {
    expect(() => both.retire(1)).toThrow("key 1 is the newest one: rotate first");
    expect(() => first.retire(0)).toThrow("rotate first");
    expect(() => both.retire(7)).toThrow("it has: 0, 1");
    const next = both
      .rotate({ clock: at(NOW) })
      .retire(1)
      .rotate({ clock: at(NOW) });
    expect(next.keys.map(({ id }) => id)).toEqual([0, 2, 3]);
  });
});

test("rotation never leads to a refusal, for however long the pages of before are kept", async () => {
  const step = fc.record({
    seconds: fc.oneof(
      fc.constantFrom(0, 1, 29, 30, 60, 300, 3600, DAY - 1, DAY, DAY + 1),
      fc.integer({ min: 0, max: 2 * DAY }),
    ),
    does: fc.constantFrom("mint", "mint", "present", "rotate", "retire"),
    which: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.oneof(fc.constantFrom(60, 300, 3600, DAY), fc.integer({ min: 0, max: DAY })),
      async (steps, age) => {
        const time = { now: NOW };
        const clock = () => time.now;
        let ring = KeyRing.create({ issuer, clock });
        // A cache before the issuer's site, which keeps the page as long as it may.
        let copy = { page: "", until: 0 };
        const fetch = async () => {
          if (copy.until <= time.now) copy = { page: ring.page(), until: time.now + age };
          return new Response(copy.page, {
            headers: { "content-type": "application/json", "cache-control": `max-age=${age}` },
          });
        };
        const paywalls = Array.from(
          { length: 2 },
          () => new Paywall({ location, trust: [issuer], fetch, clock }),
        );
        const alive: { readonly text: string; readonly keyId: number; readonly end: number }[] = [];
        for (const { seconds, does, which } of steps) {
          time.now += seconds;
          if (does === "rotate" && ring.keys.length < 8) ring = ring.rotate({ clock });
          // As the third step of §6 says: once the last credential of a key has ended.
          const ended = ring.keys.find(
            ({ id }) =>
              id < (ring.mintingKey(time.now)?.id ?? 0) &&
              alive.every(({ keyId, end }) => keyId !== id || end <= time.now),
          );
          if (does === "retire" && ended !== undefined) ring = ring.retire(ended.id);
          if (does === "mint") {
            const minter = ring.minter({ location, clock });
            const text = minter.mint({ ...scope, expiresIn: "3d" }).toString();
            alive.push({ text, keyId: minter.keyId, end: time.now + 3 * DAY });
          }
          const usable = alive.filter(({ end }) => time.now < end);
          const one = usable[which % Math.max(1, usable.length)];
          if (one === undefined || does === "rotate" || does === "retire") continue;
          const decision = await paywalls[which % 2]!.authorize(
            new Request(`${location}/a`, { headers: { authorization: `L402 ${one.text}` } }),
          );
          if (!decision.granted) throw new Error(await decision.response.text());
          await decision.finish(200);
          await nextTurn();
        }
      },
    ),
    { numRuns: 150 },
  );
});
