/** The issuers that a service trusts, as its challenges list them. spec/9-public-key.md §6. */
import { readChallenges } from "../http/header.ts";

const MAX_ISSUERS = 16;
/** The lines of a challenge have 3,072 characters in all. */
const MAX_CHARACTERS = 1024;
/** As many characters of challenges are read as of those that are paid. */
const MAX_READ = 32_768;
/** What needs no escape in a quoted value, and is no part of the list. */
const ISSUER = /^https?:\/\/[!#-+\--.0-[\]-~]+$/;

/**
 * The value of the parameter `issuers`.
 *
 * @throws TypeError for too many, and for an origin that could break out of its quotes [case 9]
 */
export function writeIssuers(issuers: readonly string[]): string {
  if (issuers.length > MAX_ISSUERS)
    throw new TypeError(
      `\`trust\` names ${issuers.length} issuers; a challenge lists them, so at most ${MAX_ISSUERS} can be trusted`,
    );
  const wrong = issuers.find((issuer) => !ISSUER.test(issuer));
  if (wrong !== undefined)
    throw new TypeError(
      `the issuer ${JSON.stringify(wrong)} has a character that a challenge cannot list`,
    );
  const text = issuers.join(" ");
  if (text.length > MAX_CHARACTERS)
    throw new TypeError(
      `the issuers that \`trust\` names have ${text.length} characters; a challenge lists them, so at most ${MAX_CHARACTERS} are possible in all`,
    );
  return text;
}

/**
 * The issuers that the L402 items of a response say are trusted, with or without something to pay
 * in them; none for a service that does not say. Other items, and lists that cannot be read or are
 * too long, are skipped.
 *
 * @param lines each field line of `WWW-Authenticate`
 */
export function issuersIn(lines: readonly string[]): readonly string[] {
  if (lines.reduce((size, line) => size + line.length, 0) > MAX_READ) return [];
  const found = new Set<string>();
  for (const { scheme, parameters, isBroken } of lines.flatMap(readChallenges)) {
    if (scheme !== "l402" || isBroken) continue;
    const values = new Set(parameters.filter(([name]) => name === "issuers").map(([, v]) => v));
    const [value = "", ...others] = values;
    const listed = value.split(/ +/).filter((one) => one !== "");
    if (others.length > 0 || value.length > MAX_CHARACTERS || listed.length > MAX_ISSUERS) continue;
    for (const issuer of listed) if (ISSUER.test(issuer)) found.add(issuer);
  }
  return [...found];
}
