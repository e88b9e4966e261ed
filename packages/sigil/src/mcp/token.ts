/**
 * The bearer token of the HTTP server: from the environment, or from a file that only this user can
 * read.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, writeFileSync } from "node:fs";
import type { Arguments } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { readPrivate } from "../treasury/folder.ts";

const MIN_CHARACTERS = 32;

/** @throws UsageError where there is none: no port is opened without one */
export function bearerToken(given: Arguments<"token-file">, terminal: Terminal): string {
  const file = given.text("token-file");
  const token = file === undefined ? terminal.env.SIGIL_MCP_TOKEN?.trim() : inFile(file, terminal);
  if (!token)
    throw new UsageError(
      "--http needs a token that clients present: give --token-file FILE, which is made where it is not there, or set SIGIL_MCP_TOKEN.",
    );
  if (token.length < MIN_CHARACTERS || !/^[A-Za-z0-9._~+/=-]+$/.test(token))
    throw new UsageError(
      `The token must have ${MIN_CHARACTERS} characters or more, of letters, digits and ._~+/=-`,
    );
  return token;
}

function inFile(path: string, terminal: Terminal): string {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    try {
      writeFileSync(path, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
    } catch {
      throw new UsageError("The file of --token-file is not there and cannot be made.");
    }
    terminal.note(
      "sigil: made a token in the file of --token-file; clients send it as Authorization: Bearer …",
    );
  }
  return readPrivate(path, "The file of --token-file");
}
