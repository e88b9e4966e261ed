/** Which handle the code that runs now belongs to, over every `await`. */
import { DeniedError } from "../errors.ts";
import type { SigilHandle } from "./handle.ts";
import { running } from "./running.ts";

/** The handle of whoever runs now; undefined outside of `handle.run`. */
export const currentHandle = (): SigilHandle | undefined => running() as SigilHandle | undefined;

/**
 * The handle of whoever runs now, for what cannot do without.
 *
 * @throws DeniedError `ERR_AGENT_UNKNOWN` outside of `handle.run` and of an adapter's tools
 */
export function demandHandle(): SigilHandle {
  const handle = currentHandle();
  if (handle === undefined)
    throw new DeniedError([
      {
        code: "ERR_AGENT_UNKNOWN",
        condition: "agent",
        have: "no agent: this runs outside of handle.run",
        need: "to run inside of it, or of a tool that an adapter has wrapped",
      },
    ]);
  return handle;
}

/**
 * `fetch` as the agent that runs now: inside a tool it pays by that agent's own credential, and by
 * no other.
 *
 * @throws DeniedError `ERR_AGENT_UNKNOWN` outside of `handle.run` and of an adapter's tools; then
 * as `Client.fetch`
 */
export const sigilFetch: typeof fetch = async (input, init) => demandHandle().fetch(input, init);
