/** `sigil mint`: a credential from a secret. */
import { randomBytes } from "node:crypto";
import { Authority } from "l8nt/l402";
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { SECRET_FLAGS, secretText } from "../input.ts";
import { fromScope, readScope, SCOPE_FLAGS } from "../scope-flags.ts";
import { minted } from "./minted.ts";

export const mint = command({
  name: "mint",
  summary: "a credential, from an authority's secret",
  usage: '--location URL --endpoint "GET URL" --budget "500 sat" --expires-in 1h [--agent NAME …]',
  help: `The secret comes from SIGIL_SECRET or --secret-file, never from an argument. There is no credential for everything:
one needs endpoints (or services), an end, and, where it can pay, a budget.`,
  flags: {
    location: { value: "URL", help: "where it is spent: the treasury, or the service" },
    kind: { value: "access|spending", help: "spending, where it is not given: then it needs a budget" },
    ...SCOPE_FLAGS,
    ...SECRET_FLAGS,
    "new-secret": { help: "print a fresh secret, and mint nothing" },
  },
  async run(given, terminal) {
    if (given.has("new-secret")) {
      const secret = randomBytes(32).toString("hex");
      terminal.answer(`${secret}\n`, { secret });
      return EXIT.ok;
    }
    const kind = given.text("kind") ?? "spending";
    if (kind !== "access" && kind !== "spending") throw new UsageError("--kind is access or spending.");
    const location = given.text("location");
    if (location === undefined)
      throw new UsageError(
        "A credential says where it is spent: --location URL (the treasury, or the service).",
      );
    const scope = readScope(given);
    const secret = await secretText(given, terminal);
    const credential = fromScope(() => new Authority({ secret, location, kind }).mint(scope));
    minted(credential, terminal);
    return EXIT.ok;
  },
});
