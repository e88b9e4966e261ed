/** `sigil treasury init`: makes the folder with key, store, secrets and the first credentials. */
import { type Credential, DEFAULT_LIMITS, type Scope } from "l8nt";
import { boundsOf } from "l8nt/caveats";
import { parseMsat } from "l8nt/invoice";
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
import { fileWitness } from "./witness.ts";

/** How long the owner's credential is valid. */
const OWNER_SECONDS = "365d";

const ANYWHERE =
  "No --endpoint was given, so the agent may call every https URL. Only its budget\nand its end limit it. To narrow it, make the treasury again with --endpoint.";

/** Makes a treasury and returns the exit code. */
export async function init(given: Arguments, terminal: Terminal): Promise<number> {
  const location = checkedLocation(given.text("location") ?? DEFAULT_LOCATION);
  const scope = scopeOf(given);
  const isAnywhere = !boundsOf(readScope(given)).has("place");
  const folder = makeFolder(folderFlag(given));
  refuseExisting(folder);
  // First, so that a store that cannot be opened leaves no other files.
  const store = await openStore(folder, terminal);
  try {
    writePrivate(folder.config, configText(location));
    const key = keyFor(given, terminal, folder.key);
    const { root } = await makeSecrets(store, readKey(key));
    // This treasury only mints, so it needs no wallet and no network.
    const treasury = new Treasury({
      secret: root,
      location,
      store,
      witness: fileWitness(folder.mark),
      wallet: () => Promise.reject(new TypeError("a treasury cannot pay while it is being made")),
      fetch: () =>
        Promise.reject(new TypeError("a treasury cannot request while it is being made")),
    });
    const agent: Credential = fromScope(() => treasury.mint(scope));
    // The books say from now on when they were made: no earlier payment of the wallet is theirs.
    await treasury.start();
    await treasury.stop();
    writePrivate(folder.ownerCredential, `${treasury.owner.mint({ expiresIn: OWNER_SECONDS })}\n`);
    writePrivate(folder.agentCredential, `${agent}\n`);
    const { path, ownerCredential, agentCredential } = folder;
    terminal.answer(
      [
        `Made a treasury in ${path}:`,
        `  ${"config.json".padEnd(18)}its options`,
        `  ${"key".padEnd(18)}decrypts its secrets; keep a copy, apart from the books`,
        `  ${"treasury.db".padEnd(18)}its books`,
        `  ${"newest.json".padEnd(18)}how far its books have come, so that an old copy is noticed`,
        `  ${"owner.credential".padEnd(18)}for you: sees and stops everything; ends in 365 days`,
        `  ${"agent.credential".padEnd(18)}for your agent, which may use:`,
        ...wordsOf(agent).map((line) => `  ${" ".repeat(18)}${line}`),
        "",
        ...(isAnywhere ? [ANYWHERE, ""] : []),
        "Next, in two terminals. Add --allow-loopback to start, for services on this",
        "machine.",
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

/** The scope of the flags. What they leave out has the limits of a client with a bare wallet. */
function scopeOf(given: Arguments): Scope {
  const scope = readScope(given);
  const { endpoints, expiresIn, budget, budgetPerDay, maxPrice } = DEFAULT_LIMITS;
  const bounds = boundsOf(scope);
  return {
    ...(!bounds.has("place") && { endpoints }),
    ...(!bounds.has("time") && { expiresIn }),
    ...(!bounds.has("spend") && { budget, budgetPerDay }),
    ...scope,
    ...(!bounds.has("spend") && { maxPrice: withDefault(scope.maxPrice, maxPrice) }),
  } as Scope;
}

/** A cap in dollars caps nothing in bitcoin, so the default one stays beside it. */
function withDefault(given: Scope["maxPrice"], usual: Scope["maxPrice"]): Scope["maxPrice"] {
  const amounts = [given ?? []].flat();
  return amounts.some((text) => parseMsat(text) !== undefined)
    ? given
    : [...amounts, ...[usual ?? []].flat()];
}

const wordsOf = ({ caveats }: Credential): readonly string[] =>
  caveats.flatMap((caveat) => inWords(caveat, Date.now() / 1000));
