/** What a holder may revoke, and how much of it. [case 111] */
import { describe, expect, test } from "vitest";
import { credentialText, LOCATION, NOW, placeIdOf, SECRET } from "../../../../test/fuzz/golden.ts";
import { type Access, readOrigin, targetAt } from "../caveat/index.ts";
import { AdapterError } from "../errors.ts";
import { Authority } from "./authority.ts";
import { verify } from "./fixtures/verdict.ts";

const id = (at: number) => at.toString(16).padStart(32, "0");
const access: Access = { now: NOW, target: targetAt("GET", readOrigin(LOCATION)!, "/a")! };

describe("what a holder may revoke", () => {
  const held = { caveats: [`valid_until=${NOW + 60}`, "endpoints=GET https://api.example/a"] };
  const childOf = (nonce: number) => [`agent=a.${nonce.toString(16).padStart(8, "0")}`];
  const codeOf = (authority: Authority, caveats: readonly string[]) => {
    const verdict = verify(
      authority,
      credentialText({ ...held, caveats: [...held.caveats, ...caveats] }),
      access,
    );
    return verdict.granted ? "granted" : verdict.error.code;
  };

  test("a holder revokes nodes below its credential, nothing else, for as long as its credential could last", () => {
    let now = NOW;
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => now });
    const holder = authority.verifier.authenticate(credentialText(held));
    expect(holder.revokeBelow(childOf(1))).toBe(
      placeIdOf({ ...held, caveats: [...held.caveats, ...childOf(1)] }),
    );
    expect(codeOf(authority, childOf(1))).toBe("ERR_REVOKED");
    expect(codeOf(authority, [...childOf(1), "max_uses=1", ...childOf(2)])).toBe("ERR_REVOKED");
    expect(codeOf(authority, childOf(2))).toBe("granted");
    expect(codeOf(authority, [])).toBe("granted");
    now = NOW + 60;
    for (let at = 0; at < 3000; at++) authority.revocations.revoke(id(at), NOW + 1000);
    expect(codeOf(authority, childOf(1))).toBe("ERR_REVOKED");
  });

  test("holders of one tree revoke a thousand nodes in all, and the same node twice counts once", () => {
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
    const holder = authority.verifier.authenticate(credentialText(held));
    const below = authority.verifier.authenticate(
      credentialText({ ...held, caveats: [...held.caveats, ...childOf(0xffff)] }),
    );
    for (let at = 0; at < 1000; at++) (at % 2 === 0 ? holder : below).revokeBelow(childOf(at));
    expect(() => holder.revokeBelow(childOf(2000))).toThrow(AdapterError);
    expect(() => below.revokeBelow(childOf(2000))).toThrow(
      expect.objectContaining({ code: "ERR_RATE_LIMITED" }),
    );
    expect(() => holder.revokeBelow(childOf(0))).not.toThrow();
    expect(codeOf(authority, childOf(2000))).toBe("granted");
    // Another tree is another count, and the owner has none.
    const other = authority.verifier.authenticate(credentialText({ ...held, salt: "other" }));
    expect(() => other.revokeBelow(childOf(0))).not.toThrow();
    authority.revocations.revoke(
      placeIdOf({ ...held, caveats: [...held.caveats, ...childOf(2000)] }),
    );
    expect(codeOf(authority, childOf(2000))).toBe("ERR_REVOKED");
  });

  test.each([
    ["no agent", ["max_uses=1"]],
    ["nothing", []],
    ["an agent that cannot be read", ["agent=a"]],
    ["an unknown condition", ["zzz=1", "agent=a.00000001"]],
  ])("%s: an error, and nothing is revoked", (_what, caveats) => {
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
    const holder = authority.verifier.authenticate(credentialText(held));
    expect(() => holder.revokeBelow(caveats)).toThrow(
      expect.objectContaining({ name: "AdapterError", code: "ERR_REQUEST" }),
    );
    expect(() => holder.nodeBelow(caveats)).toThrow(TypeError);
    expect(codeOf(authority, [])).toBe("granted");
  });
});
