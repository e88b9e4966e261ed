/** The treasury's API against the page that specifies it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { AGENT_MESSAGES, OWNER_MESSAGES } from "./treasury.ts";

const section = readFileSync(
  new URL("../../../../spec/4-purchase.md", import.meta.url),
  "utf8",
).split("## 7. ")[1]!;

test("spec/4-purchase.md §7 names each message of agents and owners, and no other", () => {
  const named = new Set(
    [...section.matchAll(/\b(?:GET|POST) \/[^\s`?]+/g)].map(([request]) => request),
  );
  const messages = [...AGENT_MESSAGES, ...OWNER_MESSAGES].map(
    ({ method, path }) => `${method} ${path}`,
  );
  expect([...named].sort()).toEqual(
    // What a treasury says about itself is specified with what a service says: page 3 §6.
    messages.filter((request) => request !== "GET /.well-known/l402").sort(),
  );
});

test("a message's path names each of its parameters, and two messages never share a request", () => {
  const all = [...AGENT_MESSAGES, ...OWNER_MESSAGES];
  for (const { path, parameters } of all)
    expect([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)).toEqual(
      Object.keys((parameters?.schema.properties ?? {}) as object),
    );
  const requests = all.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(requests).size).toBe(requests.length);
  for (const { method, body } of all) expect(method === "POST").toBe(body !== undefined);
});
