/** Makes the client of the owner's API from a command's flags. */
import { socketFetch } from "l8nt/node";
import { OwnerClient } from "l8nt/owner";
import type { Arguments, Flag } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { existingFolder, readPrivate } from "./folder.ts";

export const OWNER_FLAGS = {
  dir: {
    value: "DIR",
    help: "the treasury's folder, which has its owner's credential (default: SIGIL_OWNER_CREDENTIAL)",
  },
  socket: { value: "PATH", help: "the Unix socket on which the treasury listens" },
} as const satisfies Record<string, Flag>;

/** @throws UsageError without a credential; TokenError if it cannot be read */
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
      "Missing treasury. Give --dir DIR, or set SIGIL_OWNER_CREDENTIAL to the owner's credential.",
    );
  const socket = given.text("socket");
  return new OwnerClient({
    credential,
    ...(socket !== undefined && { fetch: socketFetch(socket) }),
  });
}
