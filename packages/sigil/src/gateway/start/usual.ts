/** What people who use a vendor's SDK call its settings. */

interface Usual {
  /** The variables that the vendor's own key is in, the most usual first; none if it has none. */
  readonly keys: readonly string[];
  /** The variable that its SDK reads the URL from; undefined if it reads none. */
  readonly baseUrl?: string;
  /** The path of its API's base. */
  readonly basePath: string;
  /**
   * A line of code for an SDK that reads no variable for its URL. `key` is an expression.
   * Undefined if it cannot take that URL.
   */
  code?(url: URL, key: string): string | undefined;
}

export const USUAL: Readonly<Record<string, Usual>> = {
  openai: { keys: ["OPENAI_API_KEY"], baseUrl: "OPENAI_BASE_URL", basePath: "/v1" },
  anthropic: { keys: ["ANTHROPIC_API_KEY"], baseUrl: "ANTHROPIC_BASE_URL", basePath: "" },
  gemini: {
    keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    baseUrl: "GOOGLE_GEMINI_BASE_URL",
    basePath: "",
  },
  mistral: {
    keys: ["MISTRAL_API_KEY"],
    basePath: "",
    code: (url, key) => `new Mistral({ apiKey: ${key}, serverURL: "${textOf(url)}" })`,
  },
  ollama: {
    keys: [],
    basePath: "",
    code: (url, key) =>
      `new Ollama({ host: "${textOf(url)}", headers: { Authorization: "Bearer " + ${key} } })`,
  },
  openrouter: {
    keys: ["OPENROUTER_API_KEY"],
    basePath: "/api/v1",
    code: (url, key) => `new OpenAI({ apiKey: ${key}, baseURL: "${textOf(url)}" })`,
  },
  stripe: {
    keys: ["STRIPE_SECRET_KEY", "STRIPE_API_KEY"],
    basePath: "",
    code({ protocol, hostname, port, pathname }, key) {
      // Its SDK takes no path.
      if (pathname !== "/") return undefined;
      const scheme = protocol.slice(0, -1);
      const number = port === "" ? (scheme === "https" ? "443" : "80") : port;
      return `new Stripe(${key}, { host: "${hostname}", port: ${number}, protocol: "${scheme}" })`;
    },
  },
  generic: { keys: ["UPSTREAM_API_KEY"], basePath: "" },
};

/** Without a slash at its end. */
const textOf = (url: URL): string => url.href.replace(/\/$/, "");
