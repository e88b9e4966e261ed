/** `sigil gateway`: an API that knows only API keys, behind credentials with budgets. */
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { RECONCILE_FLAGS } from "../gateway/reconcile/flags.ts";
import { FLAGS } from "../gateway/start/flags.ts";
import { wrongVerb } from "../wrong-verb.ts";

/** What the owner does while the gateway runs. */
const OWNER_VERBS: readonly string[] = ["agents", "revoke", "freeze", "thaw", "topup", "alerts"];

export const gateway = command({
  name: "gateway",
  summary: "put credentials with budgets before an API that takes API keys",
  usage: [
    '--preset NAME … [--budget "5 usd/day"] [--model NAME …] [FLAGS]',
    "--config FILE",
    "check [METHOD PATH] (--preset NAME | --config FILE)",
    "schema",
    "decide --config FILE",
    "agents | revoke NODE | freeze [NODE] | thaw [NODE] | alerts",
    "topup NODE AMOUNT --until DATE",
    "prices diff|update --from PATH --date DATE --prices FILE",
    "reconcile FILE [--max-drift PERCENT]",
  ].join("\n"),
  help: `Serves the vendor's API until Ctrl-C or SIGTERM, with the vendor's key, which no agent sees. It
prints a base URL and one key, sk-sigil-…, which any SDK of the vendor takes as its API key. Hand out
weaker keys with \`sigil delegate --key-form\`; each is counted at every key above it.

Before a request is sent, the most that it can cost is reserved; what it came to is spent when its
answer has ended. A request that could cost more than is left gets a lower output limit
(Sigil-Output-Limited), or 402. Models without a price are denied.

--config reads a file in YAML, which also sets who may use which paths at what price; SIGHUP reads it
again without ending a request. check says what a configuration means, or what becomes of one request;
schema prints its JSON Schema.

decide answers nginx, Caddy, Traefik or Envoy, which ask it about each request that they serve. It
sees no answer, so no route of it is metered.

While it runs, its owner lists the agents that it has seen (agents), revokes one with all below it for
good, freezes one or all until a thaw, adds to the budgets of one until a date (topup: a budget of a day is
higher on each day until then, not once), and reads alerts as they come. Open streams end too. These use a socket in its folder, so give its --dir.

prices diff shows what other prices would change, from a @pydantic/genai-prices that you installed or
a file; prices update writes them to the file of --prices. Neither fetches anything.

reconcile compares the gateway's books with the usage or the costs that the vendor exports as CSV, by
day and model, and exits with 1 if one is further apart than --max-drift. What was spent: sigil spend.`,
  flags: { ...FLAGS, ...RECONCILE_FLAGS },
  positionals: 3,
  async run(given, terminal) {
    const [verb, ...rest] = given.positionals;
    if (verb === "prices") {
      const { prices } = await import("../gateway/prices/command.ts");
      return prices(rest[0], given, terminal);
    }
    if (verb === "reconcile") {
      const { reconcile } = await import("../gateway/reconcile/command.ts");
      return reconcile(rest[0], given, terminal);
    }
    if (verb === "schema" && rest.length === 0) {
      const { schemaText } = await import("../gateway/check/schema.ts");
      terminal.stdout.write(schemaText());
      return EXIT.ok;
    }
    if (verb === "decide") {
      const { deciding } = await import("../gateway/decide/command.ts");
      return deciding(rest, given, terminal);
    }
    for (const flag of ["until", "reason"] as const)
      if (given.has(flag) && !OWNER_VERBS.includes(verb ?? ""))
        throw new UsageError(`--${flag} is for sigil gateway topup, freeze and thaw.`);
    if (verb !== undefined && OWNER_VERBS.includes(verb)) {
      const { ownerVerb } = await import("../gateway/owner/command.ts");
      return ownerVerb(verb, rest, given, terminal);
    }
    if (verb !== undefined && verb !== "check")
      throw wrongVerb(
        verb,
        ["check", "decide", "prices", "reconcile", "schema", ...OWNER_VERBS],
        "sigil gateway check, schema, decide, prices diff|update, reconcile, or agents, revoke, freeze, thaw, topup, alerts",
      );
    for (const flag of ["from", "date"] as const)
      if (given.has(flag)) throw new UsageError(`--${flag} is for sigil gateway prices.`);
    for (const flag of Object.keys(RECONCILE_FLAGS) as (keyof typeof RECONCILE_FLAGS)[])
      if (given.has(flag)) throw new UsageError(`--${flag} is for sigil gateway reconcile.`);
    // Loaded here, because no other command needs a proxy.
    const { configOf } = await import("../gateway/start/given.ts");
    if (verb === "check") {
      const { check } = await import("../gateway/check/command.ts");
      return check(configOf(given), rest, terminal);
    }
    const { start } = await import("../gateway/start/start.ts");
    return start(() => configOf(given), terminal);
  },
});
