/** `sigil mint`: a credential from a secret. */
import { randomBytes } from "node:crypto";
import { type Bound, boundsOf } from "l8nt/caveats";
import { Minter } from "l8nt/l402";
import type { Arguments } from "../arguments.ts";
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { SECRET_FLAGS, secretText } from "../input.ts";
import { fromScope, readScope, SCOPE_FLAGS } from "../scope-flags.ts";
import type { Terminal } from "../terminal.ts";
import { minted } from "./minted.ts";

const FLAGS = {
  location: { value: "URL", help: "where it is spent: the treasury, or the service" },
  kind: {
    value: "access|spending",
    help: "spending if it is not given; a spending credential needs a budget",
  },
  ...SCOPE_FLAGS,
  ...SECRET_FLAGS,
  "new-secret": { help: "print a fresh secret, and mint nothing" },
} as const;

type Given = Arguments;

export const mint = command({
  name: "mint",
  summary: "a credential, from an authority's secret",
  usage: '--location URL --endpoint "GET URL" --budget "500 sat" --expires-in 1h [--agent NAME …]',
  help: `The secret comes from SIGIL_SECRET or --secret-file, never from an argument. There is no credential for everything:
it needs endpoints (or services), an end, and, if it can pay, a budget.`,
  flags: FLAGS,
  async run(given: Given, terminal) {
    if (given.has("new-secret")) {
      if (
        Object.keys(FLAGS).some(
          (flag) => flag !== "new-secret" && given.has(flag as keyof typeof FLAGS),
        )
      )
        throw new UsageError("--new-secret prints a secret and mints nothing: give it alone.");
      const secret = randomBytes(32).toString("hex");
      terminal.answer(`${secret}\n`, { secret });
      return EXIT.ok;
    }
    const kind = given.text("kind") ?? "spending";
    if (kind !== "access" && kind !== "spending")
      throw new UsageError("--kind is access or spending.");
    const scope = readScope(given);
    const missing = missingOf(given, boundsOf(scope), terminal, kind);
    if (missing.length > 1) throw new UsageError(`sigil mint needs ${missing.join("; ")}.`);
    const location = given.text("location");
    if (location === undefined)
      throw new UsageError(
        "A credential says where it is spent: --location URL (the treasury, or the service).",
      );
    const secret = await secretText(given, terminal);
    const credential = fromScope(() => new Minter({ secret, location, kind }).mint(scope));
    minted(credential, terminal);
    return EXIT.ok;
  },
});

/** Everything that is missing, so that one message is enough. */
function missingOf(
  given: Given,
  bounds: ReadonlySet<Bound>,
  { env }: Terminal,
  kind: "access" | "spending",
): readonly string[] {
  const needs: readonly (readonly [isThere: boolean, what: string])[] = [
    [given.has("location"), "--location URL (the treasury, or the service)"],
    [bounds.has("place"), '--endpoint "GET https://…" (or --service NAME)'],
    [bounds.has("time"), "--expires-in 1h (or --expires-at DATE)"],
    [kind === "access" || bounds.has("spend"), '--budget "500 sat" (or --budget-per-day …)'],
    [given.has("secret-file") || Boolean(env.SIGIL_SECRET), "SIGIL_SECRET or --secret-file FILE"],
  ];
  return needs.filter(([isThere]) => !isThere).map(([, what]) => what);
}
