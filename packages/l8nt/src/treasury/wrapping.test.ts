/** What is wrapped, for which row, and by which secret. spec/4-purchase.md §4.7. */
import { expect, test } from "vitest";
import { secretOf } from "../testing/fixtures/town.ts";
import { type Bound, placeOf, Wrapping } from "./wrapping.ts";

const ROW: Bound = {
  paymentHash: "ab".repeat(32),
  nodeIds: ["root", "child"],
  method: "GET",
  origin: "https://api.example",
  path: "/a",
};
const [TOKEN, PROOF] = [placeOf(ROW, "token"), placeOf(ROW, "preimage")];
const OTHERS: readonly Partial<Bound>[] = [
  { paymentHash: "cd".repeat(32) },
  { nodeIds: ["root"] },
  { nodeIds: ["root child"] },
  { nodeIds: ["child", "root"] },
  { method: "POST" },
  { origin: "https://evil.example" },
  { origin: "http://api.example" },
  { path: "/b" },
];
const PREIMAGE = "0123456789abcdef".repeat(4);
const MACAROON = Buffer.from(Uint8Array.from({ length: 301 }, (_, at) => at)).toString("base64");
const wrapping = new Wrapping(secretOf("one"));
/** Without what the first one remembers. */
const another = () => new Wrapping(secretOf("one"));

test.each([
  PREIMAGE,
  PREIMAGE.toUpperCase(),
  MACAROON,
  MACAROON.replaceAll("=", ""),
  Buffer.from(MACAROON).toString("base64url"),
  'eyJhIjoxfQ.signed:with"colons',
  "sigil:1:AQIDBA==",
  "",
])("%s comes back as it was", async (text) => {
  const wrapped = await wrapping.wrap(text, TOKEN);
  expect(wrapped).toMatch(/^sigil:1:[A-Za-z0-9+/]+=*$/);
  expect(await another().unwrap(wrapped, TOKEN)).toBe(text);
});

test("a text is good for its own row, column, agent and target alone, and whole", async () => {
  const wrapped = await wrapping.wrap(PREIMAGE, PROOF);
  for (const one of [wrapping, another()]) {
    expect(await one.unwrap(wrapped, PROOF)).toBe(PREIMAGE);
    for (const other of OTHERS)
      expect(await one.unwrap(wrapped, placeOf({ ...ROW, ...other }, "preimage"))).toBeUndefined();
    expect(await one.unwrap(wrapped, TOKEN)).toBeUndefined();
  }
  expect(await another().unwrap(wrapped.slice(0, -4), PROOF)).toBeUndefined();
  expect(await wrapping.unwrap(`${wrapped}!`, PROOF)).toBeUndefined();
});

test("any secret of the list unwraps, and the first one wraps", async () => {
  const old = await wrapping.wrap(PREIMAGE, PROOF);
  const next = new Wrapping(secretOf("two"), [secretOf("zero"), secretOf("one")]);
  expect(await next.unwrap(old, PROOF)).toBe(PREIMAGE);
  expect(await new Wrapping(secretOf("two")).unwrap(old, PROOF)).toBeUndefined();
  const fresh = await next.wrap(PREIMAGE, PROOF);
  expect(await new Wrapping(secretOf("two")).unwrap(fresh, PROOF)).toBe(PREIMAGE);
  expect(next.ids[0]).toBe(new Wrapping(secretOf("two")).ids[0]);
  expect(next.ids[2]).toBe(wrapping.ids[0]);
  expect(new Set(next.ids).size).toBe(3);
});

test("a text that is not wrapped is not taken", async () => {
  for (const text of [PREIMAGE, MACAROON, ""])
    expect(await wrapping.unwrap(text, TOKEN)).toBeUndefined();
});

test("a preimage and a macaroon grow by 48 characters at most", async () => {
  for (const text of [PREIMAGE, MACAROON])
    expect((await wrapping.wrap(text, TOKEN)).length - text.length).toBeLessThanOrEqual(48);
});
