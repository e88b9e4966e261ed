/** What `sigil gateway check` lists for a route is what the gateway charges there. */
import { expect, test } from "vitest";
import { readConfigText } from "../config/read.ts";
import { listed } from "./listed.ts";

test.each([
  ["generic", "price: 2 sat", "GET|POST /v1/**", "credential, 2 sat, call", false],
  ["generic", "price: free", "GET|POST /v1/**", "credential, free, call", false],
  ["generic", "", "GET|POST /v1/**", "credential, denied: no price, call", true],
  ["generic", "price: 2 sat", "* /**", "credential, 2 sat, call", false],
  ["openai", "price: 2 sat", "GET /v1/nothing", "credential, 2 sat, call", false],
  ["openai", "", "GET /v1/nothing", "credential, denied: no price, call", true],
  ["openai", "", "POST /v1/chat/completions", "credential, by its meter, chat", false],
])("%s with %s: %s", (preset, price, match, meaning, isDenied) => {
  const text = `services:
  it:
    preset: ${preset}
    upstream: http://127.0.0.1:1
    ${price}
    routes:
      - { match: "${match}" }`;
  const { routes, warnings } = listed(readConfigText(text, "sigil.yaml").services.it!);
  expect(routes.map((route) => route.meaning)).toEqual([meaning]);
  expect(warnings.some((warning) => warning.includes("has no price"))).toBe(isDenied);
});
