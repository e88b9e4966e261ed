/** Ways to spend more than a bound says, beside the nearest requests that are let through. */
import { describe, expect, test } from "vitest";
import { worstCase } from "./bound.ts";
import { ask } from "./fixtures/ask.ts";
import { PRESETS } from "./index.ts";
import { RequestRefused } from "./refused.ts";

/** The code of the refusal, or "sent". */
function outcome(preset: string, path: string, body: unknown): string {
  try {
    ask(preset, path, body);
    return "sent";
  } catch (error) {
    if (error instanceof RequestRefused) return error.code;
    throw error;
  }
}

describe("what a Gemini model's answer may be made of", () => {
  // ai.google.dev/api/generate-content: GenerationConfig.responseModalities. Models for images
  // answer with text and images unless they are asked for text alone.
  const kinds = (model: string, generationConfig?: unknown) =>
    ask("gemini", `/v1beta/models/${model}:generateContent`, { contents: [], generationConfig })
      .bound.outputKinds;
  const image = "gemini-2.5-flash-image";

  test.each<[string, string, unknown, readonly string[]]>([
    ["an image model by default", image, undefined, ["image_token"]],
    ["of an empty list", image, { responseModalities: [] }, ["image_token"]],
    ["of null", image, { responseModalities: null }, ["image_token"]],
    ["of nothing said", image, { responseModalities: [0] }, ["image_token"]],
    ["of nothing said and text", image, { response_modalities: ["TEXT", 0] }, ["image_token"]],
    ["of both", image, { responseModalities: ["TEXT", "IMAGE"] }, ["image_token"]],
    ["of text alone", image, { responseModalities: ["text"] }, []],
    ["of text by its number", image, { responseModalities: [1] }, []],
    ["another image model", "gemini-3-pro-image-preview", {}, ["image_token"]],
    ["its other name", "nano-banana-pro-preview", {}, ["image_token"]],
    ["a text model", "gemini-3.5-flash", {}, []],
    ["a text model for images", "gemini-3.5-flash", { responseModalities: [2] }, ["image_token"]],
  ])("%s", (_name, model, config, expected) => {
    expect(kinds(model, config)).toEqual(expected);
  });

  test.each<[unknown]>([["IMAGE"], [2], [{ 0: "IMAGE" }], [true]])(
    "%j instead of a list is refused",
    (responseModalities) => {
      const body = { contents: [], generationConfig: { responseModalities } };
      const path = `/v1beta/models/${image}:generateContent`;
      expect(outcome("gemini", path, body)).toBe("bad_request");
    },
  );
});

describe("one value instead of a list", () => {
  test.each<[string, string, object]>([
    ["openai", "/v1/chat/completions", { modalities: "audio" }],
    ["openai", "/v1/chat/completions", { tools: { type: "web_search" } }],
    ["openai", "/v1/chat/completions", { tools: ["web_search"] }],
    ["openai", "/v1/responses", { tools: { type: "web_search" } }],
    ["openai", "/v1/responses", { input: [{ type: "additional_tools", tools: { type: "mcp" } }] }],
    ["openai", "/v1/responses", { tools: [{ type: "namespace", tools: { type: "mcp" } }] }],
    ["openai", "/v1/embeddings", { input: { 0: "a" } }],
    ["anthropic", "/v1/messages", { tools: { type: "web_search_20250305", name: "web_search" } }],
    ["gemini", "/v1beta/models/m:generateContent", { tools: "google_search" }],
    ["ollama", "/api/generate", { images: "iVBORw0KGgo" }],
    ["ollama", "/v1/chat/completions", { messages: [{ images: "iVBORw0KGgo" }] }],
  ])("%s %s %j", (preset, path, fields) => {
    const model = preset === "gemini" ? {} : { model: "m" };
    expect(outcome(preset, path, { ...model, ...fields })).toBe("bad_request");
  });
});

