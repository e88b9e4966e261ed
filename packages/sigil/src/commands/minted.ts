/** Prints a new credential on stdout, for `sigil mint` and `sigil delegate`. */
import type { Credential } from "l8nt";
import type { Terminal } from "../terminal.ts";

export function minted(credential: Credential, terminal: Terminal, beside: object = {}): void {
  const { location, chain, caveats } = credential;
  if (!terminal.json && terminal.stdout.isTTY)
    terminal.note("sigil: this is the credential itself; anyone who has the text can use it");
  terminal.answer(`${credential}\n`, {
    credential: credential.toString(),
    location,
    lineage: chain.lineage,
    caveats: caveats.map(({ condition, value }) => `${condition}=${value}`),
    ...(chain.validUntil !== undefined && { validUntil: chain.validUntil }),
    ...beside,
  });
}
