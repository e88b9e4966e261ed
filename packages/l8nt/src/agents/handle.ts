/**
 * A credential in the form in which an agent framework may hold it: it fetches and hands work on,
 * and never shows the credential. docs/guides/agents.md.
 */
import { agentUnknown } from "../caveat/index.ts";
import { DeniedError } from "../errors.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { Credential } from "../l402/index.ts";
import type { NodeStanding } from "../ports/treasury.ts";
import { asyncContext } from "./async-context.ts";
import {
  clientAt,
  deniedPlace,
  type HandleOptions,
  isOver,
  lastingAt,
  type Place,
  placeBelow,
  placeByTable,
  revokeBelow,
  topPlace,
} from "./place.ts";
import { type AgentPolicy, readPolicy } from "./policy.ts";

/** The handle of the agent that runs now. */
export const handleContext = asyncContext<SigilHandle | undefined>();

/**
 * An agent's credential, as a framework may hold it. A handle serializes to a name, never to the
 * credential.
 *
 * @example
 * const sigil = SigilHandle.open({ agents: { researcher: { budget: "100 sat" } } });
 * // sigilFetch in `research` pays as the researcher.
 * await sigil.forAgent("researcher").run(() => research(question));
 */
export class SigilHandle {
  readonly #place: Place;
  readonly #parent: SigilHandle | undefined;
  readonly #children = new Map<string, SigilHandle>();
  #id: string | undefined;

  private constructor(place: Place, parent?: SigilHandle) {
    this.#place = place;
    this.#parent = parent;
  }

  /**
   * Opens the handle at the top of a family of agents.
   *
   * @param options as for `Client`, which takes the credential from `SIGIL_CREDENTIAL` if none is
   * given; and the table of agents
   * @throws TypeError for an unknown option, or an entry of the table that cannot be read
   * @throws TokenError for a credential that cannot be read
   */
  static open(options: HandleOptions = {}): SigilHandle {
    return new SigilHandle(topPlace(options));
  }

  /** Name of the agent, as the framework calls it; undefined at the top. */
  get agent(): string | undefined {
    return this.#place.agent;
  }

  /** Handle of the agent that handed work to this one; undefined at the top. */
  get parent(): SigilHandle | undefined {
    return this.#parent;
  }

  /**
   * Tells agents apart in logs and traces: 16 hex digits, from which nothing can be derived. The
   * same agent has the same id in every process.
   */
  get id(): string {
    const { client, agent } = this.#place;
    this.#id ??= digest(
      client === undefined
        ? `nobody ${this.#parent?.id} ${agent}`
        : lastingAt(this.#place).toString(),
    );
    return this.#id;
  }

  /**
   * The credential itself, for the environment of a process that is this agent. Never put it into
   * messages or state.
   *
   * @throws DeniedError for an agent that is denied everything
   * @throws PaymentError for a handle that was opened without a credential and without a wallet
   */
  get credential(): Credential {
    return clientAt(this.#place).credential;
  }

  /**
   * `fetch` that presents this agent's credential and pays within its limits.
   *
   * @throws DeniedError `ERR_AGENT_UNKNOWN` or `ERR_SCOPE_WIDER` for an agent that is denied
   * everything; otherwise as `Client.fetch`
   */
  readonly fetch: typeof fetch = async (input, init) => clientAt(this.#place).fetch(input, init);

  /** Calls `act` as this agent: `sigilFetch` inside it, across every await, is this handle's. */
  run<Result>(act: () => Result): Result {
    return handleContext.run(this, act);
  }

  /**
   * The handle of an agent below this one, by its entry in the table. It is the same agent each
   * time, in every process, so that what the agent spends is counted once. An agent without an
   * entry, or whose entry asks for more than this agent has, gets a handle that is denied
   * everything.
   */
  forAgent(name: string): SigilHandle {
    const known = this.#children.get(name);
    // After its time, a new handle replaces it: the same agent, with a new end.
    if (known !== undefined && !isOver(known.#place)) return known;
    const child = new SigilHandle(placeByTable(this.#place, name), this);
    this.#children.set(name, child);
    return child;
  }

  /**
   * The handle for a transfer of the conversation: that of an agent above, if work goes back to it,
   * and else the entry of an agent below.
   *
   * It goes up by the name alone, so call it with a name that your own code chose. For one that a
   * model chose, keep the handles of the agents that the run has seen, and call `forAgent` for any
   * other.
   *
   * @param name as the framework calls the agent; undefined for the one at the top
   */
  handTo(name: string | undefined): SigilHandle {
    for (let at: SigilHandle | undefined = this; at !== undefined; at = at.parent)
      if (at.agent === name) return at;
    return name === undefined ? this : this.forAgent(name);
  }

  /**
   * An agent below this one, with a scope that is in no table. One name with one scope is one
   * agent, with one count, in every process; another scope makes another agent. Times do not count.
   * It changes no entry: `forAgent(name)` stays what it is.
   *
   * @throws DeniedError `ERR_SCOPE_WIDER` for a scope that asks for more than this agent has
   * @throws TypeError for a scope that cannot be read
   */
  delegate(name: string, scope: AgentPolicy): SigilHandle {
    const entry = readPolicy(scope, `the scope of ${name}`);
    return new SigilHandle(placeBelow(this.#place, name, entry), this);
  }

  /**
   * A handle below this one that is denied everything, for an agent that was not handed what it
   * presents.
   *
   * @param why what the agent presents, for the error
   */
  nobody(name: string, why: string): SigilHandle {
    const refusal = agentUnknown(why, "a hand-off that Sigil has seen");
    return new SigilHandle(deniedPlace(this.#place, name, refusal), this);
  }

  /**
   * Throws if this agent is denied everything.
   *
   * @throws DeniedError `ERR_AGENT_UNKNOWN` or `ERR_SCOPE_WIDER`
   */
  assertAllowed(): void {
    clientAt(this.#place);
  }

  /**
   * What is left at this agent's node and at every node above it, the top first.
   *
   * @throws as `Client.standing`
   */
  standing(): Promise<readonly NodeStanding[]> {
    return clientAt(this.#place).standing();
  }

  /** Whether this handle is `other`, or below it at any distance. */
  isWithin(other: SigilHandle): boolean {
    for (let at: SigilHandle | undefined = this; at !== undefined; at = at.parent)
      if (at === other) return true;
    return false;
  }

  /**
   * Revokes this agent's credential and all below it. The agents above keep theirs.
   *
   * @throws TypeError for the handle at the top
   */
  async revoke(): Promise<void> {
    const parent = this.#parent;
    if (parent === undefined)
      throw new TypeError(
        "The handle at the top cannot revoke itself. Its treasury's owner can: sigil revoke NODE-ID.",
      );
    await revokeBelow(parent.#place, this.#place);
  }

  /**
   * A name in place of the credential: frameworks write their state into traces and checkpoints.
   */
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
}

/** The error of code that no agent runs. */
export const noHandle = (): DeniedError =>
  new DeniedError([
    agentUnknown(
      "no agent: this runs outside of handle.run",
      "to call it inside of handle.run, or in a tool that an adapter runs",
    ),
  ]);

const digest = (text: string): string => hexText(sha256(utf8(`sigil handle ${text}`))).slice(0, 16);
