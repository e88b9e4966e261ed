/** `sigil delegate`: derives a narrower credential offline. */
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { CREDENTIAL_FLAGS, credentialText, oneCredential } from "../input.ts";
import { fromScope, readScope, SCOPE_FLAGS } from "../scope-flags.ts";
import { warningsAbout } from "../warnings.ts";
import { FORM_FLAGS, minted } from "./minted.ts";

export const delegate = command({
  name: "delegate",
  summary: "derive a narrower credential from the one you have, offline",
  usage: '--agent NAME [--endpoint "GET URL"] [--budget "50 sat"] [--expires-in 15m] …',
  help: `Reads the credential from SIGIL_CREDENTIAL or stdin and makes no request. The conditions of
that credential still apply to the new one, and the flags add more. With --agent, the new
credential opens a node of its own, which you can revoke.`,
  flags: { ...SCOPE_FLAGS, ...CREDENTIAL_FLAGS, ...FORM_FLAGS },
  async run(given, terminal) {
    const scope = readScope(given);
    if (Object.keys(scope).length === 0)
      throw new UsageError(
        "sigil delegate needs at least one flag that narrows, such as --agent NAME or --budget.",
      );
    const credential = oneCredential(await credentialText(given, terminal, { pipe: true }));
    const child = fromScope(() => credential.attenuate(scope));
    const warnings = warningsAbout(credential, child, Date.now() / 1000);
    for (const warning of warnings) terminal.note(`sigil: ${warning}`);
    minted(child, given, terminal, warnings.length > 0 ? { warnings } : {});
    return EXIT.ok;
  },
});
