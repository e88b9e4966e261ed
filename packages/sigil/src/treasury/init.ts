/**
 * `sigil treasury init`: a folder with a key, a store with the secrets in it, and the first two
 * credentials.
 */
import { type Credential, DEFAULT_LIMITS, type Scope } from "l8nt";
import { boundsOf } from "l8nt/caveats";
import { Treasury } from "l8nt/treasury";
import type { Arguments } from "../arguments.ts";
import { EXIT } from "../exit.ts";
import { fromScope, readScope } from "../scope-flags.ts";
import type { Terminal } from "../terminal.ts";
import { inWords } from "../words.ts";
import { checkedLocation, configText, DEFAULT_LOCATION } from "./config.ts";
import { makeFolder, readPrivate, refuseExisting, writePrivate } from "./folder.ts";
import { makeSecrets, newKey, readKey } from "./secrets.ts";
import { folderFlag } from "./start.ts";
import { openStore } from "./store.ts";

/** A year of looking after it. */
const OWNER_SECONDS = "365d";

export async function init(given: Arguments, terminal: Terminal): Promise<number> {
  const location = checkedLocation(given.text("location") ?? DEFAULT_LOCATION);
  const scope = scopeOf(given);
  const folder = makeFolder(folderFlag(given));
  refuseExisting(folder);
  // First, so that a store that cannot be opened leaves nothing behind.
  const store = await openStore(folder, terminal);
  try {
    writePrivate(folder.config, configText(location));
    const key = keyFor(given, terminal, folder.key);
    const { root } = await makeSecrets(store, readKey(key));
    // Nothing is asked of it here, so it needs neither a wallet nor a network.
    const treasury = new Treasury({
      secret: root,
      location,
      store,
      wallet: () =>
        Promise.reject(new TypeError("no payment is made while a treasury is being made")),
      fetch: () =>
        Promise.reject(new TypeError("no request is made while a treasury is being made")),
    });
    const agent: Credential = fromScope(() => treasury.mint(scope));
    writePrivate(folder.ownerCredential, `${treasury.owner.mint({ expiresIn: OWNER_SECONDS })}\n`);
    writePrivate(folder.agentCredential, `${agent}\n`);
    const { path, ownerCredential, agentCredential } = folder;
    terminal.answer(
      [
        `A treasury in ${path}:`,
        `  ${"config.json".padEnd(18)}what it is told about itself`,
        `  ${"key".padEnd(18)}unwraps its secrets: keep a copy elsewhere, and none beside the database`,
        `  ${"treasury.db".padEnd(18)}its books`,
        `  ${"owner.credential".padEnd(18)}sees and stops everything; ends in 365 days`,
        `  ${"agent.credential".padEnd(18)}for your agent: ${describe(agent)}`,
        "",
        "Next, in two terminals (to buy from services on this machine, start it with --allow-loopback):",
        `  SIGIL_WALLET=… sigil treasury start --dir ${path}`,
        `  SIGIL_CREDENTIAL=$(cat ${agentCredential}) sigil get https://…`,
        "",
      ].join("\n"),
      { dir: path, location, config: folder.config, ownerCredential, agentCredential },
    );
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

function keyFor(given: Arguments<"key-file">, { env }: Terminal, path: string): string {
  const file = given.text("key-file");
  if (file !== undefined) return readPrivate(file, "The key file");
  if (env.SIGIL_TREASURY_KEY) return env.SIGIL_TREASURY_KEY;
  const key = newKey();
  writePrivate(path, `${key}\n`);
  return key;
}

/** What is not said is what a bare wallet may do: some money, for a while, anywhere. */
function scopeOf(given: Arguments): Scope {
  const scope = readScope(given);
  const { endpoints, expiresIn, budget, budgetPerDay, maxPrice } = DEFAULT_LIMITS;
  const bounds = boundsOf(scope);
  return {
    ...(!bounds.has("place") && { endpoints }),
    ...(!bounds.has("time") && { expiresIn }),
    ...(!bounds.has("spend") && { budget, budgetPerDay, maxPrice }),
    ...scope,
  } as Scope;
}

const describe = ({ caveats }: Credential): string =>
  caveats.flatMap((caveat) => inWords(caveat, Date.now() / 1000)).join(", ");
