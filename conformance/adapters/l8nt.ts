/** `l8nt` behind the protocol of ../README.md: both forms. */
import { createInterface } from "node:readline";
import { parseAmount } from "../../packages/l8nt/src/amount.ts";
import {
  type Access,
  compileScope,
  countedPrice,
  readOrigin,
  targetAt,
  uncountedSpend,
  withUncounted,
} from "../../packages/l8nt/src/caveat/index.ts";
import { RevocationList, type Verified } from "../../packages/l8nt/src/credential/index.ts";
import { SigilError, TokenError } from "../../packages/l8nt/src/errors.ts";
import { bytesOf } from "../../packages/l8nt/src/internal/bytes.ts";
import { Challenge, Credential, HmacVerifier, Minter } from "../../packages/l8nt/src/l402/index.ts";
import { readPresented } from "../../packages/l8nt/src/l402/presented.ts";
import { claimUse } from "../../packages/l8nt/src/ledger/claim.ts";
import { Macaroon } from "../../packages/l8nt/src/macaroon/index.ts";
import { IssuerDirectory } from "../../packages/l8nt/src/public-key/directory.ts";
import {
  Minter as BiscuitMinter,
  BiscuitVerifier,
  seal,
} from "../../packages/l8nt/src/public-key/index.ts";
import { MemoryStore } from "../../packages/l8nt/src/stores/memory.ts";
import { feed, holder, issuers } from "./l8nt-http.ts";

interface Verifying {
  readonly kind: "service" | "treasury";
  readonly location: string;
  readonly ledger?: string | null;
  readonly service?: string;
  readonly tolerate?: readonly string[];
  readonly secrets?: readonly string[];
  readonly issuers?: readonly { issuer: string; keyId: number; publicKey: string }[];
}

interface Asked {
  readonly now: number;
  readonly own?: true;
  readonly method: string;
  readonly origin: string;
  readonly target: string;
  readonly price?: { unit: "msat" | "usd_micro"; value: string };
  readonly payee?: string;
  readonly service?: string;
  readonly capability?: string;
  readonly model?: string | null;
  readonly hash?: string;
  readonly holder?: string;
}

/** A command: the members that its kind has. */
// biome-ignore lint/suspicious/noExplicitAny: each command reads its own members.
type Command = Readonly<Record<string, any>>;

const bytes = (hex: string): Uint8Array => Buffer.from(hex, "hex");
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const refused = (code: string) => ({ ok: false, code });

function verifierOf(form: string, given: Verifying, revoked: readonly string[], now: number) {
  const revocations = new RevocationList({ clock: () => now });
  for (const id of revoked) revocations.revoke(id);
  const ledger = given.ledger ?? undefined;
  const common = { revocations, ledger, tolerate: given.tolerate ?? [] };
  if (form === "biscuit") {
    const issuers = (given.issuers ?? []).map((one) => ({ ...one, key: bytes(one.publicKey) }));
    const find = (issuer: string, keyId: number) => {
      const own = issuers.filter((one) => one.issuer === issuer);
      if (own.length === 0) throw new TokenError("ERR_TOKEN_ISSUER", "not trusted");
      const found = own.find((one) => one.keyId === keyId);
      if (found === undefined) throw new TokenError("ERR_TOKEN_KEY", "no such key");
      return found.key;
    };
    return new BiscuitVerifier({ ...common, keys: { find } });
  }
  const [secret, ...previousSecrets] = given.secrets!;
  const kind = given.kind === "treasury" ? "spending" : "access";
  return new HmacVerifier({ ...common, secret: secret!, previousSecrets, kind });
}

/** Undefined for a request that is refused. */
function accessOf(asked: Asked, { service }: Verifying): Access | undefined {
  const { now, own, method, origin, target, price, payee, capability, model, hash, holder } = asked;
  const at = readOrigin(origin ?? "https://none.example");
  const place = own ? "self" : at && targetAt(method, at, target);
  if (place === undefined) return undefined;
  return {
    now,
    target: place,
    payee,
    service,
    capability,
    model,
    holder,
    price: price && { unit: price.unit, value: BigInt(price.value) },
    ...(hash !== undefined && { pricedRequest: () => hash }),
  };
}

/** Judges one request, and counts it if it is allowed. The codes of what says no. */
async function judge(
  verified: Verified,
  access: Access,
  { kind }: Verifying,
  store: MemoryStore,
): Promise<readonly string[]> {
  const price = access.price ?? parseAmount("0 msat")!;
  const { pricedRequest } = access;
  const counted = countedPrice(verified.chain, price, pricedRequest ?? (() => undefined));
  const isTreasury = kind === "treasury";
  const isSelf = access.target === "self";
  const uncounted = isSelf
    ? undefined
    : uncountedSpend(verified.chain, counted, isTreasury ? "spending" : "access");
  const refusals = withUncounted(verified.judge(access), uncounted, counted);
  if (refusals.length > 0) return refusals.map(({ code }) => code);
  if (isSelf || verified.limits.length === 0) return [];
  try {
    const { limits } = verified;
    const claim = await claimUse(store, { by: "c", limits, amount: counted, at: access.now });
    await claim.commit(access.now);
    return [];
  } catch (error) {
    return [codeOf(error)];
  }
}

function codeOf(error: unknown): string {
  if (error instanceof SigilError) return error.code;
  throw error;
}

