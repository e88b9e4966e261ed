/** The handle of the agent that runs now, across awaits. docs/guides/agents.md. */
import { handleContext, noHandle, type SigilHandle } from "./handle.ts";

/** The handle of the agent that runs now; undefined outside of `handle.run`. */
export const currentHandle = (): SigilHandle | undefined => handleContext.get();

/**
 * `fetch` as the agent that runs now: inside a tool it pays with that agent's credential only.
 *
 * @throws DeniedError `ERR_AGENT_UNKNOWN` outside of `handle.run` and of tools that an adapter
 * runs; otherwise as `Client.fetch`
 */
export const sigilFetch: typeof fetch = async (input, init) => {
  const handle = currentHandle();
  if (handle === undefined) throw noHandle();
  return handle.fetch(input, init);
};
