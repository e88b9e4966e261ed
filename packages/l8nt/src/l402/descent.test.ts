/** What leads to a child is at most what a credential can have, and costs one pass. [case 111] */
import { beforeEach, expect, test, vi } from "vitest";
import { credentialText, LOCATION, NOW, placeIdOf, SECRET } from "../../../../test/fuzz/golden.ts";
import * as crypto from "../internal/crypto.ts";
import { Authority } from "./authority.ts";

vi.mock("../internal/crypto.ts", { spy: true });

const OWN = ["purpose=x", `valid_until=${NOW + 60}`];
const agent = (at: number) => `agent=a.${at.toString(16).padStart(8, "0")}`;
const agents = (count: number) => Array.from({ length: count }, (_, at) => agent(at));

// 105 bytes beside the caveats of a macaroon without a location; with each caveat 3, or 4 from 128.
const ownBytes = OWN.reduce((sum, { length }) => sum + length + 3, 105);
const rest = 6093 - ownBytes - (agent(1).length + 3) - 5 * 1024 - 4;
const ofBytes = (bytes: number) => [
  ...[rest + bytes - 6093, 1020, 1020, 1020, 1020, 1020].map((n) => "purpose=".padEnd(n, "x")),
  agent(1),
];

const world = () => {
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  return { authority, holder: authority.verifier.authenticate(credentialText({ caveats: OWN })) };
};
const placeOf = (caveats: readonly string[]) => placeIdOf({ caveats: [...OWN, ...caveats] });

beforeEach(() => vi.clearAllMocks());

test.each([
  ["64 caveats with the holder's own", agents(62)],
  [
    "10 nodes in 60 caveats",
    agents(10).flatMap((one) => [one, ...Array<string>(5).fill("max_uses=9")]),
  ],
  ["6,093 bytes", ofBytes(6093)],
  ["a caveat of 1,024 bytes", ["purpose=".padEnd(1024, "x"), agent(1)]],
])("%s are revoked in one pass", (_, descent) => {
  const { authority, holder } = world();
  const nodes = descent.filter((caveat) => caveat.startsWith("agent="));
  const last = descent.findLastIndex((caveat) => caveat.startsWith("agent="));
  vi.mocked(crypto.hmacBinary).mockClear();
  expect(holder.nodeBelow(descent)).toBe(placeOf(descent.slice(0, last + 1)));
  // One for each caveat, and one for the id of each node.
  expect(crypto.hmacBinary).toHaveBeenCalledTimes(descent.length + nodes.length);
  expect(holder.revokeBelow(descent).above).toHaveLength(nodes.length);
  expect(authority.revocations.size).toBe(1);
});

test.each([
  ["65 caveats with the holder's own", agents(63)],
  ["3,300 caveats", agents(3300)],
  ["6,094 bytes", ofBytes(6094)],
  ["a caveat of 1,025 bytes", ["purpose=".padEnd(1025, "x"), agent(1)]],
  ["a caveat of 1,025 bytes in 513 characters", [`purpose=${"é".repeat(509)}`, agent(1)]],
  ["64 caveats of 1,024 bytes", [...Array(61).fill("purpose=".padEnd(1024, "x")), agent(1)]],
])("%s are refused before anything is derived", (_, descent) => {
  const { authority, holder } = world();
  vi.mocked(crypto.hmacBinary).mockClear();
  expect(() => holder.revokeBelow(descent)).toThrow(
    expect.objectContaining({
      code: "ERR_REQUEST",
      cause: expect.objectContaining({ code: "ERR_TOKEN_TOO_LARGE" }),
    }),
  );
  expect(crypto.hmacBinary).not.toHaveBeenCalled();
  expect(authority.revocations.size).toBe(0);
});
