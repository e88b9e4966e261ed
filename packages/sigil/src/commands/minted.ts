/** Prints a new credential on stdout, for `sigil mint` and `sigil delegate`. */
import type { Credential } from "l8nt";
import type { Arguments, Flag } from "../arguments.ts";
import type { Terminal } from "../terminal.ts";

export const FORM_FLAGS = {
  "key-form": { help: "print it as an API key, sk-sigil-…, for SDKs that take nothing else" },
} as const satisfies Record<string, Flag>;

export function minted(
  credential: Credential,
  given: Arguments<keyof typeof FORM_FLAGS>,
  terminal: Terminal,
  beside: object = {},
): void {
  const { location, chain, caveats } = credential;
  const text = given.has("key-form") ? credential.toKey() : credential.toString();
  if (!terminal.json && terminal.stdout.isTTY)
    terminal.note("sigil: this is the credential itself; anyone who has the text can use it");
  terminal.answer(`${text}\n`, {
    credential: text,
    location,
    lineage: chain.lineage,
    caveats: caveats.map(({ condition, value }) => `${condition}=${value}`),
    ...(chain.validUntil !== undefined && { validUntil: chain.validUntil }),
    ...beside,
  });
}