describe("tools of Responses are checked wherever they stand", () => {
  // openai 6.49, responses.d.ts: ResponseInputItem and ToolChoice*.
  const own = { type: "function", name: "f", parameters: {} };
  const places: readonly (readonly [string, (tool: object) => object])[] = [
    ["tools", (tool) => ({ tools: [tool] })],
    ["a namespace", (tool) => ({ tools: [{ type: "namespace", name: "n", tools: [tool] }] })],
    ["additional tools", (tool) => ({ input: [{ type: "additional_tools", tools: [tool] }] })],
    ["found tools", (tool) => ({ input: [{ type: "tool_search_output", tools: [tool] }] })],
    [
      "a namespace of found tools",
      (tool) => ({
        input: [{ type: "tool_search_output", tools: [{ type: "namespace", tools: [tool] }] }],
      }),
    ],
    ["tools of a server", (tool) => ({ input: [{ type: "mcp_list_tools", tools: [tool] }] })],
    ["any other item", (tool) => ({ input: [{ type: "reasoning", tools: [tool] }] })],
    ["the choice", (tool) => ({ tool_choice: tool })],
    ["a choice of several", (tool) => ({ tool_choice: { type: "allowed_tools", tools: [tool] } })],
  ];

  describe.each(places)("%s", (_name, at) => {
    test.each(["web_search", "web_search_preview", "mcp", "code_interpreter", "new_tool"])(
      "with %s is refused",
      (type) => {
        const body = { model: "m", input: "", ...at({ type }) };
        expect(outcome("openai", "/v1/responses", body)).toBe("tool_not_metered");
      },
    );

    test("with a function is sent", () => {
      expect(outcome("openai", "/v1/responses", { model: "m", input: "", ...at(own) })).toBe(
        "sent",
      );
    });
  });

  test("descriptions of a server's tools have no type, and a choice names a shell", () => {
    for (const fields of [
      { input: [{ type: "mcp_list_tools", tools: [{ name: "f", input_schema: {} }] }] },
      {
        tools: [{ type: "shell", environment: { type: "local" } }],
        tool_choice: { type: "shell" },
      },
      { tool_choice: "auto" },
    ])
      expect(outcome("openai", "/v1/responses", { model: "m", input: "", ...fields })).toBe("sent");
  });

  test("a found tool that the route allows is capped", () => {
    const input = [{ type: "tool_search_output", tools: [{ type: "web_search" }] }];
    const allowed = { tools: { web_search: 3 }, fields: [] };
    const asked = ask("openai", "/v1/responses", { model: "m", input }, allowed);
    expect(asked.bound.calls).toEqual({ web_search: 3 });
    expect(asked.edits).toEqual([{ path: ["max_tool_calls"], value: 3 }]);
  });
});

describe("OpenRouter", () => {
  const path = "/api/v1/chat/completions";
  const pdf = "data:application/pdf;base64,JVBERi0=";
  const content = (part: object) => ({ messages: [{ role: "user", content: [part] }] });

  test.each<[string, object]>([
    // openrouter.ai/docs/features/provider-routing
    ["order", { provider: { order: ["dear"], allow_fallbacks: false } }],
    ["only", { provider: { only: ["dear"] } }],
    ["ignore", { provider: { ignore: ["cheap"] } }],
    ["sort", { provider: { sort: "throughput" } }],
    ["quantizations", { provider: { quantizations: ["fp32"] } }],
    ["require_parameters", { provider: { require_parameters: true } }],
    ["data_collection", { provider: { data_collection: "deny" } }],
    ["zdr beside a price", { provider: { max_price: { prompt: 1 }, zdr: true } }],
    ["plugins", { plugins: [{ id: "file-parser" }] }],
    ["models", { models: ["a/b"] }],
    ["route", { route: "fallback" }],
    ["transforms", { transforms: ["middle-out"] }],
    ["image_config", { image_config: { image_size: "4K" } }],
    ["a file", content({ type: "file", file: { file_data: pdf } })],
    ["a file instead of an image", content({ type: "image_url", image_url: { url: pdf } })],
    ["the same as a text", content({ type: "image_url", image_url: pdf })],
    ["an image model", { model: "google/gemini-2.5-flash-image" }],
    ["its preview", { model: "google/gemini-3-pro-image-preview" }],
    ["another vendor's", { model: "openai/gpt-5-image" }],
    ["output of an unknown kind", { modalities: ["video"] }],
  ])("with %s is refused", (_name, fields) => {
    expect(outcome("openrouter", path, { model: "a/b", messages: [], ...fields })).toBe(
      "field_not_metered",
    );
  });

  test.each(["nitro", "exacto", "online", "free:nitro", "nitro:free", "new"])(
    "with a model :%s is refused",
    (suffix) => {
      const body = { model: `a/b:${suffix}`, messages: [] };
      expect(outcome("openrouter", path, body)).toBe("tool_not_metered");
    },
  );

  test.each<[string, object]>([
    ["a highest price", { provider: { max_price: { prompt: 1 }, allow_fallbacks: false } }],
    ["no provider", { provider: null }],
    ["an empty provider", { provider: {} }],
    ["a free model", { model: "a/b:free" }],
    ["the cheapest provider", { model: "a/b:floor" }],
    ["an image", content({ type: "image_url", image_url: { url: "data:image/png;base64,iVBO" } })],
    ["an image by its URL", content({ type: "image_url", image_url: { url: "https://a/b" } })],
    ["text alone", { modalities: ["text"] }],
  ])("with %s is sent", (_name, fields) => {
    expect(outcome("openrouter", path, { model: "a/b", messages: [], ...fields })).toBe("sent");
  });
});

