/**
 * A credential as an agent framework may hold it: it fetches and narrows, and never shows what it
 * holds. docs/guides/agents.md.
 */
import { compileScope, type Scope, widenings } from "../caveat/index.ts";
import { HttpClient, type HttpClientOptions } from "../client/index.ts";
import { DeniedError, type Refusal } from "../errors.ts";
import { Client, type ClientOptions } from "../index.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { Credential } from "../l402/index.ts";
import { systemClock } from "../ports/clock.ts";
import type { NodeStanding } from "../ports/treasury.ts";
import { type AgentPolicies, type AgentPolicy, caveatName, readPolicies } from "./policy.ts";
import { runWith } from "./running.ts";

export interface HandleOptions extends ClientOptions {
  /** Who may be handed work, and what each is given. Whoever is not in it gets nothing. */
  readonly agents?: AgentPolicies;
}

/**
 * What a handle is made from inside: an agent's own client, its place, and what those below it
 * share with it.
 */
interface Place {
  readonly agent: string | undefined;
  readonly parent: SigilHandle | undefined;
  readonly client: HttpClient | undefined;
  readonly refusal: Refusal | undefined;
  readonly policies: ReadonlyMap<string, AgentPolicy>;
  readonly shared: Omit<HttpClientOptions, "credential">;
}

class Made {
  readonly place: Place;
  constructor(place: Place) {
    this.place = place;
  }
}

/**
 * @example
 * const sigil = new SigilHandle({ agents: { researcher: { budget: "100 sat", expiresIn: "15m" } } });
 * await sigil.forAgent("researcher").run(() => research(question)); // sigilFetch in it pays as the researcher
 */
export class SigilHandle {
  readonly #place: Place;
  readonly #children = new Map<string, SigilHandle>();
  #id: string | undefined;

