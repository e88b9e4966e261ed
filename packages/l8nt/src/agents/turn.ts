/**
 * The one rule that decides which handle a call of a tool or of an agent runs as.
 * docs/guides/agents.md.
 */
import type { SigilHandle } from "./handle.ts";

export interface Turn {
  /** What the call was given: a handle in its configuration, in the context of its run, or both. */
  readonly given?: SigilHandle | undefined | readonly (SigilHandle | undefined)[];
  /** Handle of the agent that runs now; undefined outside of any. */
  readonly around: SigilHandle | undefined;
  /** Name of the agent that the call starts; left out if the call is a tool's. */
  readonly name?: string | undefined;
}

/**
 * The innermost handle of what was given and what runs now. If two of them are unrelated, the
 * result is a handle that is denied everything: an agent never spends what was handed to a sibling.
 * A call that starts an agent, and was given nothing below the running agent, gets the running
 * agent's entry for `name`.
 *
 * @returns undefined only if nothing was given and nothing runs
 */
export function turn({ given, around, name }: Turn): SigilHandle | undefined {
  const handles = [around, given].flat().filter((handle) => handle !== undefined);
  const [first] = handles;
  if (first === undefined) return undefined;
  const innermost = handles.find((handle) => handles.every((other) => handle.isWithin(other)));
  if (innermost === undefined)
    return first.nobody(name ?? "agent", "a handle that the running agent was not handed");
  // Frameworks pass a caller's context on to the agent it starts. That agent gets its own entry,
  // never its caller's handle.
  if (innermost === around && name !== undefined) return around.forAgent(name);
  return innermost;
}
