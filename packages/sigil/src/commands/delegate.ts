/** `sigil delegate`: a narrower credential, offline. */
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { CREDENTIAL_FLAGS, credentialText, oneCredential } from "../input.ts";
import { fromScope, readScope, SCOPE_FLAGS } from "../scope-flags.ts";
import { warningsAbout } from "../warnings.ts";
import { minted } from "./minted.ts";

export const delegate = command({
  name: "delegate",
  summary: "a narrower credential, derived offline from the one you have",
  usage: '--agent NAME [--endpoint "GET URL"] [--budget "50 sat"] [--expires-in 15m] …',
  help: `Reads SIGIL_CREDENTIAL, or what is piped in, and asks nobody. Everything that held before still holds; what you
give here holds as well. With --agent the new credential has a node of its own, which you can revoke.`,
  flags: { ...SCOPE_FLAGS, ...CREDENTIAL_FLAGS },
  async run(given, terminal) {
    const scope = readScope(given);
    if (Object.keys(scope).length === 0)
      throw new UsageError(
        "Narrower in what? Give at least one flag, such as --agent NAME or --budget.",
      );
    const credential = oneCredential(await credentialText(given, terminal, { pipe: true }));
    const child = fromScope(() => credential.attenuate(scope));
    const warnings = warningsAbout(credential, child, Date.now() / 1000);
    for (const warning of warnings) terminal.note(`sigil: ${warning}`);
    minted(child, terminal, warnings.length > 0 ? { warnings } : {});
    return EXIT.ok;
  },
});
