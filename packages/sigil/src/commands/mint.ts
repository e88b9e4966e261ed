/** `sigil mint`: makes a credential from an authority's secret, or from an issuer's key. */
import { randomBytes } from "node:crypto";
import { type Bound, boundsOf } from "l8nt/caveats";
import { Minter } from "l8nt/l402";
import type { Arguments } from "../arguments.ts";
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { SECRET_FLAGS, secretText } from "../input.ts";
import { mintPublic } from "../keys/mint-public.ts";
import { KEYS_FLAG } from "../keys/ring-file.ts";
import { fromScope, readScope, SCOPE_FLAGS } from "../scope-flags.ts";
import type { Terminal } from "../terminal.ts";
import { FORM_FLAGS, minted } from "./minted.ts";

const FLAGS = {
  location: { value: "URL", help: "the treasury or service that accepts the credential" },
  kind: {
    value: "access|spending",
    help: "spending (default) needs a budget; access does not",
  },
  form: {
    value: "macaroon|biscuit",
    help: "biscuit: a credential that anyone can verify, from --keys (default: macaroon)",
  },
  ...KEYS_FLAG,
  ...SCOPE_FLAGS,
  ...SECRET_FLAGS,
  ...FORM_FLAGS,
  "new-secret": { help: "print a new secret, and mint nothing" },
} as const;

type Given = Arguments;

export const mint = command({
  name: "mint",
  summary: "make a credential from a secret, or from an issuer's key",
  usage: '--location URL --endpoint "GET URL" --budget "500 sat" --expires-in 1h [--agent NAME …]',
  help: `Reads the secret from SIGIL_SECRET or --secret-file. Every credential needs endpoints or services,
and an end. A credential that can pay needs a budget too.

With --form biscuit it is minted with a key of --keys, and verified with the public key alone by
every service that trusts the issuer. \`sigil keys\` makes and publishes keys.`,
  flags: FLAGS,
  async run(given: Given, terminal) {
    if (given.has("new-secret")) {
      if (
        Object.keys(FLAGS).some(
          (flag) => flag !== "new-secret" && given.has(flag as keyof typeof FLAGS),
        )
      )
        throw new UsageError("--new-secret mints nothing; give it without other flags.");
      const secret = randomBytes(32).toString("hex");
      terminal.answer(`${secret}\n`, { secret });
      return EXIT.ok;
    }
    const form = given.text("form") ?? "macaroon";
    if (form !== "macaroon" && form !== "biscuit")
      throw new UsageError("--form must be macaroon or biscuit.");
    if (form === "biscuit") {
      mintPublic(given, terminal);
      return EXIT.ok;
    }
    if (given.has("keys")) throw new UsageError("--keys is for --form biscuit.");
    const kind = given.text("kind") ?? "spending";
    if (kind !== "access" && kind !== "spending")
      throw new UsageError("--kind must be access or spending.");
    const scope = readScope(given);
    const missing = missingOf(given, boundsOf(scope), terminal, kind);
    if (missing.length > 1) throw new UsageError(`sigil mint needs ${missing.join("; ")}.`);
    const location = given.text("location");
    if (location === undefined)
      throw new UsageError(
        "Missing --location URL: the treasury or service that accepts the credential.",
      );
    const secret = await secretText(given, terminal);
    const credential = fromScope(() => new Minter({ secret, location, kind }).mint(scope));
    minted(credential, given, terminal);
    return EXIT.ok;
  },
});

/** Returns all that is missing, so that one message names it all. */
function missingOf(
  given: Given,
  bounds: ReadonlySet<Bound>,
  { env }: Terminal,
  kind: "access" | "spending",
): readonly string[] {
  const needs: readonly (readonly [isThere: boolean, what: string])[] = [
    [given.has("location"), "--location URL (the treasury or service)"],
    [bounds.has("place"), '--endpoint "GET https://…" (or --service NAME)'],
    [bounds.has("time"), "--expires-in 1h (or --expires-at DATE)"],
    [kind === "access" || bounds.has("spend"), '--budget "500 sat" (or --budget-per-day …)'],
    [given.has("secret-file") || Boolean(env.SIGIL_SECRET), "SIGIL_SECRET or --secret-file FILE"],
  ];
  return needs.filter(([isThere]) => !isThere).map(([, what]) => what);
}
