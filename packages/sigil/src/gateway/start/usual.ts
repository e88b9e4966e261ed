/** What people who use a vendor's SDK call its settings. */

/** Variables that a vendor's SDK reads, and the path of its API's base. */
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
