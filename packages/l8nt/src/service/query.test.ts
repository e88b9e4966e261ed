/** The query of a priced request: each value that is read is the only one, in every parser. */
import querystring from "node:querystring";
import fc from "fast-check";
import fastQuerystring from "fast-querystring";
import { Hono } from "hono";
import qs from "qs";
import { expect, test } from "vitest";
import { pricedUrls } from "./query.ts";

const query = (text: string) => pricedUrls(`https://api.example/a${text}`)().searchParams;

test.each<[read: string, query: string, (given: URLSearchParams) => unknown, value: unknown]>([
  ["get", "?n=1&m=2", (q) => q.get("n"), "1"],
  ["get of a missing key", "?m=2", (q) => q.get("n"), null],
  ["get beside another key that stands twice", "?m=1&m=2&n=3", (q) => q.get("n"), "3"],
  ["has", "?n", (q) => q.has("n"), true],
  ["get of a key with brackets", "?n[]=1", (q) => q.get("n[]"), "1"],
  ["get beside another key in brackets", "?f[a]=1&f[b]=2&n=3", (q) => q.get("n"), "3"],
  ["get of one key in an object", "?f[a]=1&f[b]=2", (q) => q.get("f[b]"), "2"],
  ["get beside what is not UTF-8", "?m=%FF&n=3", (q) => q.get("n"), "3"],
  ["get of an encoded key and value", "?%6e=%5B%3D%26]", (q) => q.get("n"), "[=&]"],
  ["fromEntries with dots", "?a.b=1&n=1", (q) => Object.fromEntries(q), { "a.b": "1", n: "1" }],
  ["getAll", "?n=1&n=2", (q) => q.getAll("n"), ["1", "2"]],
  ["fromEntries", "?n=1&m=2", (q) => Object.fromEntries(q), { n: "1", m: "2" }],
  ["toString", "?n=1&n=2", (q) => `${q}`, "n=1&n=2"],
])("%s of %s", (_, text, read, value) => {
  expect(read(query(text))).toEqual(value);
});

test.each<[read: string, query: string, (given: URLSearchParams) => unknown]>([
  ["get", "?n=1&n=1", (q) => q.get("n")],
  ["has", "?n&n", (q) => q.has("n")],
  ["get", "?n[]=1", (q) => q.get("n")],
  ["get", "?n=1&%6e%5B0%5D=1", (q) => q.get("n")],
  ["get", "?[n]=1", (q) => q.get("n")],
  ["get", "?n=1&[n]=1000", (q) => q.get("n")],
  ["get", "?%5bn%5D[]=1", (q) => q.get("n")],
  ["get", "?n=1]=1000", (q) => q.get("n")],
  ["get", "?n.a=1", (q) => q.get("n")],
  ["get", "?n=%FF", (q) => q.get("n")],
  ["get", "?[a][b]=1", (q) => q.get("a[b]")],
  ["get", "?a=b&a[b]=1", (q) => q.get("a[b]")],
  ["getAll", "?n=1&[n]=2", (q) => q.getAll("n")],
  ["fromEntries", "?[n]=1", (q) => Object.fromEntries(q)],
  ["getAll", "?n[]=1&n[]=2", (q) => q.getAll("n")],
  ["fromEntries", "?n=1&n=2", (q) => Object.fromEntries(q)],
  ["spread", "?n=1&n=2", (q) => [...q]],
  ["keys", "?n=1&n=2", (q) => q.keys()],
  ["values", "?n=1&n=2", (q) => q.values()],
  ["entries", "?n=1&n=2", (q) => q.entries()],
  ["forEach", "?n=1&n=2", (q) => q.forEach(() => {})],
  ["get behind many empty pairs", `?${"&".repeat(1000)}n=1`, (q) => q.get("n")],
  ["get of the last of many", `?${"a&".repeat(1000)}n=1`, (q) => q.get("n")],
])("%s of %s is refused", (_, text, read) => {
  expect(() => read(query(text))).toThrow(expect.objectContaining({ code: "ERR_REQUEST" }));
});

const app = new Hono().get("/a", (c) => c.json({ one: c.req.query("n"), all: c.req.queries("n") }));
const viaHono = async (text: string): Promise<unknown> => {
  const response = await app.request(`https://api.example/a?${text}`);
  const { one, all } = (await response.json()) as { one?: string; all?: string[] };
  return all !== undefined && all.length > 1 ? all : one;
};

/** What each parser of a framework makes of `n`. */
const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  "qs, as Express calls it": (text) => qs.parse(text, { allowPrototypes: true }).n,
  "qs, as it is": (text) => qs.parse(text).n,
  "qs with dots": (text) => qs.parse(text, { allowDots: true }).n,
  "node:querystring": (text) => querystring.parse(text).n,
  "fast-querystring, as Fastify calls it": (text) => fastQuerystring.parse(text).n,
  URLSearchParams: (text) => {
    const all = new URL(`https://h/?${text}`).searchParams.getAll("n");
    return all.length > 1 ? all : all[0];
  },
  Hono: viaHono,
};

const fragment = fc.constantFrom(
  ...["n", "n", "n", "m", "=", "=", "=", "&", "&", "1", "1000", "[", "]", "[n]", "[]", "[0]", "]="],
  ...["%6e", "%6E", "%5B", "%5d", "%3D", "%26", ".", "+", "%20", "%00", "%", "%FF", "%C3%A9", "%2"],
  ...["__proto__", "constructor", "?", ";", ",", "toString", "%EF%BB%BF", "%2E", "%5Bn%5D"],
);
const anyQuery = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(""));
/** Pairs, most of them of `n`, as clients write them and as attackers do. */
const pairs = fc
  .array(
    fc.tuple(
      fc.array(fragment, { minLength: 1, maxLength: 3 }),
      fc.array(fragment, { maxLength: 2 }),
    ),
  )
  .map((all) => all.map(([key, value]) => `${key.join("")}=${value.join("")}`).join("&"));

const READERS: Readonly<Record<string, (query: URLSearchParams) => unknown>> = {
  get: (q) => q.get("n") ?? undefined,
  fromEntries: (q) => Object.fromEntries(q).n,
  getAll: (q) => (q.getAll("n").length > 1 ? q.getAll("n") : q.getAll("n")[0]),
};

test("what a price function reads is what every parser reads, or the request is refused", async () => {
  let [read, refused] = [0, 0];
  const property = fc.asyncProperty(fc.oneof(anyQuery, pairs), async (text) => {
    for (const [how, given] of Object.entries(READERS)) {
      let value: unknown;
      try {
        value = given(query(`?${text}`));
      } catch {
        refused++;
        continue;
      }
      if (value !== undefined) read++;
      // Who reads every key sees those with dots, which no framework takes apart by itself.
      for (const [name, parse] of Object.entries(PARSERS))
        if (how !== "fromEntries" || name !== "qs with dots")
          expect([name, await parse(text)]).toEqual([name, value]);
    }
  });
  await fc.assert(property, { numRuns: 4000 });
  // Permission beside refusal.
  expect(Math.min(read, refused)).toBeGreaterThan(200);
});
