import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Readings } from "./readings.ts";

const page = readFileSync(new URL("../../../../spec/2-caveats.md", import.meta.url), "utf8");
const GET = ["GET", "https://api.example/search?q=a"] as const;

test("the hash of the page's example is the hash of the page", () => {
  const [, array = "", hash = ""] =
    /```json\n(\[.*\])\n```\n\n```\n([0-9a-f]{64})\n```/.exec(page) ?? [];
  const [method, url] = JSON.parse(array);
  const readings = new Readings(method, url);
  readings.fields(new Headers()).get("X-Size");
  expect(readings.hash()).toBe(hash);
});

describe("two requests have one hash", () => {
  const hashOf = (init: HeadersInit, read: (headers: Headers) => unknown) => {
    const readings = new Readings(...GET);
    read(readings.fields(new Headers(init)));
    return readings.hash();
  };
  const same = (read: (headers: Headers) => unknown, one: HeadersInit, other: HeadersInit) =>
    hashOf(one, read) === hashOf(other, read);

  test.each<[string, (headers: Headers) => unknown]>([
    ["get", (headers) => headers.get("X-Size")],
    ["has", (headers) => headers.has("x-size")],
    ["a copy", (headers) => new Headers(headers).get("x-size")],
    ["a loop", (headers) => [...headers]],
    ["the keys", (headers) => [...headers.keys()]],
    ["the values", (headers) => [...headers.values()]],
    ["forEach", (headers) => headers.forEach(() => {})],
    ["an object", (headers) => Object.fromEntries(headers)],
    ["a request", (headers) => new Request(GET[1], { headers }).headers.get("x-size")],
  ])("unless %s reads a field in which they differ", (_, read) => {
    expect(same(read, { "x-size": "1" }, { "x-size": "1" })).toBe(true);
    expect(same(read, { "x-size": "1" }, { "x-size": "2" })).toBe(false);
    expect(same(read, { "x-size": "" }, {})).toBe(false);
  });

  test("if they differ only in what was not read, or in our credential", () => {
    const read = (headers: Headers) => headers.get("x-size");
    expect(same(read, { "x-size": "1", "x-other": "1" }, { "x-size": "1" })).toBe(true);
    for (const read of [
      (headers: Headers) => [...headers],
      (headers: Headers) => [headers.get("authorization"), headers.get("Macaroon")],
    ]) {
      expect(same(read, { authorization: "L402 abc:00", macaroon: "00" }, {})).toBe(true);
      expect(same(read, { authorization: "Bearer key" }, {})).toBe(false);
      for (const both of ["L402 abc:00, Bearer key", "Bearer key, LSAT abc:00"])
        expect(same(read, { authorization: both }, { authorization: "Bearer key" })).toBe(true);
    }
  });

  test("if a buyer adds the key of its order, unless the price function asks for that field", () => {
    const keyed = { "idempotency-key": "k1" };
    expect(same((headers) => [...headers], keyed, {})).toBe(true);
    expect(same((headers) => Object.fromEntries(headers), keyed, {})).toBe(true);
    expect(same((headers) => headers.get("Idempotency-Key"), keyed, {})).toBe(false);
  });

  test("which reads what the request says", () => {
    const headers = new Readings(...GET).fields(new Headers({ "x-size": "7", "x-b": "1" }));
    expect([headers.get("X-SIZE"), headers.has("x-c"), [...headers.keys()]]).toEqual([
      "7",
      false,
      ["x-b", "x-size"],
    ]);
    expect(headers).toBeInstanceOf(Headers);
  });
});

describe("a body that is a value", () => {
  const hashOf = (value: unknown) => {
    const readings = new Readings("POST", GET[1]);
    readings.value(value);
    return readings.hash();
  };

  test("is told apart by its JSON text", () => {
    expect(hashOf({ a: [1, "x", null, true] })).toBe(hashOf({ a: [1, "x", null, true] }));
    expect(hashOf({ a: 1 })).not.toBe(hashOf({ a: 2 }));
  });

  const itself: Record<string, unknown> = {};
  itself.itself = itself;
  test.each([
    ["a map", new Map([["a", 1]])],
    ["a date", { at: new Date(0) }],
    ["undefined", { a: undefined }],
    ["a hole", Array(1)],
    ["NaN", [Number.NaN]],
    ["minus zero", [-0]],
    ["a bigint", 1n],
    ["a text of its own", { toJSON: () => "x" }],
    ["itself", itself],
  ])("has no hash with %s in it, which JSON does not hold", (_, value) => {
    expect(hashOf(value)).toBeUndefined();
  });
});

test("a body that was not read to its end has no hash", () => {
  const readings = new Readings("POST", GET[1]);
  readings.reading();
  expect(readings.hash()).toBeUndefined();
  readings.body(new Uint8Array([1]));
  expect(readings.hash()).toMatch(/^[0-9a-f]{64}$/);
});

describe("at a fixed price, where any field may have led to the route", () => {
  const hashOf = (init: HeadersInit) =>
    new Readings(...GET).everyField(new Headers({ accept: "text/html", ...init })).hash();

  test.each([
    "x-request-id",
    "x-amzn-trace-id",
    "traceparent",
    "cf-ray",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-real-ip",
    "connection",
    "x-request-start",
  ])("%s, which a proxy adds, makes no other request", (name) => {
    expect(hashOf({ [name]: "1" })).toBe(hashOf({}));
    expect(hashOf({ [name]: "1" })).toBe(hashOf({ [name]: "2" }));
  });

  test.each([
    ...["accept", "host", "user-agent", "cookie", "authorization", "accept-language", "origin"],
    ...["content-type", "x-tenant", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-user"],
    ...["x-original-url", "x-envoy-original-path", "x-http-method-override", "cf-ipcountry"],
    ...["x-api-version", "prefer", "range", "x-id"],
  ])("%s, by which a router may choose, does", (name) => {
    expect(hashOf({ [name]: "1" })).not.toBe(hashOf({ [name]: "2" }));
  });
});
