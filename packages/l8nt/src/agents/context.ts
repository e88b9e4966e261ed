/** The member of a framework's run context that carries a handle. docs/guides/agents.md. */
import { SigilHandle } from "./handle.ts";

/** Goes into the context of a run, beside any other members. */
export interface SigilContext {
  readonly sigil: SigilHandle;
}

/** The members that a framework's run context needs: `{ ...yours, ...sigilContext(handle) }`. */
export const sigilContext = (handle: SigilHandle): SigilContext => ({ sigil: handle });

/**
 * The handle in a context; undefined if there is none. Serialization turns a handle into its name,
 * which grants nothing.
 */
export function handleIn(context: unknown): SigilHandle | undefined {
  const { sigil } = (context ?? {}) as { readonly sigil?: unknown };
  return sigil instanceof SigilHandle ? sigil : undefined;
}
