/**
 * `l8nt` behind the protocol of ../README.md, with commands that say more than a verdict: the
 * differential test of the Python package compares its own answers with these.
 */
import { createInterface } from "node:readline";
import { formatAmount, parseAmount, UNITS, writeAmount } from "../../packages/l8nt/src/amount.ts";
import {
  coversEndpoint,
  endpointAt,
  endpointsMeet,
  isOneEndpoint,
  matchesEndpoint,
  readEndpoint,
  readEndpoints,
} from "../../packages/l8nt/src/caveat/endpoint.ts";
import {
  type Access,
  boundsOf,
  CaveatChain,
  compileScope,
  countedPrice,
  handOverCaveats,
  readBase,
  readOrigin,
  serviceVocabulary,
  targetAt,
  targetOfUrl,
  treasuryVocabulary,
  uncountedSpend,
  widenings,
  withUncounted,
} from "../../packages/l8nt/src/caveat/index.ts";
import { formatDistance, formatInstant } from "../../packages/l8nt/src/caveat/instant.ts";
import { capsOfOtherUnits, mintedCaveats } from "../../packages/l8nt/src/caveat/minted-scope.ts";
import { caveatWords, limitWords } from "../../packages/l8nt/src/caveat/words.ts";
import { RevocationList } from "../../packages/l8nt/src/credential/index.ts";
import { explain, SigilError, TokenError } from "../../packages/l8nt/src/errors.ts";
import { binaryOf } from "../../packages/l8nt/src/internal/bytes.ts";
import { Credential, HmacVerifier } from "../../packages/l8nt/src/l402/index.ts";
import { BiscuitVerifier } from "../../packages/l8nt/src/public-key/index.ts";
import { answer as conformanceAnswer } from "./l8nt.ts";

/** A command: the members that its kind has. */
// biome-ignore lint/suspicious/noExplicitAny: each command reads its own members.
type Command = Readonly<Record<string, any>>;

const vocabularyOf = ({ kind, tolerate = [] }: Command) =>
  kind === "treasury" ? treasuryVocabulary() : serviceVocabulary(tolerate);

/** Ids that both sides make alike: the place alone is what is compared. */
const PLACES = { at: (count: number): string => `${count}`.padStart(32, "0") };

const chainOf = (command: Command) =>
  new CaveatChain({
    caveats: (command.caveats as string[]).map((hex) => binaryOf(Buffer.from(hex, "hex"))),
    vocabulary: vocabularyOf(command),
    paymentHash: command.paymentHash,
    ...(command.isVerified && { places: PLACES }),
  });

/** A member that is missing is not known; null says that there is none. */
function accessOf({ method, origin, target, own, price, hash, ...facts }: Command): Access | null {
  const place = own ? ("self" as const) : targetAt(method, readOrigin(origin)!, target);
  if (place === undefined) return null;
  return {
    ...(facts as { now: number }),
    target: place,
    price: price && { unit: price.unit, value: BigInt(price.value) },
    ...(hash !== undefined && { pricedRequest: () => hash as string }),
  };
}

function judge(command: Command) {
  const chain = chainOf(command);
  const access = accessOf(command.access);
  const facts = {
    texts: chain.texts.map(({ condition, value, isSecret }) => [condition, value, isSecret]),
    readable: chain.entries.map(({ condition, place }) => [condition.name, place.agentsAfter]),
    nodes: chain.nodes.map((node) => [
      node.agent ?? null,
      node.id ?? null,
      chain.validUntilOf(node) ?? null,
    ]),
    limits: chain.limits.map(
      ({ kind, id, max, unit, windowSeconds, expiresAt, condition, node }) => [
        ...[kind, id, `${max}`, unit ?? null, windowSeconds ?? null, expiresAt ?? null],
        ...[condition, node.agent ?? null],
      ],
    ),
    lineage: chain.lineage,
    validUntil: chain.validUntil ?? null,
    isSingleUse: chain.isSingleUse,
    isUsedUpByUse: chain.isUsedUpByUse,
    lastEnd: chain.lastEnd?.condition.name ?? null,
    words: chain.texts.flatMap(({ condition, value }) =>
      caveatWords({ condition, value }, command.access.now),
    ),
  };
  if (access === null) return { ...facts, refused: true };
  const price = access.price ?? { unit: "msat" as const, value: 0n };
  const counted = countedPrice(chain, price, access.pricedRequest ?? (() => undefined));
  const refusals = chain.refusals(access);
  const uncounted = uncountedSpend(
    chain,
    counted,
    command.kind === "treasury" ? "spending" : "access",
  );
  return {
    ...facts,
    refusals,
    explained: refusals.map(explain),
    certain: chain.certainRefusals(access),
    counted: writeAmount(counted),
    uncounted: withUncounted(refusals, uncounted, counted),
  };
}

