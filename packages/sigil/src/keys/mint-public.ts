/** `sigil mint --form biscuit`: a credential that anyone can verify with a public key. */
import type { Credential } from "l8nt";
import type { KeyRing } from "l8nt/biscuit";
import type { Arguments } from "../arguments.ts";
import { minted } from "../commands/minted.ts";
import { UsageError } from "../exit.ts";
import { fromScope, readScope } from "../scope-flags.ts";
import type { Terminal } from "../terminal.ts";
import { keysPath, readKeys } from "./ring-file.ts";

/** @throws UsageError */
export function mintPublic(given: Arguments, terminal: Terminal): void {
  if (given.has("secret-file") || given.has("kind"))
    throw new UsageError("--form biscuit takes --keys, and neither --secret-file nor --kind.");
  const scope = readScope(given);
  const location = given.text("location");
  const ring = readKeys(keysPath(given));
  const minter = fromScope(() => ring.minter(location === undefined ? {} : { location }));
  const credential = fromScope(() => minter.mint(scope));
  const isCounted = scope.ledger !== undefined;
  for (const warning of warningsOf(credential, ring, { keyId: minter.keyId, isCounted }))
    terminal.note(`sigil: ${warning}`);
  minted(credential, given, terminal, { issuer: minter.issuer, keyId: minter.keyId });
}

function warningsOf(
  { chain }: Credential,
  ring: KeyRing,
  { keyId, isCounted }: { readonly keyId: number; readonly isCounted: boolean },
): readonly string[] {
  const { validUntil } = chain;
  const ends = ring.keys.find(({ id }) => id === keyId)?.expiresAt;
  const counted = [...new Set(chain.limits.map(({ condition }) => condition))];
  return [
    ...(counted.length > 0 && !isCounted
      ? [
          `no service counts ${counted.join(", ")} unless --ledger names its location: it will refuse the credential`,
        ]
      : []),
    ...(ends !== undefined && validUntil !== undefined && ends < validUntil
      ? [`key ${keyId} ends at ${new Date(ends * 1000).toISOString()}, and the credential with it`]
      : []),
  ];
}
