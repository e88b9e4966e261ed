/** Grants, which are made again from their ids. spec/4-purchase.md §5. */
import { describe, expect, test } from "vitest";
import { readBase, readOrigin, targetAt } from "../caveat/index.ts";
import { utf8 } from "../internal/bytes.ts";
import { hmacUnder } from "../internal/crypto.ts";
import type { BiscuitBody } from "../public-key/body.ts";
import { KeyRing } from "../public-key/index.ts";
import { Grants } from "./grants.ts";

const NOW = 1_800_000_000;
const origin = "https://api.example";
const ring = KeyRing.create({ issuer: "https://treasury.example", clock: () => NOW });

function grants(keys = ring, secret = "the books' secret", listed = [origin]) {
  const at = { now: NOW, freezes: 0 };
  const digest = hmacUnder(utf8(secret));
  const clock = () => at.now;
  const bases = new Map(listed.map((one) => [new URL(one).origin, readBase(one)!]));
  return { at, grants: new Grants({ keys, digest, clock, bases, freezes: () => at.freezes }) };
}

describe("a grant", () => {
  test("is good at the listed service alone, and not at others of its origin", () => {
    const access = (path: string) => ({
      now: NOW,
      target: targetAt("GET", readOrigin(origin)!, path)!,
    });
    const codesAt = (listed: string, path: string) =>
      grants(ring, undefined, [listed])
        .grants.of("root", origin)!
        .full.certainRefusals(access(path))
        .map(({ code }) => code);
    for (const path of ["/", "/v1", "/v2/a"]) expect(codesAt(origin, path)).toEqual([]);
    for (const path of ["/v1", "/v1/", "/v1/a/b"])
      expect(codesAt(`${origin}/v1`, path)).toEqual([]);
    for (const path of ["/", "/v2", "/v10", "/v2/v1/a"])
      expect(codesAt(`${origin}/v1`, path)).toEqual(["ERR_ENDPOINT"]);
  });

  test("is replaced once its key has ended", () => {
    const ends = KeyRing.create({
      issuer: "https://treasury.example",
      clock: () => NOW - 100_000,
      expiresIn: "100030s",
    });
    const { at, grants: first } = grants(ends.rotate({ clock: () => NOW - 10 }));
    const { id } = first.of("root", origin)!;
    at.now = NOW + 29;
    expect(first.of("root", origin)!.id).toBe(id);
    at.now = NOW + 30;
    const next = first.of("root", origin)!;
    expect([id, next.id].map((one) => one.slice(16, 24))).toEqual(["00000000", "00000001"]);
    expect(first.of("root", origin)!.id).toBe(next.id);
  });

  test("is not made for a service that is not listed, nor again", () => {
    const id = grants().grants.of("root", origin)!.id;
    const { grants: others } = grants(ring, undefined, ["https://other.example"]);
    expect(others.of("root", origin)).toBeUndefined();
    expect(others.again(id, origin)).toBeUndefined();
  });

  test("is made again from its id: the same text, and the same nodes below it", () => {
    const { grants: first } = grants();
    const { id, full } = first.of("root", origin)!;
    const again = grants().grants.again(id, origin)!;
    expect(again.toString()).toBe(full.toString());
    const below = [["agent=a"], ["agent=b"], ["valid_until=1900000000"]];
    const one = below.reduce((credential, block) => credential.append(block), full);
    const two = below.reduce((credential, block) => credential.append(block), again);
    expect(two.toString()).toBe(one.toString());
  });

  test("is another one for another id, origin or secret of the books, and for other blocks", () => {
    const { grants: first } = grants();
    const { id, full } = first.of("root", origin)!;
    const others = [
      grants().grants.of("root", origin)!.full,
      grants(ring, undefined, ["https://other.example"]).grants.again(id, "https://other.example")!,
      grants(ring, "another secret").grants.again(id, origin)!,
      first.of("another root", origin)!.full,
    ];
    const texts = [full, ...others].map((credential) => credential.toString().split(":"));
    expect(new Set(texts.map(([token]) => token)).size).toBe(5);
    expect(new Set(texts.map(([, preimage]) => preimage)).size).toBe(5);
    const [a, b] = [full.append(["agent=a"]), full.append(["agent=b"])];
    const keys = [full, a, b].map(({ body }) => (body as BiscuitBody).token.proof);
    expect(new Set(keys.map((proof) => JSON.stringify(proof))).size).toBe(3);
  });

  test("is good at its origin alone, for an hour from when it was made", () => {
    const { full } = grants().grants.of("root", origin)!;
    expect(full.location).toBe(origin);
    expect(full.isPaid).toBe(true);
    expect(full.caveats.map(({ condition, value }) => `${condition}=${value}`)).toEqual([
      `endpoints=* ${origin}/**`,
      `valid_until=${NOW + 3600}`,
    ]);
  });

  test("is used for 40 minutes, until a freeze, or until the clock is turned back", () => {
    const { at, grants: own } = grants();
    const ids = [own.of("root", origin)!.id];
    at.now += 2399;
    expect(own.of("root", origin)!.id).toBe(ids[0]);
    for (const change of [
      () => at.now++,
      () => at.freezes++,
      () => {
        at.now -= 5000;
      },
    ]) {
      change();
      ids.push(own.of("root", origin)!.id);
      expect(own.of("root", origin)!.id).toBe(ids.at(-1));
    }
    expect(new Set(ids).size).toBe(4);
  });

  test("that is refused is replaced once a minute at most", () => {
    const { at, grants: own } = grants();
    const first = own.of("root", origin)!;
    const refused = (grant = first) => own.renew("root", origin, grant);
    expect(refused()).toBe(false);
    at.now += 59;
    expect(refused()).toBe(false);
    expect(own.of("root", origin)!.id).toBe(first.id);
    at.now += 1;
    expect(refused()).toBe(true);
    const next = own.of("root", origin)!;
    expect(next.id).not.toBe(first.id);
    // Who was still answered with the one before tries the new one, which stays.
    expect(refused()).toBe(true);
    expect(own.of("root", origin)!.id).toBe(next.id);
    expect(refused(next)).toBe(false);
  });

  test("there is none once every key has ended", () => {
    const ending = KeyRing.create({ issuer: ring.issuer, expiresIn: "1h", clock: () => NOW });
    const { at, grants: own } = grants(ending);
    expect(own.of("root", origin)).toBeDefined();
    at.now += 3600;
    expect(own.of("root", origin)).toBeUndefined();
  });

  test("keeps its key over a rotation, and ends with it", () => {
    const rotated = ring.rotate({ clock: () => NOW + 1 });
    const { at, grants: own } = grants(rotated);
    const { id } = own.of("root", origin)!;
    at.now += 90_000;
    expect(own.of("root", origin)!.id.slice(16, 24)).toBe("00000001");
    expect(own.again(id, origin)).toBeDefined();
    expect(grants(rotated.retire(0)).grants.again(id, origin)).toBeUndefined();
  });
});

test("what is appended to a credential without a seed has another key each time", () => {
  const credential = ring.minter({ clock: () => NOW }).mint({
    endpoints: [`* ${origin}/**`],
    expiresIn: "1h",
  });
  const two = [credential.append(["agent=a"]), credential.append(["agent=a"])];
  const [one, other] = two.map(({ body }) => (body as BiscuitBody).token.proof);
  expect(one).not.toEqual(other);
});