describe("Ollama", () => {
  const limits = { contextWindow: 8192, maxOutput: 4096 };
  const most = (path: string, fields: object) =>
    worstCase(ask("ollama", path, { model: "m", ...fields }).bound, limits)?.output;
  const chat = "/v1/chat/completions";

  test.each<[string, string, object, number | undefined]>([
    // ollama/runner: numPredict > 0 is the only limit; the price file's maximum is nothing to it.
    ["a cap", "/api/chat", { options: { num_predict: 30 } }, 30],
    ["a cap above the listed most", "/api/chat", { options: { num_predict: 9000 } }, 9000],
    ["a cap of 0", "/api/chat", { options: { num_predict: 0 } }, undefined],
    ["a cap of -0", "/api/chat", { options: { num_predict: -0 } }, undefined],
    ["a cap of -1", "/api/generate", { options: { num_predict: -1 } }, undefined],
    ["a cap of -2", "/api/generate", { options: { num_predict: -2 } }, undefined],
    ["no cap", "/api/generate", {}, undefined],
    ["OpenAI's form with a cap", chat, { max_tokens: 30 }, 30],
    ["OpenAI's form with a cap of 0", chat, { max_tokens: 0 }, undefined],
    ["OpenAI's form with a cap of -1", chat, { max_tokens: -1 }, undefined],
    ["OpenAI's form without a cap", chat, {}, undefined],
  ])("%s", (_name, path, fields, expected) => {
    expect(most(path, fields)).toBe(expected);
  });

  const nested = [
    ["/api/chat", { messages: [{ role: "user", content: "", Images: ["aaaa"] }] }],
    ["/api/chat", { messages: [{ role: "user", content: "", image\u017f: ["aaaa"] }] }],
    ["/api/chat", { messages: [{ content: "", Content: "x" }] }],
    ["/api/chat", { messages: [], options: { Num_Predict: 5 } }],
    [chat, { messages: [{ content: "", Content: [{ type: "image_url" }] }] }],
    [chat, { messages: [{ content: [{ type: "text", Type: "image_url", text: "" }] }] }],
    [chat, { messages: [{ content: [{ type: "image_url", image_url: { URL: "a" } }] }] }],
    [chat, { messages: [], tools: [{ type: "function", Function: {} }] }],
  ] as const;
  test.each(nested)("%s %j has a name in another case", (path, fields) => {
    expect(outcome("ollama", path, { model: "m", ...fields })).toBe("bad_request");
  });

  test.each([
    ["/api/chat", { template: "{{ .Prompt }}{{ .Prompt }}" }],
    ["/api/generate", { template: "{{ .Prompt }}{{ .Prompt }}" }],
    [chat, { max_completion_tokens: 5 }],
    [chat, { max_completion_tokens: 5, max_tokens: 5 }],
  ])("%s %j is refused", (path, fields) => {
    expect(outcome("ollama", path, { model: "m", ...fields })).toBe("field_not_metered");
  });

  test.each<[string, object]>([
    ["/api/chat", { tools: [{ function: { name: "f", parameters: { properties: { aB: {} } } } }] }],
    [
      "/api/chat",
      { messages: [{ tool_calls: [{ function: { name: "f", arguments: { aB: 1 } } }] }] },
    ],
    ["/api/chat", { format: { type: "object", properties: { userId: { type: "string" } } } }],
    ["/api/generate", { system: "Be brief.", prompt: "Hi" }],
    [chat, { max_completion_tokens: null }],
    [chat, { response_format: { type: "json_schema", json_schema: { schema: { $defs: {} } } } }],
  ])("%s %j is sent", (path, fields) => {
    expect(outcome("ollama", path, { model: "m", ...fields })).toBe("sent");
  });
});

test("an embedding of numbers and texts is not one text", () => {
  const windows = (input: unknown) =>
    ask("openai", "/v1/embeddings", { model: "m", input }).bound.windows;
  expect(windows([1, "a", "b"])).toBe(3);
  expect(windows([1, 2, 3])).toBe(1);
  expect(windows([])).toBe(1);
});

describe("fields of a head that no meter sees", () => {
  const isRefused = (preset: string, name: string, value: string): boolean =>
    (PRESETS.get(preset)!.fieldsRefused ?? []).some(
      (field) => field.name === name && (field.matches?.test(value) ?? true),
    );

  test.each([
    ["anthropic", "anthropic-beta", "context-1m-2025-08-07", true],
    ["anthropic", "anthropic-beta", "files-api-2025-04-14, Context-1M-2025-08-07", true],
    ["anthropic", "anthropic-beta", "output-128k-2025-02-19", true],
    ["anthropic", "anthropic-beta", "interleaved-thinking-2025-05-14", false],
    ["anthropic", "anthropic-version", "2023-06-01", false],
    ["openrouter", "x-anthropic-beta", "context-1m-2025-08-07", true],
    ["openrouter", "x-title", "context-1m", false],
    ["openai", "openai-organization", "org-1", true],
    ["openai", "openai-project", "proj_1", true],
    ["openai", "openai-beta", "responses=v1", false],
    ["gemini", "x-goog-fieldmask", "candidates", true],
    ["gemini", "x-goog-user-project", "p", true],
    ["gemini", "x-http-method-override", "GET", true],
    ["gemini", "x-goog-api-client", "google-genai-sdk/2.32", false],
  ])("%s: %s: %s", (preset, name, value, expected) => {
    expect(isRefused(preset, name, value)).toBe(expected);
  });

  test("have names in lower case, and patterns without a state", () => {
    for (const { fieldsRefused = [] } of PRESETS.values())
      for (const { name, matches } of fieldsRefused) {
        expect(name).toBe(name.toLowerCase());
        expect(matches?.flags ?? "").not.toMatch(/[gy]/);
      }
  });
});
