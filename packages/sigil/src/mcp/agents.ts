/**
 * The agents that one process speaks for: its own credential, and those derived from it, each by
 * its name.
 */
import { join } from "node:path";
import { Client, type Credential, DEFAULT_LIMITS, openWallet, type Scope, TokenError } from "l8nt";
import { treasuryApi } from "l8nt/treasury";
import { UsageError } from "../exit.ts";
import { plainName, withoutSecrets } from "../secrecy.ts";
import { writePrivate } from "../treasury/folder.ts";
import { OwnPayments } from "./payments.ts";

export interface Agent {
  /** Undefined for the credential that the process was started with. */
  readonly name: string | undefined;
  readonly client: Client;
  readonly credentials: readonly [Credential, ...Credential[]];
  /** What its requests go through: also those to a treasury that is in this process. */
  readonly fetch: typeof fetch;
}

export interface AgentsOptions {
  readonly credentials: readonly Credential[];
  /** The URL of a wallet, for whoever has no credential. */
  readonly wallet: string | undefined;
  /**
   * A folder that only this user can enter: each derived credential is kept there as well, for
   * other processes.
   */
  readonly dir: string | undefined;
}

/** Where the treasury of a bare wallet is: in this process, and nowhere else. */
const WITHIN = "https://sigil-mcp.invalid";
/** A model that delegates in a loop is told to stop. */
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
   * @throws TokenError where there is neither a credential nor a wallet: a server without a scope
   * would fetch anything
   */
  static async open(options: AgentsOptions): Promise<Agents> {
    const [first, ...others] = options.credentials;
    if (first !== undefined)
      return new Agents([first, ...others], (input, init) => fetch(input, init), options);
    if (!options.wallet)
      throw new TokenError(
        "ERR_TOKEN_MISSING",
        "There is no credential. Set SIGIL_CREDENTIAL, or give --credential-file FILE; or set SIGIL_WALLET.",
      );
    if (options.dir !== undefined)
      throw new UsageError(
        "--dir needs a credential: what is derived from a bare wallet is spent in this process alone.",
      );
    const wallet = await openWallet(options.wallet);
    // A derived credential is spent at the same treasury, so that the whole family is counted
    // together.
    const { credential, treasury } = new Client({
      wallet,
      limits: DEFAULT_LIMITS,
      treasury: { location: WITHIN },
    });
    const api = treasuryApi(treasury);
    return new Agents(
      [credential],
      (input, init) => {
        const request = new Request(input, init);
        return new URL(request.url).origin === WITHIN ? api(request) : fetch(request);
      },
      options,
    );
  }

  /**
   * @throws UsageError for a name that nobody has: it never stands for the process's own credential
   */
  find(name: string | undefined): Agent {
    const found = name === undefined ? this.#own : this.#named.get(name);
    if (found !== undefined) return found;
    const known = [...this.#named.keys()];
    throw new UsageError(
      `There is no agent ${plainName(name!) ?? "of that name"} here. ${known.length === 0 ? "None was delegated to yet." : `There are: ${known.join(", ")}.`}`,
    );
  }

  /** Gives the path of its file, where files are kept. @throws UsageError */
  delegate(
    scope: Scope & { readonly agent: string },
    from: string | undefined,
  ): string | undefined {
    const { agent: name } = scope;
    const parent = this.find(from);
    if (this.#named.has(name))
      throw new UsageError("There is an agent of that name already; take another name.");
    if (this.#named.size >= MAX_AGENTS)
      throw new UsageError(`This process speaks for ${MAX_AGENTS} agents at most.`);
    const child = derived(parent.credentials[0], scope);
    const path = this.#dir === undefined ? undefined : join(this.#dir, `${name}.credential`);
    if (path !== undefined)
      writePrivate(
        path,
        `${child}\n`,
        "There is a file for an agent of that name already; take another name.",
      );
    this.#named.set(name, this.#agent(name, [child]));
    return path;
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

function derived(parent: Credential, scope: Scope & { readonly agent: string }): Credential {
  try {
    return parent.delegate(scope);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`${withoutSecrets(error.message)}.`);
  }
}