  /**
   * The credential is `SIGIL_CREDENTIAL`'s where none is given, as with `Client`.
   *
   * @throws TypeError for options that could not work; TokenError for a credential that cannot be
   * read
   */
  constructor(options: HandleOptions | Made = {}) {
    if (options instanceof Made) {
      this.#place = options.place;
      return;
    }
    const { agents, ...rest } = options;
    const client = new Client(rest);
    const { fetch, clock, onPayment } = rest;
    this.#place = {
      agent: undefined,
      parent: undefined,
      client,
      refusal: undefined,
      policies: readPolicies(agents),
      shared: {
        ...(client.treasury !== undefined && { treasury: client.treasury }),
        ...(fetch !== undefined && { fetch }),
        ...(clock !== undefined && { clock }),
        ...(onPayment !== undefined && { onPayment }),
      },
    };
  }

  /** The name that work was handed to; undefined for the one at the top. */
  get agent(): string | undefined {
    return this.#place.agent;
  }

  /** Who handed the work on; undefined for the one at the top. */
  get parent(): SigilHandle | undefined {
    return this.#place.parent;
  }

  /** Tells handles apart in logs and traces; nothing can be derived from it. */
  get id(): string {
    const { client, agent, parent } = this.#place;
    this.#id ??= digest(
      client === undefined ? `nobody ${parent?.id} ${agent}` : this.credential.toString(),
    );
    return this.#id;
  }

  /**
   * The credential itself: for the environment of a process that is this agent. Never put it into
   * messages or state.
   *
   * @throws DeniedError for an agent that was given nothing; PaymentError where the handle was made
   * without one
   */
  get credential(): Credential {
    return this.#demandClient().credential;
  }

  /**
   * A drop-in for `fetch`, which opens doors and pays as this agent.
   *
   * @throws DeniedError `ERR_AGENT_UNKNOWN`, `ERR_SCOPE_WIDER` for an agent that was given nothing;
   * then as `Client.fetch`
   */
  readonly fetch: typeof fetch = async (input, init) => this.#demandClient().fetch(input, init);

  /** Runs something as this agent: `sigilFetch` inside it, over every `await`, is this handle's. */
  run<Result>(act: () => Result): Result {
    return runWith(this, act);
  }

  /**
   * The handle of an agent below this one, as the table has it: the same each time, so that what it
   * may spend is counted once. One that is not in the table, or is to have more than this one has,
   * gets a handle that is denied everything, and says why.
   */
  forAgent(name: string): SigilHandle {
    const known = this.#children.get(name);
    if (known !== undefined && !known.#isOver()) return known;
    const child = this.#child(name);
    this.#children.set(name, child);
    return child;
  }

  /**
   * Where work goes next: back to an agent that it came from, whose own handle it is again, or on
   * to one below.
   *
   * @param name as the framework calls it; undefined for the one at the top
   */
  handTo(name: string | undefined): SigilHandle {
    for (let at: SigilHandle | undefined = this; at !== undefined; at = at.parent)
      if (at.agent === name) return at;
    return name === undefined ? this : this.forAgent(name);
  }

  /**
   * A new agent below this one, which is in no table. A second one of the same name is another,
   * with a count of its own.
   *
   * @throws DeniedError `ERR_SCOPE_WIDER` for a scope that asks for more than this handle has
   * @throws TypeError for a scope that cannot be read
   */
  delegate(
    name: string,
    scope: Omit<Scope, "agent"> & { readonly agents?: AgentPolicies },
  ): SigilHandle {
    const child = this.#narrowed(name, scope);
    this.#children.set(name, child);
    return child;
  }

  /**
   * A handle below this one that is denied everything: for an agent whose place is not known.
   * @param why for the error's reader
   */
  nobody(name: string, why: string): SigilHandle {
    return this.#denied(name, {
      code: "ERR_AGENT_UNKNOWN",
      condition: "agent",
      have: why,
      need: "a hand-off that was seen",
    });
  }

  /**
   * What is left at this agent's node and at every node above it, the top first. @throws as
   * `Client.standing`
   */
  standing(): Promise<readonly NodeStanding[]> {
    return this.#demandClient().standing();
  }

  /** Whether it is this one, or came from it at whatever distance. */
  isWithin(other: SigilHandle): boolean {
    for (let at: SigilHandle | undefined = this; at !== undefined; at = at.parent)
      if (at === other) return true;
    return false;
  }

  /**
   * Kills this agent's credential and all below it; whoever handed it out lives on. @throws
   * TypeError for the one at the top
   */
  async revoke(): Promise<void> {
    const { parent } = this.#place;
    if (parent === undefined)
      throw new TypeError("the handle at the top is revoked by the treasury's owner");
    await parent.#demandClient().revoke(this.credential);
  }

  /** Frameworks write their state into traces and checkpoints: they get a name. */
  toJSON(): { readonly sigil: string; readonly agent?: string } {
    const { agent } = this.#place;
    return { sigil: this.id, ...(agent !== undefined && { agent }) };
  }

  toString(): string {
    return `sigil ${this.id}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }

  #demandClient(): HttpClient {
    const { client, refusal } = this.#place;
    if (client === undefined) throw new DeniedError([refusal!]);
    return client;
  }

  #child(name: string): SigilHandle {
    const { client, refusal, policies } = this.#place;
    if (client === undefined) return this.#denied(name, refusal!);
    const policy = policies.get(name);
    if (policy === undefined) return this.#denied(name, unknownAgent(name, policies));
    try {
      return this.#narrowed(name, policy);
    } catch (error) {
      if (!(error instanceof DeniedError)) throw error;
      return this.#denied(name, error.refusals[0]!);
    }
  }

  #narrowed(name: string, { agents, ...scope }: AgentPolicy): SigilHandle {
    const { shared } = this.#place;
    const own = this.credential;
    const now = (shared.clock ?? systemClock)();
    const agent = caveatName(name);
    const [first, ...others] = widenings(own.caveats, compileScope(scope, { now }));
    if (first !== undefined) throw new DeniedError([first, ...others]);
    const credential = own.delegate({ ...scope, agent }, { now });
    return new SigilHandle(
      new Made({
        agent: name,
        parent: this,
        client: new HttpClient({ ...shared, credential }),
        refusal: undefined,
        policies: readPolicies(agents),
        shared,
      }),
    );
  }

  #denied(name: string, refusal: Refusal): SigilHandle {
    const { shared, policies } = this.#place;
    return new SigilHandle(
      new Made({ agent: name, parent: this, client: undefined, refusal, policies, shared }),
    );
  }

  /**
   * Its time is past; the one that takes its place begins with a count of its own, and the family's
   * goes on.
   */
  #isOver(): boolean {
    const { client, shared } = this.#place;
    const end = client?.credential.chain.validUntil;
    return end !== undefined && (shared.clock ?? systemClock)() >= end;
  }
}

const digest = (text: string): string => hexText(sha256(utf8(`l8nt handle ${text}`))).slice(0, 16);

const unknownAgent = (name: string, policies: ReadonlyMap<string, AgentPolicy>): Refusal => ({
  code: "ERR_AGENT_UNKNOWN",
  condition: "agent",
  have:
    policies.size === 0
      ? "no agent that may be handed work"
      : `work for ${[...policies.keys()].join(", ")}`,
  need: `an entry for ${caveatName(name)}`,
});
