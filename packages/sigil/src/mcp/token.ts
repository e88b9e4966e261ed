/** The HTTP server's bearer token, from the environment or from a private file. */
import { randomBytes } from "node:crypto";
import { lstatSync, writeFileSync } from "node:fs";
import type { Arguments } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { readPrivate } from "../treasury/folder.ts";

const MIN_CHARACTERS = 32;

/** Reads the token. @throws UsageError without a token: no port is opened without one */
export function bearerToken(given: Arguments<"token-file">, terminal: Terminal): string {
  const file = given.text("token-file");
  const token = file === undefined ? terminal.env.SIGIL_MCP_TOKEN?.trim() : inFile(file, terminal);
  if (!token)
    throw new UsageError(
      "--http needs a bearer token. Give --token-file FILE (made if it does not exist), or set SIGIL_MCP_TOKEN.",
    );
  if (token.length < MIN_CHARACTERS || !/^[A-Za-z0-9._~+/=-]+$/.test(token))
    throw new UsageError(
      `The bearer token must have at least ${MIN_CHARACTERS} characters: letters, digits and ._~+/=-`,
    );
  return token;
}

function inFile(path: string, terminal: Terminal): string {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    try {
      writeFileSync(path, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
    } catch {
      throw new UsageError("The file of --token-file does not exist and cannot be made.");
    }
    terminal.note(
      "sigil: wrote a new token to the file of --token-file; clients send it as Authorization: Bearer …",
    );
  }
  return readPrivate(path, "The file of --token-file");
}
