/** What a holder may revoke, and how much of it. [case 111] */
import { describe, expect, test } from "vitest";
import { credentialText, LOCATION, NOW, placeIdOf, SECRET } from "../../../../test/fuzz/golden.ts";
import { type Access, readOrigin, targetAt } from "../caveat/index.ts";
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
    expect(holder.revokeBelow(childOf(1)).nodeId).toBe(
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

  test("the holders of one node revoke a thousand nodes, and the same node twice counts once", () => {
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
    const holder = authority.verifier.authenticate(credentialText(held));
    const narrowed = authority.verifier.authenticate(
      credentialText({ ...held, caveats: [...held.caveats, "max_uses=1"] }),
    );
    for (let at = 0; at < 1000; at++) (at % 2 === 0 ? holder : narrowed).revokeBelow(childOf(at));
    for (const one of [holder, narrowed])
      expect(() => one.revokeBelow(childOf(2000))).toThrow(
        expect.objectContaining({ name: "AdapterError", code: "ERR_RATE_LIMITED" }),
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

  test("a child that revoked all that it may takes from nobody the right to revoke it, or others", () => {
    const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
    const at = (...path: number[]) => path.flatMap(childOf);
    const holderOf = (...path: number[]) =>
      authority.verifier.authenticate(
        credentialText({ ...held, caveats: [...held.caveats, ...at(...path)] }),
      );
    const [root, parent, mallory, sibling] = [
      holderOf(),
      holderOf(1),
      holderOf(1, 2),
      holderOf(1, 3),
    ];
    for (let child = 0; child < 1000; child++) mallory.revokeBelow(at(child));
    expect(() => mallory.revokeBelow(at(1000))).toThrow(
      expect.objectContaining({ code: "ERR_RATE_LIMITED" }),
    );
    expect(codeOf(authority, at(1, 2, 999))).toBe("ERR_REVOKED");
    for (const other of [sibling, parent, root]) other.revokeBelow(at(7000));
    expect(authority.revocations.size).toBe(1003);
    parent.revokeBelow(at(2));
    // One entry says what a thousand said.
    expect(authority.revocations.size).toBe(4);
    for (const path of [
      [1, 2],
      [1, 2, 0],
      [1, 2, 999],
      [1, 2, 1000],
      [1, 2, 5, 6],
    ])
      expect(codeOf(authority, at(...path))).toBe("ERR_REVOKED");
    for (const path of [[], [1], [1, 3], [4]])
      expect(codeOf(authority, at(...path))).toBe("granted");
    root.revokeBelow(at(1, 2));
    expect(authority.revocations.size).toBe(4);
    root.revokeBelow(at(1));
    expect(authority.revocations.size).toBe(2);
    expect(codeOf(authority, at(1, 3))).toBe("ERR_REVOKED");
    expect(codeOf(authority, at(4))).toBe("granted");
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
