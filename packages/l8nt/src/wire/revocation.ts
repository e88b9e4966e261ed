/**
 * A holder's request to revoke what descends from its credential: the same at a service and at a
 * treasury. spec/3-challenge.md §6.
 */
import { list, nodeId, object, text } from "./codec.ts";
import { message, writeRequest } from "./message.ts";
import { WELL_KNOWN_PATH } from "./paths.ts";

/** Of revocation requests (`POST`), and of the feed of revocations (`GET`). */
export const REVOCATIONS_PATH = `${WELL_KNOWN_PATH}/revocations`;

export const revocation = message({
  name: "revocation",
  method: "POST",
  path: REVOCATIONS_PATH,
  summary: "Revokes the node that these caveats open below the credential",
  audience: "agent",
  body: object({ caveats: list(text) }),
  answer: object({ node: nodeId }),
});

/** Asks the authority at `base`, which minted `ancestor`, to revoke what `caveats` open. */
export const revocationRequest = (
  base: string,
  ancestor: string,
  caveats: readonly string[],
): readonly [url: string, init: RequestInit] =>
  writeRequest(revocation, base, ancestor, { body: { caveats } });
