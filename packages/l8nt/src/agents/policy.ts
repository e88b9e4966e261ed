/**
 * The owner's table of agents: who may be handed work, and what each is given.
 * docs/guides/agents.md.
 */
import {
  agentNameOf,
  agentUnknown,
  checkCaveats,
  compileScope,
  type Scope,
  treasuryVocabulary,
  widenings,
} from "../caveat/index.ts";
import { DeniedError, type Refusal } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import type { Credential } from "../l402/index.ts";

const VOCABULARY = treasuryVocabulary();
const NONCE_BYTES = 8;

/** What one agent is given when work is handed to it, and to whom it may hand work in turn. */
export interface AgentPolicy extends Omit<Scope, "agent"> {
  readonly agents?: AgentPolicies;
}

/** Keys are the names by which the framework knows its agents. */
export type AgentPolicies = Readonly<Record<string, AgentPolicy>>;

/** A table that was checked. A Map, so that inherited keys (`constructor`) are not entries. */
export type PolicyTable = ReadonlyMap<string, PolicyEntry>;

export interface PolicyEntry {
  readonly scope: Omit<Scope, "agent">;
  readonly agents: PolicyTable;
}

/**
 * @param what names the table in errors
 * @throws TypeError for a table or an entry that cannot be read, with the entry's name
 */
export function readPolicies(policies: AgentPolicies = {}, what = "agents"): PolicyTable {
  if (typeof policies !== "object" || policies === null || Array.isArray(policies))
    throw new TypeError(
      `${what} must be an object, such as { researcher: { budget: "100 sat", expiresIn: "15m" } }`,
    );
  return new Map(
    Object.entries(policies).map(([name, policy]) => [name, readPolicy(policy, `${what}.${name}`)]),
  );
}

/** @throws TypeError as `readPolicies` */
export function readPolicy(policy: AgentPolicy, what: string): PolicyEntry {
  const { agents, ...scope } = policy ?? {};
  if ("agent" in scope)
    throw new TypeError(`${what} has no "agent": the name of its entry is the agent's name`);
  try {
    checkCaveats(compileScope(scope, { now: 0 }), VOCABULARY);
  } catch (error) {
    throw new TypeError(`${what}: ${(error as Error).message}`, { cause: error });
  }
  // A copy: the caller's lists may change after they were checked.
  return { scope: structuredClone(scope), agents: readPolicies(agents, `${what}.agents`) };
}

/**
 * A credential whose times stand last, apart from the rest. The id of a node, and of a limit,
 * covers all caveats before it, so with the times last both are the same whenever a handle is made.
 */
export interface Held {
  /** Without the times. Never presented; delegations and revocations begin here. */
  readonly lasting: Credential;
  /** The caveats that end it, its ancestors' first. */
  readonly times: readonly string[];
  /** What the agent presents. */
  readonly credential: Credential;
}

/**
 * The credential of an agent below the one that holds `own`. Its node is the same in every process,
 * for one name and one scope without its times. docs/guides/agents.md.
 *
 * @throws DeniedError `ERR_SCOPE_WIDER` for a scope that asks for more than `own` has
 */
export function narrowed(own: Held, name: string, { scope }: PolicyEntry, now: number): Held {
  const [first, ...others] = widenings(own.credential.caveats, compileScope(scope, { now }));
  if (first !== undefined) throw new DeniedError([first, ...others]);
  const { expiresIn, expiresAt, validFrom, ...rest } = scope;
  const limits = compileScope(rest, { now });
  // The framework's name, because two of its names may be one name in a caveat.
  const derived = own.lasting.body.derive(JSON.stringify(["agent", name, ...limits]));
  const nonce = hexText(derived.subarray(0, NONCE_BYTES));
  const opened = compileScope({ ...rest, agent: agentNameOf(name) }, { now, nonce });
  const added = compileScope(
    {
      ...(expiresIn !== undefined && { expiresIn }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(validFrom !== undefined && { validFrom }),
    },
    { now },
  );
  checkCaveats([...opened, ...added], VOCABULARY);
  const lasting = own.lasting.append(opened);
  const times = [...own.times, ...added];
  return { lasting, times, credential: times.length === 0 ? lasting : lasting.append(times) };
}

/** The refusal for an agent without an entry. */
export const unknownAgent = (name: string, policies: PolicyTable): Refusal =>
  agentUnknown(
    policies.size === 0
      ? "no agent that may be handed work"
      : `work for ${[...policies.keys()].join(", ")}`,
    `an entry for ${agentNameOf(name)}`,
  );
