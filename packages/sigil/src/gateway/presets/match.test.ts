/** Routes: what is in a preset, and that nothing else is. */
import { describe, expect, test } from "vitest";
import { PRESETS } from "./index.ts";
import { matchRoute } from "./match.ts";

const find = (preset: string, method: string, path: string) =>
  matchRoute(PRESETS.get(preset)!, method, path);

test.each([
  ["openai", "POST", "/v1/chat/completions", "chat"],
  ["openai", "POST", "/v1/responses", "chat"],
  ["openai", "GET", "/v1/models", "models"],
  ["openai", "GET", "/v1/models/ft:gpt-4o:org::id", "models"],
  ["openai", "POST", "/v1/audio/transcriptions", "transcription"],
  ["anthropic", "POST", "/v1/messages/count_tokens", "chat"],
  ["gemini", "GET", "/v1beta/models/gemini-3.5-flash", "models"],
  ["stripe", "GET", "/v1/customers", "customers:read"],
  ["stripe", "POST", "/v1/customers/cus_1/sources", "customers:write"],
  ["stripe", "DELETE", "/v1/customers/cus_1", "customers:delete"],
  ["stripe", "POST", "/v2/core/event_destinations", "core:write"],
  ["generic", "PATCH", "/a/b/c", "call"],
  ["generic", "GET", "/", "call"],
  // As many APIs write all of their paths.
  ["generic", "GET", "/api/users/", "call"],
])("%s has %s %s for %s", (preset, method, path, capability) => {
  expect(find(preset, method, path)?.capability).toBe(capability);
});

describe("what is not in a preset is denied", () => {
  test.each([
    ["openai", "GET", "/v1/chat/completions"],
    ["openai", "POST", "/v1/batches"],
    ["openai", "POST", "/v1/files"],
    ["openai", "GET", "/v1/responses/resp_1"],
    ["openai", "POST", "/v1/chat/completions/"],
    ["openai", "POST", "/V1/chat/completions"],
    ["openai", "POST", "//v1/chat/completions"],
    ["openai", "POST", "/v1/chat%2Fcompletions"],
    ["openai", "POST", "/v1/chat/completions/../x"],
    ["openai", "GET", "/v1/organization/costs"],
    ["openai", "GET", "/v1/models/a/b"],
    ["openai", "GET", "/v1/models/%2e%2e"],
    ["anthropic", "POST", "/v1/messages/batches"],
    ["anthropic", "POST", "/v1/complete"],
    ["gemini", "POST", "/v1beta/models/gemini-3.5-flash:batchGenerateContent"],
    ["gemini", "POST", "/v1beta/models/gemini-3.5-flash:generateContent:generateContent"],
    ["gemini", "POST", "/v1beta/models/gemini%2d3.5-flash:generateContent"],
    ["gemini", "POST", "/v1beta/tunedModels/a:generateContent"],
    ["gemini", "POST", "/v1beta/cachedContents"],
    ["ollama", "POST", "/api/pull"],
    ["ollama", "DELETE", "/api/delete"],
    ["openrouter", "GET", "/api/v1/key"],
    ["openrouter", "POST", "/api/v1/keys"],
    ["stripe", "PUT", "/v1/customers"],
    ["stripe", "GET", "/v3/customers"],
    ["stripe", "GET", "/v1/"],
    ["generic", "GET", "/a%2fb"],
  ])("%s %s %s", (preset, method, path) => {
    expect(find(preset, method, path)).toBeUndefined();
  });
});

test("the model of a path is read", () => {
  expect(find("gemini", "POST", "/v1/models/gemini-3.5-flash:countTokens")?.model).toBe(
    "gemini-3.5-flash",
  );
  expect(find("openai", "POST", "/v1/responses")?.model).toBeUndefined();
});

test("every preset names where its key and its credentials go", () => {
  expect([...PRESETS.keys()].sort()).toEqual([
    "anthropic",
    "gemini",
    "generic",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "stripe",
  ]);
  for (const { name, origin, credentialPlaces, routes } of PRESETS.values()) {
    expect(credentialPlaces).toContain("bearer");
    expect(routes.length).toBeGreaterThan(0);
    if (origin !== undefined) expect([name, new URL(origin).origin]).toEqual([name, origin]);
  }
});
