/**
 * A revocation empties no cache: what was proven of other credentials is kept, so nobody slows a
 * service down by revoking. Counted in HMACs, not in time.
 */
import { beforeEach, expect, test, vi } from "vitest";
import { credentialText, LOCATION, NOW, SECRET } from "../../../../test/fuzz/golden.ts";
import { readOrigin, targetAt } from "../caveat/index.ts";
import { Authority } from "./authority.ts";
import { verify } from "./fixtures/verdict.ts";

const counted = vi.hoisted(() => ({ hmacs: 0 }));

vi.mock("../internal/crypto.ts", async (original) => {
  const real = await original<typeof import("../internal/crypto.ts")>();
  const counting =
    <Given extends readonly unknown[], Result>(work: (...given: Given) => Result) =>
    (...given: Given): Result => {
      counted.hmacs++;
      return work(...given);
    };
  return {
    ...real,
    hmacSha256: counting(real.hmacSha256),
    hmacBinary: counting(real.hmacBinary),
  };
});

beforeEach(() => {
  counted.hmacs = 0;
});

const access = { now: NOW, target: targetAt("GET", readOrigin(LOCATION)!, "/a")! };
const texts = Array.from({ length: 200 }, (_, tree) =>
  credentialText({ salt: `tree ${tree}`, caveats: ["agent=a.00000001", "agent=b.00000002"] }),
);
const codes = (authority: Authority) =>
  new Set(
    texts.map((text) => {
      const verdict = verify(authority, text, access);
      return verdict.granted ? "granted" : verdict.error.code;
    }),
  );

test("a thousand revocations in one tree cost the credentials of other trees no HMAC", () => {
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  const mallory = authority.verifier.authenticate(credentialText({ salt: "mallory" }));
  const revoke = (nonce: number) =>
    mallory.revokeBelow([`agent=a.${nonce.toString(16).padStart(8, "0")}`]);
  revoke(0);
  // What is presented twice is kept, with the ids of its nodes, because there is something to look
  // for.
  for (let times = 0; times < 2; times++) expect(codes(authority)).toEqual(new Set(["granted"]));
  expect(counted.hmacs).toBeGreaterThan(texts.length);
  for (let nonce = 1; nonce < 1000; nonce++) revoke(nonce);
  authority.revocations.revoke("ab".repeat(16));
  counted.hmacs = 0;
  for (let times = 0; times < 5; times++) expect(codes(authority)).toEqual(new Set(["granted"]));
  expect(counted.hmacs).toBe(0);
});

test("a credential that is revoked is denied at once, although its proof is kept", () => {
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  codes(authority);
  const [first] = texts;
  authority.revocations.revoke(authority.verifier.authenticate(first!).nodes[1]!.id);
  expect(codes(authority)).toEqual(new Set(["ERR_REVOKED", "granted"]));
});
