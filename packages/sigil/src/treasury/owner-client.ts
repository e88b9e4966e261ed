/** The owner's client of a treasury, from a command's flags. */

import { socketFetch } from "l8nt/node";
import { OwnerClient } from "l8nt/owner";
import type { Arguments, Flag } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { existingFolder, readPrivate } from "./folder.ts";

export const OWNER_FLAGS = {
  dir: {
    value: "DIR",
    help: "the treasury's folder, which has its owner's credential (SIGIL_OWNER_CREDENTIAL otherwise)",
  },
  socket: { value: "PATH", help: "the treasury listens at this Unix socket" },
} as const satisfies Record<string, Flag>;

/** @throws UsageError without a credential; TokenError for one that cannot be read */
export function ownerClient(
  given: Arguments<keyof typeof OWNER_FLAGS>,
  { env }: Terminal,
): OwnerClient {
  const dir = given.text("dir");
  const credential =
    dir === undefined
      ? env.SIGIL_OWNER_CREDENTIAL
      : readPrivate(existingFolder(dir).ownerCredential, "The owner's credential");
  if (!credential)
    throw new UsageError(
      "Whose treasury? Give --dir DIR, or set SIGIL_OWNER_CREDENTIAL to the owner's credential.",
    );
  const socket = given.text("socket");
  return new OwnerClient({
    credential,
    ...(socket !== undefined && { fetch: socketFetch(socket) }),
  });
}
