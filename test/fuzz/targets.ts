/**
 * The seven parsers under fuzz: how an input is made for each, and what may come of it. Anything
 * else is a fault.
 */
import { bech32 } from "@scure/base";
import {
  matchesEndpoint,
  readEndpoint,
  readEndpoints,
} from "../../packages/l8nt/src/caveat/endpoint.ts";
import {
  readOrigin,
  readPath,
  targetAt,
  targetOfUrl,
} from "../../packages/l8nt/src/caveat/target.ts";
import { ChallengeError, DeniedError, TokenError } from "../../packages/l8nt/src/errors.ts";
import { Invoice } from "../../packages/l8nt/src/invoice/index.ts";
import { readAuthorization } from "../../packages/l8nt/src/l402/authorization.ts";
import { verify } from "../../packages/l8nt/src/l402/fixtures/verdict.ts";
import {
  Authority,
  authenticateFields,
  Challenge,
  Credential,
  macaroonOf,
} from "../../packages/l8nt/src/l402/index.ts";
import { Macaroon } from "../../packages/l8nt/src/macaroon/index.ts";
import bolt11 from "../../spec/vectors/bolt11.json" with { type: "json" };
import {
  credentialText,
  GOLDEN_TERMS,
  GOLDEN_TEXTS,
  LOCATION,
  NOW,
  PREIMAGE,
  packetOf,
  SECRET,
} from "./golden.ts";
import { holder } from "./holder.ts";
import { damage, damageBytes, pick } from "./mutate.ts";
import { codeOf, must, type Target } from "./outcomes.ts";
import { publicKey } from "./public-key.ts";

// ── credential

const authority = new Authority({
  secret: SECRET,
  location: LOCATION,
  kind: "spending",
  cacheSize: 64,
});
const packets = GOLDEN_TERMS.map((terms) => packetOf(terms));
/** All of a credential but its location, which nobody signs. */
const signedPart = (text: string): string => {
  const macaroon = macaroonOf(Credential.parse(text));
  return [macaroon.identifier, ...macaroon.caveats, macaroon.signature]
    .map((part) => Buffer.from(part).toString("hex"))
    .join();
};
const genuine = new Set(GOLDEN_TEXTS.map(signedPart));
const credentialWords = [
  "=",
  "==",
  "+",
  "-",
  "/",
  "_",
  ":",
  "AgE",
  " ",
  "\n",
  "\0",
  PREIMAGE,
  "0".repeat(64),
  "AAAA",
  "L402 ",
  ",",
];
const packetWords = [
  "\x02",
  "\x00",
  "\x01",
  "\x06\x20",
  "\x02\x42",
  "\x80",
  "\xff\x7f",
  "\x04\x48",
  "valid_until=",
  "agent=a.00000000",
  "endpoints=",
  "max_uses=1",
  "purpose=",
  "\xc3\xbc",
  "\xff",
];

const credential: Target = {
  input(random) {
    if (random(2) === 0)
      return damage(pick(random, GOLDEN_TEXTS), random, credentialWords, GOLDEN_TEXTS);
    const packet = damageBytes(pick(random, packets), random, packetWords, packets);
    return `${packet.toString(random(2) === 0 ? "base64" : "base64url")}:${PREIMAGE}`;
  },
  run: (text) =>
    codeOf([TokenError], () => {
      codeOf([TokenError], () => readAuthorization(`L402 ${text}`) ?? "none");
      const verdict = verify(authority, text, { now: NOW, target: "self" });
      if (!verdict.granted) {
        must(
          verdict.error instanceof TokenError || verdict.error instanceof DeniedError,
          "another kind of error",
        );
        must(!JSON.stringify(verdict.error).includes(PREIMAGE), "the error shows the preimage");
        if (verdict.verified === undefined) return verdict.error.code;
      }
      must(genuine.has(signedPart(text)), "a forgery verifies");
      const written = Credential.parse(text).toString();
      must(Credential.parse(written).toString() === written, "what is written is not read back");
      return verdict.granted ? "granted" : verdict.error.code;
    }),
  isSecret: (text) => verify(authority, text, { now: NOW, target: "self" }).verified !== undefined,
};

