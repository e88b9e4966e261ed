/** How long a revocation is remembered, and how many a holder may ask for. [case 111] */
import { describe, expect, test } from "vitest";
import { credentialText, LOCATION, NOW, placeIdOf, SECRET } from "../../../../test/fuzz/golden.ts";
import { type Access, readOrigin, targetAt } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { Authority } from "./authority.ts";
import { Revocations } from "./revocations.ts";

const id = (at: number) => at.toString(16).padStart(32, "0");
const access: Access = { now: NOW, target: targetAt("GET", readOrigin(LOCATION)!, "/a")! };

describe("remembering", () => {
  test("until the end of what is below, that second included; for good without one", () => {
    const revocations = new Revocations();
    revocations.add(id(1), 99, 0);
    revocations.add(id(2), 100, 0);
    revocations.add(id(3), Number.POSITIVE_INFINITY, 0);
    for (let at = 10; at < 3000; at++) revocations.add(id(at), 100, 100);
    expect([revocations.has(id(1)), revocations.has(id(2)), revocations.has(id(3))]).toEqual([
      false,
      true,
      true,
    ]);
    expect(revocations.size).toBe(2 + 2990);
  });

  test("a clock that went back behind what was forgotten is no clock to be judged by [case 109]", () => {
    const revocations = new Revocations();
    revocations.add(id(1), 99, 0);
    expect(revocations.certainFrom).toBe(Number.NEGATIVE_INFINITY);
    for (let at = 10; at < 3000; at++) revocations.add(id(at), 1000, 500);
    expect(revocations.certainFrom).toBe(99);
  });

  test("the later end of two counts, in either order", () => {
    for (const ends of [
      [50, 200],
      [200, 50],
      [Number.POSITIVE_INFINITY, 50],
      [50, Number.POSITIVE_INFINITY],
    ]) {
      const revocations = new Revocations();
      for (const end of ends) revocations.add(id(1), end, 0);
      for (let at = 10; at < 3000; at++) revocations.add(id(at), 150, 150);
      expect(revocations.has(id(1))).toBe(true);
    }
  });

  test("those that have ended are not kept: a thousand at a time, memory is bounded by what could still be valid", () => {
    const revocations = new Revocations();
    for (let now = 0; now < 100_000; now++) revocations.add(id(now), now + 10, now);
    expect(revocations.size).toBeLessThanOrEqual(1024 + 11);
  });
});

describe("what a holder may revoke", () => {
  const held = { caveats: [`valid_until=${NOW + 60}`, "endpoints=GET https://api.example/a"] };
  const childOf = (nonce: number) => [`agent=a.${nonce.toString(16).padStart(8, "0")}`];
  const codeOf = (authority: Authority, caveats: readonly string[]) => {
    const verdict = authority.verify(
      credentialText({ ...held, caveats: [...held.caveats, ...caveats] }),
      access,
    );
    return verdict.granted ? "granted" : verdict.error.code;
  };

  test("what is below, and nothing else; it lasts as long as his own credential could", () => {
    let now = NOW;
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => now });
    const holder = authority.authenticate(credentialText(held));
    expect(authority.revokeBelow(holder, childOf(1))).toBe(
      placeIdOf({ ...held, caveats: [...held.caveats, ...childOf(1)] }),
    );
    expect(codeOf(authority, childOf(1))).toBe("ERR_REVOKED");
    expect(codeOf(authority, [...childOf(1), "max_uses=1", ...childOf(2)])).toBe("ERR_REVOKED");
    expect(codeOf(authority, childOf(2))).toBe("granted");
    expect(codeOf(authority, [])).toBe("granted");
    now = NOW + 60;
    for (let at = 0; at < 3000; at++) authority.revoke(id(at), NOW + 1000);
    expect(codeOf(authority, childOf(1))).toBe("ERR_REVOKED");
  });

  test("a thousand nodes of one tree, through whichever of its credentials; the same one twice counts once", () => {
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
    const holder = authority.authenticate(credentialText(held));
    const below = authority.authenticate(
      credentialText({ ...held, caveats: [...held.caveats, ...childOf(0xffff)] }),
    );
    for (let at = 0; at < 1000; at++)
      authority.revokeBelow(at % 2 === 0 ? holder : below, childOf(at));
    expect(() => authority.revokeBelow(holder, childOf(2000))).toThrow(AdapterError);
    expect(() => authority.revokeBelow(below, childOf(2000))).toThrow(
      expect.objectContaining({ code: "ERR_RATE_LIMITED" }),
    );
    expect(() => authority.revokeBelow(holder, childOf(0))).not.toThrow();
    expect(codeOf(authority, childOf(2000))).toBe("granted");
    // Another tree is another count, and the owner has none.
    const other = authority.authenticate(credentialText({ ...held, salt: "other" }));
    expect(() => authority.revokeBelow(other, childOf(0))).not.toThrow();
    authority.revoke(placeIdOf({ ...held, caveats: [...held.caveats, ...childOf(2000)] }));
    expect(codeOf(authority, childOf(2000))).toBe("ERR_REVOKED");
  });

  test.each([
    ["no agent", ["max_uses=1"]],
    ["nothing", []],
    ["an agent that cannot be read", ["agent=a"]],
    ["an unknown condition", ["zzz=1", "agent=a.00000001"]],
  ])("%s: told, and nothing is revoked", (_what, caveats) => {
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
    const holder = authority.authenticate(credentialText(held));
    expect(() => authority.revokeBelow(holder, caveats)).toThrow(TypeError);
    expect(codeOf(authority, [])).toBe("granted");
  });
});
