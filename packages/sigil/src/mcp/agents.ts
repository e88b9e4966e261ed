/** The agents of one MCP server: its own credential, and the named credentials derived from it. */
import { join } from "node:path";
import { Client, type Credential, DEFAULT_LIMITS, openWallet, type Scope, TokenError } from "l8nt";
import { treasuryApi } from "l8nt/treasury";
import { UsageError } from "../exit.ts";
import { plainName, withoutSecrets } from "../secrecy.ts";
import { writePrivate } from "../treasury/folder.ts";
import { OwnPayments } from "./payments.ts";

export interface Agent {
  /** Undefined for the credential that the process started with. */
  readonly name: string | undefined;
  readonly client: Client;
  readonly credentials: readonly [Credential, ...Credential[]];
  /** Carries the agent's requests, and those to a treasury inside this process. */
  readonly fetch: typeof fetch;
}

export interface AgentsOptions {
  readonly credentials: readonly Credential[];
  /** URL of the wallet to pay from if there is no credential. */
  readonly wallet: string | undefined;
  /** Private folder that receives a file for each derived credential, for other processes. */
  readonly dir: string | undefined;
  /** Reaches what the model names. */
  readonly reach: typeof fetch;
}

/** Location of the treasury that wraps a bare wallet; only this process can reach it. */
const WITHIN = "https://sigil-mcp.invalid";
/** Stops a model that delegates in a loop. */
const MAX_AGENTS = 256;

export class Agents {
  readonly payments = new OwnPayments();
  readonly #own: Agent;
  readonly #named = new Map<string, Agent>();
  readonly #fetch: typeof fetch;
  readonly #dir: string | undefined;

  private constructor(
    credentials: Agent["credentials"],
    fetcher: typeof fetch,
    options: AgentsOptions,
  ) {
    this.#fetch = fetcher;
    this.#dir = options.dir;
    this.#own = this.#agent(undefined, credentials);
  }

  /**
   * Opens the server's own agent from a credential, or from a wallet.
   *
   * @throws TokenError with `ERR_TOKEN_MISSING` without either: a server without a scope would
   * fetch anything
   */
  static async open(options: AgentsOptions): Promise<Agents> {
    const [first, ...others] = options.credentials;
    if (first !== undefined)
      return new Agents([first, ...others], withOwn(options.credentials, options.reach), options);
    if (!options.wallet)
      throw new TokenError(
        "ERR_TOKEN_MISSING",
        "No credential or wallet. Set SIGIL_CREDENTIAL, give --credential-file FILE, or set SIGIL_WALLET.",
      );
    if (options.dir !== undefined)
      throw new UsageError(
        "--dir needs a credential: only this process can spend what is derived from a bare wallet.",
      );
    const wallet = await openWallet(options.wallet);
    // Derived credentials are spent at this treasury too, so that their budgets count together.
    const { credential, treasury } = new Client({
      wallet,
      limits: DEFAULT_LIMITS,
      treasury: { location: WITHIN },
      fetch: options.reach,
    });
    const api = treasuryApi(treasury);
    return new Agents(
      [credential],
      (input, init) => {
        const request = new Request(input, init);
        return new URL(request.url).origin === WITHIN ? api(request) : options.reach(request);
      },
      options,
    );
  }

  /**
   * @throws UsageError for an unknown name: it never falls back to the process's own credential
   */
  find(name: string | undefined): Agent {
    const found = name === undefined ? this.#own : this.#named.get(name);
    if (found !== undefined) return found;
    const known = [...this.#named.keys()];
    const shown = plainName(name!);
    throw new UsageError(
      `Unknown agent${shown === undefined ? "" : ` ${shown}`}. ${known.length === 0 ? "No agent was made with delegate yet." : `Known agents: ${known.join(", ")}.`}`,
    );
  }

  /** Returns the path of the new credential's file, if files are kept. @throws UsageError */
  delegate(
    scope: Scope & { readonly agent: string },
    from: string | undefined,
  ): string | undefined {
    const { agent: name } = scope;
    const parent = this.find(from);
    if (this.#named.has(name))
      throw new UsageError("An agent with this name exists already; choose another name.");
    if (this.#named.size >= MAX_AGENTS)
      throw new UsageError(`This server has ${MAX_AGENTS} agents, which is its limit.`);
    const child = derived(parent.credentials[0], scope);
    const path = this.#dir === undefined ? undefined : join(this.#dir, `${name}.credential`);
    if (path !== undefined)
      writePrivate(
        path,
        `${child}\n`,
        "--dir has a file for an agent with this name already; choose another name.",
      );
    this.#named.set(name, this.#agent(name, [child]));
    return path;
  }

  /** Tells treasuries which answers have arrived, for all agents. Never fails. */
  async close(): Promise<void> {
    await Promise.all([this.#own, ...this.#named.values()].map(({ client }) => client.close()));
  }

  #agent(name: string | undefined, credentials: Agent["credentials"]): Agent {
    const client = new Client({
      credential: credentials,
      fetch: this.#fetch,
      onPayment: this.payments.recorder(name),
    });
    return { name, client, credentials, fetch: this.#fetch };
  }
}

/**
 * Also reaches the origins of these credentials, wherever they are: the user has named them, and
 * the model cannot.
 */
function withOwn(credentials: readonly Credential[], reach: typeof fetch): typeof fetch {
  const own = new Set(
    credentials
      .filter(({ location }) => URL.canParse(location))
      .map(({ location }) => new URL(location).origin),
  );
  return (input, init) => {
    const { origin } = new URL(input instanceof Request ? input.url : input);
    return own.has(origin) ? fetch(input, { ...init, redirect: "manual" }) : reach(input, init);
  };
}

function derived(parent: Credential, scope: Scope & { readonly agent: string }): Credential {
  try {
    return parent.delegate(scope);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`${withoutSecrets(error.message)}.`);
  }
}
