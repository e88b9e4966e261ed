/** The flags of `sigil gateway`, and what they are read to. */
import type { AmountText, Scope } from "l8nt";
import { parseAmount } from "l8nt/invoice";
import type { Arguments, Flag } from "../../arguments.ts";
import { UsageError } from "../../exit.ts";
import { PRESETS } from "../presets/index.ts";
import type { Preset } from "../presets/preset.ts";

export const FLAGS = {
  preset: {
    value: "NAME",
    help: `the vendor: ${[...PRESETS.keys()].join(", ")}`,
    repeatable: true,
  },
  budget: {
    value: '"5 usd/day"',
    help: "what the key that is printed may spend: in all, or an hour, a day or a month (default: 5 usd/day)",
    repeatable: true,
  },
  model: {
    value: "NAME",
    help: "a model that the key may use, or the beginning of its name: gpt-5* (default: all)",
    repeatable: true,
  },
  "expires-in": { value: "30d", help: "how long the key is valid (default: 30d)" },
  dir: { value: "DIR", help: "its folder, made if it is missing (default: sigil-gateway)" },
  port: { value: "N", help: "the port (default: 8410)" },
  host: { value: "ADDRESS", help: "the address that it listens at (default: 127.0.0.1)" },
  location: {
    value: "URL",
    help: "where agents reach it, if a proxy stands before it (default: where it listens)",
  },
  upstream: { value: "URL", help: "the vendor's origin, if it is not the usual one" },
  key: {
    value: "REFERENCE",
    help: "the vendor's key: env:NAME, file:/path or cmd:program (default: env: and its usual name)",
  },
  prices: { value: "FILE", help: "your own prices, which go before those of the program" },
  from: {
    value: "PATH",
    help: "prices: the folder of an installed @pydantic/genai-prices, or its data as JSON",
  },
  date: { value: "DATE", help: "prices: when those were published, such as 2026-11-29" },
  margin: { value: "1.1", help: "a factor on every price (default: 1)" },
  "tls-cert": { value: "FILE", help: "a certificate in PEM, to serve TLS and HTTP/2" },
  "tls-key": { value: "FILE", help: "its private key in PEM" },
  "log-level": {
    value: "LEVEL",
    help: "trace, debug, info, warn, error, fatal or silent (default: info)",
  },
} as const satisfies Record<string, Flag>;

export type Given = Arguments<keyof typeof FLAGS>;

/** What people who use a vendor's SDK call its settings, and the path of its API's base. */
interface Usual {
  /** The variables that its key is in, the most usual first; none if it takes no key. */
  readonly keys: readonly string[];
  /** The variable that an agent's key goes in, if the vendor has none for its own. */
  readonly agentKey?: string;
  readonly baseUrl: string;
  readonly basePath: string;
}

export const USUAL: Readonly<Record<string, Usual>> = {
  openai: { keys: ["OPENAI_API_KEY"], baseUrl: "OPENAI_BASE_URL", basePath: "/v1" },
  anthropic: { keys: ["ANTHROPIC_API_KEY"], baseUrl: "ANTHROPIC_BASE_URL", basePath: "" },
  gemini: {
    keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    baseUrl: "GOOGLE_GEMINI_BASE_URL",
    basePath: "",
  },
  mistral: { keys: ["MISTRAL_API_KEY"], baseUrl: "MISTRAL_BASE_URL", basePath: "" },
  ollama: { keys: [], agentKey: "OLLAMA_API_KEY", baseUrl: "OLLAMA_HOST", basePath: "" },
  openrouter: {
    keys: ["OPENROUTER_API_KEY"],
    baseUrl: "OPENROUTER_BASE_URL",
    basePath: "/api/v1",
  },
  stripe: {
    keys: ["STRIPE_SECRET_KEY", "STRIPE_API_KEY"],
    baseUrl: "STRIPE_API_BASE",
    basePath: "",
  },
  generic: { keys: ["UPSTREAM_API_KEY"], baseUrl: "BASE_URL", basePath: "" },
};

/** @throws UsageError without one, for one that is unknown, and for one that is named twice */
export function presetsOf(given: Given): readonly Preset[] {
  const names = given.all("preset") ?? [];
  const known = [...PRESETS.keys()].join(", ");
  if (names.length === 0) throw new UsageError(`Missing --preset NAME: one of ${known}.`);
  if (new Set(names).size < names.length) throw new UsageError("A preset is named twice.");
  return names.map((name) => {
    const preset = PRESETS.get(name);
    if (preset === undefined) throw new UsageError(`--preset must be one of ${known}.`);
    return preset;
  });
}

const SPANS = { hour: "budgetPerHour", day: "budgetPerDay", month: "budgetPerMonth" } as const;

/** The scope of the key that is printed. @throws UsageError */
export function scopeOf(given: Given, location: string): Scope {
  const budgets: Partial<Record<"budget" | (typeof SPANS)[keyof typeof SPANS], AmountText[]>> = {};
  for (const text of given.all("budget") ?? ["5 usd/day"]) {
    const [, amount = "", span] = /^([^/]+?) ?(?:\/ ?(?:a )?(hour|day|month))?$/.exec(text) ?? [];
    if (parseAmount(amount)?.unit !== "usd_micro")
      throw new UsageError(
        '--budget must be an amount in US dollars, and may have a span: "5 usd", "5 usd/day", "0.5 usd/hour" or "50 usd/month".',
      );
    const key = span === undefined ? "budget" : SPANS[span as keyof typeof SPANS];
    if (budgets[key] !== undefined) throw new UsageError("--budget has two amounts for one span.");
    budgets[key] = [amount as AmountText];
  }
  const models = given.all("model");
  return {
    endpoints: [`* ${location}/**`],
    expiresIn: (given.text("expires-in") ?? "30d") as `${number}d`,
    ...budgets,
    ...(models !== undefined && { models }),
  };
}

/** The reference to the key of a vendor; undefined for one that takes none. @throws UsageError */
export function keyOf(
  given: Given,
  { name }: Preset,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const reference = given.text("key");
  if (reference !== undefined) return reference;
  const { keys } = USUAL[name]!;
  const found = keys.find((key) => env[key]);
  if (found !== undefined) return `env:${found}`;
  if (keys.length === 0) return undefined;
  throw new UsageError(
    `Missing the key of ${name}: set ${keys.join(" or ")}, or give --key file:/path or --key "cmd:program".`,
  );
}

/** @throws UsageError for a URL that is no origin */
export function originOf(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search)
    throw new UsageError(`${what} must be an http or https URL without a path.`);
  return url.origin;
}
