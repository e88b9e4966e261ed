/** Makes the client of the owner's API from a command's flags. */
import { socketFetch } from "l8nt/node";
import { OwnerClient } from "l8nt/owner";
import type { Arguments, Flag } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { existingFolder, hasOwnerSocket, readPrivate } from "./folder.ts";

export const OWNER_FLAGS = {
  dir: {
    value: "DIR",
    help: "the treasury's folder, which has its owner's credential (default: SIGIL_OWNER_CREDENTIAL)",
  },
  socket: {
    value: "PATH",
    help: "the Unix socket on which the treasury listens (default: owner.sock in --dir, then its URL)",
  },
} as const satisfies Record<string, Flag>;

/** @throws UsageError without a credential; TokenError if it cannot be read */
export function ownerClient(
  given: Arguments<keyof typeof OWNER_FLAGS>,
  { env }: Terminal,
): OwnerClient {
  const dir = given.text("dir");
  const folder = dir === undefined ? undefined : existingFolder(dir);
  const credential =
    folder === undefined
      ? env.SIGIL_OWNER_CREDENTIAL
      : readPrivate(folder.ownerCredential, "The owner's credential");
  if (!credential)
    throw new UsageError(
      "Missing treasury. Give --dir DIR, or set SIGIL_OWNER_CREDENTIAL to the owner's credential.",
    );
  const socket = given.text("socket");
  if (socket !== undefined) return new OwnerClient({ credential, fetch: socketFetch(socket) });
  if (folder === undefined || !hasOwnerSocket(folder)) return new OwnerClient({ credential });
  return new OwnerClient({ credential, fetch: firstOver(socketFetch(folder.ownerSocket)) });
}

/** The socket of a treasury that died is still there, and the treasury may run elsewhere. */
const firstOver =
  (overSocket: typeof fetch): typeof fetch =>
  async (input, init) => {
    try {
      return await overSocket(input, init);
    } catch (error) {
      const { syscall } = Object(error) as { readonly syscall?: unknown };
      if (syscall !== "connect") throw error;
      return fetch(input, init);
    }
  };