async function verify(command: Command) {
  const { form, verifier: given, request, before = [], revoked = [] } = command;
  if (command.rootKey !== undefined) {
    const { identifier, caveats, signature } = Macaroon.decode(bytes(command.macaroon));
    const start = Macaroon.mint({ rootKey: bytes(command.rootKey), identifier });
    const right = hex(Macaroon.attenuate(start, ...caveats).signature);
    return right === hex(signature) ? { ok: true } : refused("ERR_TOKEN_FORGED");
  }
  const verifier = verifierOf(form, given, revoked, request.now);
  const store = new MemoryStore();
  for (const { credential = command.credential, request: earlier, times } of before)
    for (let time = 0; time < times; time++)
      await judge(verifier.authenticate(credential), accessOf(earlier, given)!, given, store);
  const access = accessOf(request, given);
  if (access === undefined) return refused("ERR_REQUEST");
  const verified = verifier.authenticate(command.credential);
  const codes = await judge(verified, access, given, store);
  const nodes = verified.nodes.map(({ id }) => id);
  const limits = verified.limits.map(({ id }) => id);
  return codes.length === 0 ? { ok: true, nodes, limits } : { ...refused(codes[0]!), codes };
}

const COMMANDS: Readonly<Record<string, (command: Command) => unknown>> = {
  hello: () => ({
    name: "l8nt",
    version: "0.1.0",
    forms: ["macaroon", "biscuit"],
    features: [
      ...[
        "core",
        "strict",
        "inspect",
        "text",
        "credential",
        "requests",
        "places",
        "limits",
        "counted",
        "treasury",
      ],
      ...["tolerate", "revocation", "revoke", "scope", "mint", "attenuate", "seal", "profile"],
      ...["key page", "holder", "holder signatures", "feed", "challenge", "issuers", "fields"],
    ],
  }),
  mint: ({ form, rootKey, identifier, location, caveats, scope, now, verifier, ...issuing }) => {
    if (form === "biscuit") {
      const { issuer, keyId, privateKey } = issuing;
      const options = { issuer, keyId, privateKey: bytes(privateKey), location, clock: () => now };
      return { ok: true, credential: new BiscuitMinter(options).mint(scope).toString() };
    }
    if (rootKey !== undefined) {
      const start = Macaroon.mint({
        rootKey: bytes(rootKey),
        identifier: bytes(identifier),
        location,
      });
      const macaroon = Macaroon.attenuate(start, ...caveats.map(bytes));
      return { ok: true, macaroon: hex(Macaroon.encode(macaroon)) };
    }
    const { kind, secrets, location: place } = verifier;
    const credential = new Minter({
      secret: secrets[0],
      location: place,
      kind: kind === "treasury" ? "spending" : "access",
      clock: () => now,
    }).mint(scope);
    return { ok: true, credential: credential.toString() };
  },
  compile: ({ scope, now }) => ({ ok: true, caveats: compileScope(scope, { now }) }),
  attenuate: ({ macaroon, credential, caveats }) => {
    if (macaroon === undefined)
      return { ok: true, credential: Credential.parse(credential).append(caveats).toString() };
    const narrowed = Macaroon.attenuate(Macaroon.decode(bytes(macaroon)), ...caveats.map(bytes));
    return { ok: true, macaroon: hex(Macaroon.encode(narrowed)) };
  },
  seal: ({ credential }) => ({
    ok: true,
    credential: seal(Credential.parse(credential)).toString(),
  }),
  inspect: ({ macaroon, credential }) => {
    if (macaroon !== undefined) {
      const read = Macaroon.decode(bytes(macaroon));
      const caveats = read.caveats.map((one) => Buffer.from(one).toString());
      const { location } = read;
      return {
        ...{ ok: true, location, caveats },
        ...{ identifier: hex(read.identifier), signature: hex(read.signature) },
      };
    }
    const { location, paymentHash, body } = Credential.parse(credential);
    return { ok: true, location, paymentHash, caveats: body.caveats.map(textOf) };
  },
  verify,
  revoke: ({ form, credential, verifier: given, now, caveats, blocks }) => {
    const verified = verifierOf(form, given, [], now).authenticate(credential);
    const { nodeId } = verified.revokeBelow(blocks === undefined ? caveats : { blocks });
    return { ok: true, node: nodeId };
  },
  keys: async ({ issuer, keyId, now, page }) => {
    const directory = new IssuerDirectory({
      issuers: [issuer],
      fetch: async () => new Response(page, { headers: { "content-type": "application/json" } }),
      clock: () => now,
    });
    await directory.load(issuer, keyId);
    return { ok: true, publicKey: hex(directory.find(issuer, keyId)) };
  },
  feed: (command) => feed(command as never),
  holder: (command) => holder(command as never),
  issuers: (command) => issuers(command as never),
  challenge: ({ lines }) => ({
    ok: true,
    offers: Challenge.offers(lines).map(({ token, invoice, enforced }) => ({
      ...{ token: token.text, invoice },
      caveats: enforced ?? null,
    })),
  }),
  present: ({ authorization, macaroon }) => {
    const joined = (lines: readonly string[]) => (lines.length === 0 ? null : lines.join(", "));
    const text = readPresented({
      authorization: joined(authorization),
      macaroon: joined(macaroon),
    });
    return {
      ok: true,
      caveats: text === undefined ? null : Credential.parse(text).body.caveats.map(textOf),
    };
  },
};

const textOf = (caveat: Parameters<typeof bytesOf>[0]): string =>
  Buffer.from(bytesOf(caveat)).toString();

/** The answer to a command, without its id. */
export async function answer(command: Command): Promise<object> {
  const run = COMMANDS[command.do];
  if (run === undefined) return { unsupported: true };
  try {
    return (await run(command)) as object;
  } catch (error) {
    if (error instanceof SigilError) return refused(error.code);
    // What a person gave: a scope, an amount.
    if (error instanceof TypeError) return { ok: false, message: error.message };
    throw error;
  }
}

if (import.meta.main)
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line) as Command;
    process.stdout.write(`${JSON.stringify({ id: command.id, ...(await answer(command)) })}\n`);
  }
