/** The query of a priced request: each value that is read is the only one. */
import { expect, test } from "vitest";
import { pricedUrl } from "./query.ts";

const query = (text: string) => pricedUrl(`https://api.example/a${text}`).searchParams;

test.each<[read: string, query: string, (given: URLSearchParams) => unknown, value: unknown]>([
  ["get", "?n=1&m=2", (q) => q.get("n"), "1"],
  ["get of a missing key", "?m=2", (q) => q.get("n"), null],
  ["get beside another key that stands twice", "?m=1&m=2&n=3", (q) => q.get("n"), "3"],
  ["has", "?n", (q) => q.has("n"), true],
  ["get of a key with brackets", "?n[]=1", (q) => q.get("n[]"), "1"],
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
  ["getAll", "?n[]=1&n[]=2", (q) => q.getAll("n")],
  ["fromEntries", "?n=1&n=2", (q) => Object.fromEntries(q)],
  ["spread", "?n=1&n=2", (q) => [...q]],
  ["keys", "?n=1&n=2", (q) => q.keys()],
  ["values", "?n=1&n=2", (q) => q.values()],
  ["entries", "?n=1&n=2", (q) => q.entries()],
  ["forEach", "?n=1&n=2", (q) => q.forEach(() => {})],
  ["get of the last of many", `?${"a&".repeat(1000)}n=1`, (q) => q.get("n")],
])("%s of %s is refused", (_, text, read) => {
  expect(() => read(query(text))).toThrow(expect.objectContaining({ code: "ERR_REQUEST" }));
});
