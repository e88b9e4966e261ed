/**
 * A holder's request to revoke what descends from its credential: the same at a service and at a
 * treasury. spec/3-challenge.md §6.
 */

import { AdapterError } from "../errors.ts";
import type { Descent } from "../ports/descent.ts";
import { list, nodeId, object, optional, type TypeOf, text } from "./codec.ts";
import { message, writeRequest } from "./message.ts";
import { WELL_KNOWN_PATH } from "./paths.ts";

/** Of revocation requests (`POST`), and of the feed of revocations (`GET`). */
export const REVOCATIONS_PATH = `${WELL_KNOWN_PATH}/revocations`;

export const revocation = message({
  name: "revocation",
  method: "POST",
  path: REVOCATIONS_PATH,
  summary: "Revokes the node that these caveats, or blocks, open below the credential",
  audience: "agent",
  body: object({ caveats: optional(list(text, 64)), blocks: optional(list(text, 64)) }),
  answer: object({ node: nodeId }),
});

/** What a request asks to revoke. @throws AdapterError `ERR_REQUEST` for neither of two, or both */
export function descentIn({ caveats, blocks }: TypeOf<typeof revocation.body>): Descent {
  if (caveats !== undefined && blocks === undefined) return caveats;
  if (blocks !== undefined && caveats === undefined) return { blocks };
  throw new AdapterError(
    "ERR_REQUEST",
    'A revocation has either "caveats" or "blocks": what follows your own in the child.',
  );
}

/** Asks the authority at `base`, which verifies `ancestor`, to revoke what `descent` opens. */
export const revocationRequest = (
  base: string,
  ancestor: string,
  descent: Descent,
): readonly [url: string, init: RequestInit] =>
  writeRequest(revocation, base, ancestor, {
    body: "blocks" in descent ? descent : { caveats: descent },
  });
