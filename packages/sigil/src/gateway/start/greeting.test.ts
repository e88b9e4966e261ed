/** What the gateway prints for each preset: only variables that an SDK reads, or a line of code. */
import { describe, expect, test } from "vitest";
import { PRESETS } from "../presets/index.ts";
import { greeting } from "./greeting.ts";

const AT = "http://127.0.0.1:8410";
const KEY = "sk-sigil-KEY";

const saidOf = (names: readonly string[], location = AT): readonly string[] =>
  greeting(
    names.map((name) => ({
      ...{ name, preset: { name } },
      prefix: names.length === 1 ? "" : `/${name}`,
    })),
    { location, key: KEY, pid: 4711 },
  )
    .split("\n")
    .filter((line) => line.startsWith("  "))
    .map((line) => line.trim());

describe("for one service", () => {
  // As test/vendors uses each SDK, and greps of their code say what they read.
  test.each<readonly [preset: string, lines: readonly string[]]>([
    ["openai", [`OPENAI_BASE_URL=${AT}/v1`, `OPENAI_API_KEY=${KEY}`]],
    ["anthropic", [`ANTHROPIC_BASE_URL=${AT}`, `ANTHROPIC_API_KEY=${KEY}`]],
    ["gemini", [`GOOGLE_GEMINI_BASE_URL=${AT}`, `GEMINI_API_KEY=${KEY}`]],
    [
      "mistral",
      [
        `MISTRAL_API_KEY=${KEY}`,
        `new Mistral({ apiKey: process.env.MISTRAL_API_KEY, serverURL: "${AT}" })`,
      ],
    ],
    [
      "ollama",
      [
        `AGENT_API_KEY=${KEY}`,
        `new Ollama({ host: "${AT}", headers: { Authorization: "Bearer " + process.env.AGENT_API_KEY } })`,
      ],
    ],
    [
      "openrouter",
      [
        `OPENROUTER_API_KEY=${KEY}`,
        `new OpenAI({ apiKey: process.env.OPENROUTER_API_KEY, baseURL: "${AT}/api/v1" })`,
      ],
    ],
    [
      "stripe",
      [
        `STRIPE_SECRET_KEY=${KEY}`,
        'new Stripe(process.env.STRIPE_SECRET_KEY, { host: "127.0.0.1", port: 8410, protocol: "http" })',
      ],
    ],
    ["generic", [`the base URL  ${AT}`, `the API key   ${KEY}`]],
  ])("%s", (preset, lines) => {
    expect(saidOf([preset])).toEqual(lines);
  });

  test("every preset has one of these", () => {
    for (const name of PRESETS.keys()) expect(saidOf([name]).join("\n"), name).toContain(KEY);
  });

  test("a port that a URL leaves out is written for an SDK that needs it", () => {
    expect(saidOf(["stripe"], "https://keys.example")[1]).toContain(
      '{ host: "keys.example", port: 443, protocol: "https" }',
    );
  });
});

describe("for several services", () => {
  test("the key is there once, and each service says which settings are its own", () => {
    const names = ["openai", "mistral"];
    expect(saidOf(names)).toEqual([
      `AGENT_API_KEY=${KEY}`,
      "# openai",
      `OPENAI_BASE_URL=${AT}/openai/v1`,
      "OPENAI_API_KEY=$AGENT_API_KEY",
      "# mistral",
      "MISTRAL_API_KEY=$AGENT_API_KEY",
      `new Mistral({ apiKey: process.env.MISTRAL_API_KEY, serverURL: "${AT}/mistral" })`,
    ]);
  });

  test("an SDK that takes no path is told so", () => {
    expect(saidOf(["openai", "stripe"]).at(-1)).toMatch(/takes no path.*prefix: ""/);
  });
});

test("the process and the key of the last start are told of", () => {
  const service = { name: "openai", preset: { name: "openai" }, prefix: "" } as const;
  const told = (notice?: string) =>
    greeting([service], { location: AT, key: KEY, pid: 4711, notice });
  expect(told()).toContain("Its process is 4711.");
  expect(told("The key of before.")).toBe(`${told()}\nThe key of before.\n`);
});