function verifierOf({ form, secrets, issuers, kind, ledger, tolerate, revoked, now }: Command) {
  const revocations = new RevocationList({ clock: () => now });
  for (const id of revoked) revocations.revoke(id);
  const common = { revocations, tolerate, ledger: ledger ?? undefined };
  if (form === "biscuit") {
    const find = (issuer: string, keyId: number): Uint8Array => {
      const known = (issuers as Command[]).filter((one) => one.issuer === issuer);
      if (known.length === 0) throw new TokenError("ERR_TOKEN_ISSUER", "not trusted");
      const found = known.find((one) => one.keyId === keyId);
      if (found === undefined) throw new TokenError("ERR_TOKEN_KEY", "no such key");
      return Buffer.from(found.publicKey, "hex");
    };
    return new BiscuitVerifier({ ...common, keys: { find } });
  }
  const [secret, ...previousSecrets] = secrets;
  return new HmacVerifier({
    ...{ ...common, secret, previousSecrets },
    kind: kind === "treasury" ? "spending" : "access",
  });
}

/** What a verifier proves of a credential, and what it says of each request. */
function authenticate(command: Command) {
  const { credential, accesses } = command;
  const verified = verifierOf(command).authenticate(credential);
  return {
    nodes: verified.nodes.map(({ id, agent }) => [id, agent ?? null]),
    limits: verified.limits.map(({ id, max, condition }) => [id, `${max}`, condition]),
    texts: verified.caveats.map(({ condition, value }) => [condition, value]),
    verdicts: (accesses as Command[]).map((asked) => {
      const access = accessOf(asked);
      return access && verified.judge(access);
    }),
  };
}

/** What anybody reads from the text of a credential. */
function read({ credential: text, accesses }: Command) {
  const credential = Credential.parse(text);
  const { location, paymentHash, isPaid, chain } = credential;
  return {
    ...{ location, paymentHash, isPaid, text: credential.toString(), key: credential.toKey() },
    caveats: chain.texts.map(({ condition, value }) => [condition, value]),
    validUntil: chain.validUntil ?? null,
    verdicts: (accesses as Command[]).map((asked) => {
      const access = accessOf(asked);
      return access && credential.certainRefusals(access);
    }),
  };
}

/** A scope in JSON, whose dates are Unix seconds. */
function scopeOf(scope: Command): never {
  const dates = ["expiresAt", "validFrom"].filter((key) => typeof scope[key] === "number");
  return {
    ...scope,
    ...Object.fromEntries(dates.map((key) => [key, new Date(scope[key] * 1000)])),
  } as never;
}

const COMMANDS: Readonly<Record<string, (command: Command) => unknown>> = {
  "compile scope": ({ scope, now, nonce }) => ({
    caveats: compileScope(scopeOf(scope), { now, nonce }),
    bounds: [...boundsOf(scopeOf(scope))].sort(),
  }),
  "minted scope": ({ scope, now, terms, isSpending, kind }) => ({
    caveats: mintedCaveats(scopeOf(scope), terms, vocabularyOf({ kind }), now, isSpending),
    caps: capsOfOtherUnits(scopeOf(scope)),
  }),
  judge,
  authenticate,
  read,
  amount: ({ text }) => {
    const amount = parseAmount(text);
    return amount === undefined
      ? { amount: null }
      : {
          amount: [amount.unit, `${amount.value}`],
          shown: formatAmount(amount),
          written: writeAmount(amount),
        };
  },
  "shown amount": ({ unit, value }) => ({
    shown: formatAmount({ unit, value: BigInt(value) }),
    units: UNITS,
  }),
  endpoints: ({ one, other, method, origin, target, text }) => {
    const [a, b] = [readEndpoint(one), readEndpoint(other)];
    const at = readOrigin(origin);
    const request = at && targetAt(method, at, target);
    return {
      one: a?.text ?? null,
      other: b?.text ?? null,
      list: readEndpoints(text)?.map((pattern) => pattern.text) ?? null,
      target: request?.path ?? null,
      isOne: a ? isOneEndpoint(a) : null,
      matches: a && request ? matchesEndpoint(a, request) : null,
      at: (a && at && endpointAt(a, at)) ?? null,
      covers: a && b ? coversEndpoint(a, b) : null,
      meets: a && b ? endpointsMeet(a, b) : null,
    };
  },
  url: ({ method, url }) => {
    const origin = readOrigin(url);
    const read = URL.parse(url);
    const target = read === null ? undefined : targetOfUrl(method, read);
    return {
      origin: origin ? [origin.scheme, origin.host, origin.port] : null,
      base: readBase(url)?.text ?? null,
      target: target?.path ?? null,
      segments: target?.segments ?? null,
      /** What is sent, which the URL Standard may have corrected. */
      href: read?.href ?? null,
    };
  },
  widenings: (command) => ({
    refusals: widenings(chainOf(command).texts, command.wanted),
  }),
  "hand over": (command) => ({
    caveats:
      handOverCaveats(chainOf(command), {
        origin: readOrigin(command.origin)!,
        until: command.until,
        enforced: command.enforced ?? undefined,
        nonces: command.nonces,
      }) ?? null,
  }),
  words: ({ seconds, distance, name, max }) => ({
    instant: formatInstant(seconds),
    distance: formatDistance(distance),
    limit: limitWords(name, BigInt(max)),
  }),
};

async function answer(command: Command): Promise<object> {
  const run = COMMANDS[command.do];
  if (run === undefined) return conformanceAnswer(command);
  try {
    return run(command) as object;
  } catch (error) {
    if (error instanceof SigilError) return { code: error.code, message: error.message };
    if (error instanceof TypeError) return { refused: error.message };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  process.stdout.write(`${JSON.stringify({ id: command.id, ...(await answer(command)) })}\n`);
}
