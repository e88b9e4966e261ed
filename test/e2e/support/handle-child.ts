/**
 * An agent's program: opens a handle on SIGIL_CREDENTIAL, fetches a URL as the scout, and prints
 * the status or the code of the error.
 */
import { SigilHandle } from "l8nt/agents";

const { AGENTS = "{}", URL_TO_FETCH = "", NOW } = process.env;
const handle = SigilHandle.open({ agents: JSON.parse(AGENTS), clock: () => Number(NOW) });
try {
  console.log((await handle.forAgent("scout").fetch(URL_TO_FETCH)).status);
} catch (error) {
  console.log((error as { code?: string }).code ?? error);
}
