/**
 * `sigil keys`: the keys of an issuer of credentials that need only a public key, and the key that
 * an agent's credentials are bound to.
 */
import type { Duration } from "l8nt";
import { KEYS_PATH, KeyRing, type RingKey } from "l8nt/biscuit";
import type { Arguments } from "../arguments.ts";
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { holderKeyAt } from "../keys/holder-file.ts";
import { changeKeys, KEYS_FLAG, keysPath, readKeys, writeNewKeys } from "../keys/ring-file.ts";
import { fromScope } from "../scope-flags.ts";
import type { Terminal } from "../terminal.ts";
import { wrongVerb } from "../wrong-verb.ts";

const FLAGS = {
  ...KEYS_FLAG,
  issuer: {
    value: "ORIGIN",
    help: "new: the origin that publishes the public keys: https, or on this machine",
  },
  "expires-in": {
    value: "90d",
    help: "new, rotate: when the key ends, and all that was minted under it (default: never)",
  },
  id: { value: "N", help: "retire: the key that is to verify nothing any more" },
} as const;

type Given = Arguments<keyof typeof FLAGS>;
type Verb = (path: string, given: Given, terminal: Terminal) => void;

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["new", makeNew],
  ["publish", publish],
  ["list", list],
  ["rotate", rotate],
  ["retire", retire],
  ["holder", holder],
]);

/** The flags that a verb takes beside `--keys`. */
const TAKES: Readonly<Record<string, readonly (keyof typeof FLAGS)[]>> = {
  new: ["issuer", "expires-in"],
  rotate: ["expires-in"],
  retire: ["id"],
};

export const keys = command<keyof typeof FLAGS>({
  name: "keys",
  summary: "keys of issuers, and keys that credentials are bound to",
  usage: `new --issuer ORIGIN --keys FILE [--expires-in 1y]
publish --keys FILE > biscuit-web-keys
list|rotate --keys FILE
retire --id N --keys FILE
holder --keys FILE`,
  help: `new makes a file with a private key, for \`sigil mint --form biscuit\`. publish prints the page of
the public keys, which the issuer serves at ${KEYS_PATH} as application/json.

rotate adds a key. Publish the page at once: the new key mints a day later, when every service knows
it. retire takes an old key off the page: publish it again, and the key verifies nothing.

holder prints the thumbprint of an agent's key, for \`sigil delegate --holder\`, and makes the file
if it is not there. The agent gets its content as SIGIL_HOLDER_KEY, and signs each request with it.`,
  flags: FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const [name] = given.positionals;
    const verb = VERBS.get(name ?? "");
    if (verb === undefined)
      throw wrongVerb(name, [...VERBS.keys()], `sigil keys ${[...VERBS.keys()].join("|")}`);
    for (const flag of ["issuer", "expires-in", "id"] as const)
      if (given.has(flag) && !TAKES[name!]?.includes(flag))
        throw new UsageError(`sigil keys ${name} takes no --${flag}.`);
    verb(keysPath(given), given, terminal);
    return EXIT.ok;
  },
});

function makeNew(path: string, given: Given, terminal: Terminal): void {
  const issuer = given.text("issuer");
  if (issuer === undefined)
    throw new UsageError("Missing --issuer ORIGIN: the origin that publishes the public keys.");
  const ring = fromScope(() => KeyRing.create({ issuer, ...endIn(given) }));
  writeNewKeys(path, ring);
  terminal.answer(
    `made key 0 of ${ring.issuer}; it mints at once\n${toPublish(ring)}`,
    ring.toJSON(),
  );
}

function publish(path: string, _given: Given, terminal: Terminal): void {
  const ring = readKeys(path);
  const page = ring.page();
  if (!terminal.json)
    terminal.note(`sigil: serve it at ${ring.issuer}${KEYS_PATH} as application/json`);
  terminal.answer(`${page}\n`, JSON.parse(page));
}

function list(path: string, _given: Given, terminal: Terminal): void {
  const ring = readKeys(path);
  const now = Date.now() / 1000;
  const minting = ring.mintingKey(now)?.id;
  const rows = ring.keys.map((key) => ({ ...key, state: stateOf(key, minting, now) }));
  const lines = rows.map(
    ({ id, publicKey, createdAt, expiresAt, state }) =>
      `key ${id}  ${state}\n  made ${day(createdAt)}, ${expiresAt === undefined ? "has no end" : `ends ${day(expiresAt)}`}\n  ${publicKey}\n`,
  );
  terminal.answer(`${ring.issuer}\n${lines.join("")}`, { issuer: ring.issuer, keys: rows });
}

function rotate(path: string, given: Given, terminal: Terminal): void {
  const ring = changeKeys(path, (keys) => keys.rotate(endIn(given)));
  const { id } = ring.keys.at(-1)!;
  terminal.answer(
    `made key ${id} of ${ring.issuer}; it mints a day from now\n${toPublish(ring)}`,
    ring.toJSON(),
  );
}

function retire(path: string, given: Given, terminal: Terminal): void {
  const id = given.text("id");
  if (id === undefined) throw new UsageError("Missing --id N: `sigil keys list` tells the ids.");
  if (!/^\d{1,10}$/.test(id)) throw new UsageError("--id must be the number of a key.");
  const ring = changeKeys(path, (keys) => keys.retire(Number(id)));
  terminal.answer(
    `${early(ring)}took key ${id} off; what it signed is refused where the new page is known\n${toPublish(ring)}`,
    ring.toJSON(),
  );
}

/** A ring that has only a new key mints with it at once. */
function early(ring: KeyRing): string {
  const now = Date.now() / 1000;
  const key = ring.mintingKey(now);
  if (key === undefined || key.createdAt + A_DAY <= now) return "";
  return `key ${key.id} mints at once: a service that keeps the page of before may refuse it until ${minute(key.createdAt + A_DAY)}\n`;
}

function holder(path: string, _given: Given, terminal: Terminal): void {
  const { key, isNew } = holderKeyAt(path);
  if (isNew && !terminal.json) terminal.note("sigil: made a key; keep it away from the credential");
  terminal.answer(`${key.thumbprint}\n`, { ...key.toJSON(), isNew });
}

const endIn = (given: Given): { readonly expiresIn?: Duration } => {
  const expiresIn = given.text("expires-in");
  // The library reads it, and says what is wrong with it.
  return expiresIn === undefined ? {} : { expiresIn: expiresIn as Duration };
};

const toPublish = ({ issuer }: KeyRing): string =>
  `publish the page that \`sigil keys publish\` prints, at\n  ${issuer}${KEYS_PATH}\n`;

/** How long a new key is published before it mints. */
const A_DAY = 86_400;

function stateOf(
  { id, createdAt, expiresAt }: RingKey,
  minting: number | undefined,
  now: number,
): string {
  if (expiresAt !== undefined && expiresAt <= now) return "ended";
  if (id === minting) return "mints";
  return id > (minting ?? id) ? `mints from ${minute(createdAt + A_DAY)}` : "verifies";
}

const minute = (seconds: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;

const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);