// ── macaroon field: the same in hex, with its preimage in a caveat

const carrying = GOLDEN_TERMS.map((terms) => ({
  ...terms,
  caveats: [...(terms.caveats ?? []), `preimage=${PREIMAGE}`],
}));
const carryingPackets = carrying.map((terms) => packetOf(terms));
const fields = carryingPackets.map((packet) => packet.toString("hex"));
const genuineFields = new Set(carrying.map((terms) => signedPart(credentialText(terms))));
const fieldWords = [
  "",
  "0",
  "00",
  ", ",
  ",",
  " ",
  "\t",
  "\n",
  "g",
  "é",
  "0x",
  PREIMAGE,
  "0201",
  "L402 ",
];

const proven = (field: string) => authenticateFields(authority.verifier, { macaroon: field });

const macaroonField: Target = {
  input(random) {
    if (random(2) === 0) return damage(pick(random, fields), random, fieldWords, fields);
    return damageBytes(
      pick(random, carryingPackets),
      random,
      packetWords,
      carryingPackets,
    ).toString("hex");
  },
  run: (field) =>
    codeOf([TokenError], () => {
      const verified = proven(field);
      if (verified === undefined) return "none";
      must(genuineFields.has(signedPart(verified.credential.toString())), "a forgery verifies");
      return "proven";
    }),
  isSecret: (field) =>
    codeOf([TokenError], () => (proven(field) === undefined ? "none" : "proven")) === "proven",
};

// ── challenge

const invoices = bolt11.valid.map(({ invoice }) => invoice);
const headers = packets.flatMap((packet, at) => {
  const [m, i] = [packet.toString("base64"), invoices[at]!];
  return [
    `L402 macaroon="${m}", invoice="${i}"`,
    `LSAT macaroon="${m}", invoice="${i}", L402 macaroon="${m}", invoice="${i}", version="0", token="${m}", caveats="endpoints valid_until"`,
    `Basic realm="a \\"b\\"", L402 token=${m} invoice=${i}, Negotiate YII==`,
  ];
});
const headerWords = [
  "L402 ",
  "LSAT ",
  "Basic ",
  "macaroon=",
  "token=",
  "invoice=",
  "version=",
  '"0"',
  "caveats=",
  '"',
  "\\",
  '\\"',
  ", ",
  ",",
  "=",
  " ",
  "\t",
  "\r\n",
  "\0",
  "é",
  "==",
  "lnbc1",
];

const challenge: Target = {
  input: (random) => damage(pick(random, headers), random, headerWords, headers),
  run: (header) =>
    codeOf([ChallengeError], () => {
      const read = Challenge.parse(header);
      let lines: readonly string[];
      try {
        lines = Challenge.format(read);
      } catch (error) {
        // A hostile invoice or list of conditions is read, and is not written further.
        must(error instanceof TypeError, "another kind of error");
        return "read, and not written";
      }
      must(
        lines.every((line) => /^[\x21-\x7e ]*$/.test(line)),
        "a line break is written",
      );
      const again = Challenge.parse(lines);
      // The conditions are left out last, and only where they would make the one line long.
      const names = ` caveats="${read.enforced?.join(" ")}",`;
      const isLong = lines.length === 1 && lines[0]!.length + names.length > 3072;
      const isSame =
        again.enforced?.join() === read.enforced?.join() ||
        (isLong && again.enforced === undefined);
      must(again.invoice === read.invoice && isSame, "written otherwise than read");
      must(
        Buffer.from(Macaroon.encode(again.macaroon)).equals(Macaroon.encode(read.macaroon)),
        "another macaroon is written",
      );
      return "read";
    }),
};

