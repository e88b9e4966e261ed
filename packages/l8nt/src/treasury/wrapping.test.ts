/** What is wrapped, for which row, and by which secret. spec/4-purchase.md §4.7. */
import { expect, test } from "vitest";
import { secretOf } from "../testing/fixtures/town.ts";
import { Wrapping } from "./wrapping.ts";

const [ROW, OTHER] = ["ab".repeat(32), "cd".repeat(32)];
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
  const wrapped = await wrapping.wrap(text, ROW, "token");
  expect(wrapped).toMatch(/^sigil:1:[A-Za-z0-9+/]+=*$/);
  expect(await another().unwrap(wrapped, ROW, "token")).toBe(text);
});

test("a text is good in its own row and column alone, and whole", async () => {
  const wrapped = await wrapping.wrap(PREIMAGE, ROW, "preimage");
  for (const one of [wrapping, another()]) {
    expect(await one.unwrap(wrapped, ROW, "preimage")).toBe(PREIMAGE);
    expect(await one.unwrap(wrapped, OTHER, "preimage")).toBeUndefined();
    expect(await one.unwrap(wrapped, ROW, "token")).toBeUndefined();
  }
  expect(await another().unwrap(wrapped.slice(0, -4), ROW, "preimage")).toBeUndefined();
  expect(await wrapping.unwrap(`${wrapped}!`, ROW, "preimage")).toBeUndefined();
});

test("any secret of the list unwraps, and the first one wraps", async () => {
  const old = await wrapping.wrap(PREIMAGE, ROW, "preimage");
  const next = new Wrapping(secretOf("two"), [secretOf("zero"), secretOf("one")]);
  expect(await next.unwrap(old, ROW, "preimage")).toBe(PREIMAGE);
  expect(await new Wrapping(secretOf("two")).unwrap(old, ROW, "preimage")).toBeUndefined();
  const fresh = await next.wrap(PREIMAGE, ROW, "preimage");
  expect(await new Wrapping(secretOf("two")).unwrap(fresh, ROW, "preimage")).toBe(PREIMAGE);
  expect(next.id).toBe(new Wrapping(secretOf("two")).id);
  expect(next.id).not.toBe(wrapping.id);
});

test("a text from before there was a wrapping is read as it is", async () => {
  for (const text of [PREIMAGE, MACAROON])
    expect(await wrapping.unwrap(text, ROW, "token")).toBe(text);
});

test("a preimage and a macaroon grow by 48 characters at most", async () => {
  for (const text of [PREIMAGE, MACAROON])
    expect((await wrapping.wrap(text, ROW, "token")).length - text.length).toBeLessThanOrEqual(48);
});