// ── invoice

const invoiceWords = [
  "lnbc",
  "lntb",
  "lnbcrt",
  "lnbcrt1",
  "1",
  "q",
  "p",
  "10m",
  "2500u",
  "9p",
  "pp5",
  "h",
  "d",
  "x",
  "9q",
  "\0",
  "İ",
  "L",
  " ",
];
const invoiceTexts = [...invoices, ...bolt11.invalid.map(({ invoice }) => invoice)];

/**
 * The text with a checksum that holds: without it hardly any damage would get past the first check.
 */
function rechecked(text: string): string {
  const at = text.lastIndexOf("1");
  const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  const words = [...text.slice(at + 1, -6)].map((char) => Math.max(0, alphabet.indexOf(char)));
  try {
    return bech32.encode(text.slice(0, at) || "lnbc", words, false);
  } catch {
    return text;
  }
}

const invoice: Target = {
  input(random) {
    const damaged = damage(pick(random, invoiceTexts), random, invoiceWords, invoiceTexts);
    return random(3) === 0 ? damaged : rechecked(damaged);
  },
  run: (text) =>
    codeOf([ChallengeError], () => {
      const read = Invoice.decode(text);
      must(/^[0-9a-f]{64}$/.test(read.paymentHash), "no payment hash");
      must(read.amountMsat === undefined || read.amountMsat >= 0n, "no amount");
      must(/^0[23][0-9a-f]{64}$/.test(read.payee), "no payee");
      return "read";
    }),
};

// ── endpoint: patterns and targets

const entries = [
  "GET https://api.example/search/*",
  "* https://*:*/**",
  "GET|POST http://[::1]:8080/a/*/b/**",
  "DELETE https://*.api.example:8443/%7Ea",
];
const paths = [
  "/",
  "/search/tokyo?x=1#y",
  "/a/b/c/d",
  "/~a/%E2%82%AC",
  "/allowed/%252e%252e/admin",
  "https://api.example/search/x",
];
const entryWords = [
  "GET ",
  "*",
  "**",
  "|",
  "https://",
  "http://",
  "[::1]",
  "*.",
  ":",
  ":443",
  ":*",
  "/",
  "/..",
  "/.",
  "%2e",
  "%2F",
  "%25",
  "%5c",
  "%00",
  "%c0%ae",
  ";",
  "..;",
  "?",
  "#",
  "@",
  "\\",
  "\n",
  " ",
  "é",
  "\uFF0E",
  "%",
];
const texts = [...entries, entries.join(";"), ...paths];
const origin = readOrigin(LOCATION)!;
const patterns = entries.map((entry) => readEndpoint(entry)!);

const endpoint: Target = {
  input: (random) => damage(pick(random, texts), random, entryWords, texts),
  run(text) {
    const seen: string[] = [];
    const pattern = readEndpoint(text);
    if (pattern !== undefined) {
      must(readEndpoint(pattern.text)?.text === pattern.text, "a canonical pattern is not one");
      seen.push("pattern");
    }
    if ((readEndpoints(text)?.length ?? 0) > 1) seen.push("list");
    const target = targetAt("GET", origin, text);
    if (target !== undefined) {
      must(readPath(target.path) === target.path, "a canonical path is not one");
      must(
        !/(?:^|\/)\.{1,2}(?:\/|$)|[\\\0-\x20\x7f-\uffff]/.test(target.path),
        "a path of two readings",
      );
      for (const each of patterns) matchesEndpoint(each, target);
      seen.push("target");
    }
    const url = URL.parse(text);
    if (url !== null && targetOfUrl("GET", url) !== undefined) seen.push("url");
    return seen.join(" + ") || "refused";
  },
};

export const targets: Readonly<Record<string, Target>> = {
  credential,
  "public-key": publicKey,
  "macaroon-field": macaroonField,
  challenge,
  invoice,
  endpoint,
  holder,
};
