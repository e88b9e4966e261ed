/**
 * Verification and attenuation of a credential with three caveats, compared with other libraries.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { TransformOptions } from "node:stream";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { type JWTPayload, jwtVerify, SignJWT } from "jose";
import { Authority, Credential, macaroonOf, targetOfUrl } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import npmMacaroon from "macaroon";
import { atLeast, type Figure, plain } from "./figure.ts";
import { microseconds } from "./rounds.ts";

const COUNT = 2000;
const LOCATION = "https://api.example";

/** Every text is used once, and is a string of its own, as one read off a socket is. */
const fresh = (text: string): string => Buffer.from(text).toString();

const LATIN1 = { encoding: "latin1" } as unknown as TransformOptions;

function repeat(count: number, work: () => unknown): void {
  for (let at = 0; at < count; at++) work();
}

export async function verify(): Promise<Figure[]> {
  const secret = randomBytes(32);
  const minting = new Authority({ secret, location: LOCATION });
  const mint = () =>
    minting.minter
      .mint({ endpoints: [`GET ${LOCATION}/search/*`], expiresIn: "1h", maxPrice: "50 sat" })
      .toString();
  const texts = Array.from({ length: COUNT }, mint);
  const access = {
    now: Date.now() / 1000,
    target: targetOfUrl("GET", new URL(`${LOCATION}/search/tokyo`))!,
    price: { unit: "msat", value: 5000n } as const,
  };
  const warm = new Authority({ secret, location: LOCATION, cacheSize: COUNT });
  const verifyAll = (authority: Authority, presented: readonly string[]) => {
    for (const text of presented) authority.verifier.authenticate(text).demand(access);
  };
  verifyAll(warm, texts);

  // A sub-agent's: its parent was seen here before, itself never.
  const parents = texts.map((text) => Credential.parse(text));
  const children = parents.map((parent) =>
    parent.delegate({ agent: "booker", maxPrice: "5 sat" }).toString(),
  );

  const signed = await new SignJWT({ scope: "search", max_price: 50 } satisfies JWTPayload)
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(LOCATION)
    .setExpirationTime("1h")
    .sign(secret);
  const jwts = Array.from({ length: COUNT }, () => fresh(signed));
  const imported = await crypto.subtle.importKey(
    "raw",
    secret,
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );

  const rootKey = randomBytes(32);
  const other = npmMacaroon.newMacaroon({
    identifier: randomBytes(66),
    location: LOCATION,
    rootKey,
    version: 2,
  });
  for (const caveat of macaroonOf(Credential.parse(texts[0]!)).caveats)
    other.addFirstPartyCaveat(caveat);
  const child = macaroonOf(Credential.parse(texts[0]!));
  const caveat = "valid_until=1795504114";
  const bytes = Buffer.from(caveat);
  const key = secret.toString("latin1");

  const times = await microseconds({
    cold: [
      COUNT,
      // A new authority each round: nothing it has seen before.
      () => verifyAll(new Authority({ secret, location: LOCATION }), texts.map(fresh)),
    ],
    child: [
      COUNT,
      () => {
        const authority = new Authority({ secret, location: LOCATION });
        for (const text of texts) authority.verifier.authenticate(text);
        const start = performance.now();
        verifyAll(authority, children.map(fresh));
        return performance.now() - start;
      },
    ],
    warm: [COUNT, () => verifyAll(warm, texts.map(fresh))],
    jose: [
      COUNT / 2,
      async (count) => {
        for (let at = 0; at < count; at++) await jwtVerify(jwts[at]!, secret, { issuer: LOCATION });
      },
    ],
    joseImported: [
      COUNT / 2,
      async (count) => {
        for (let at = 0; at < count; at++)
          await jwtVerify(jwts[at]!, imported, { issuer: LOCATION });
      },
    ],
    npmVerify: [COUNT, (count) => repeat(count, () => other.verify(rootKey, () => null))],
    attenuate: [COUNT, (count) => repeat(count, () => Macaroon.attenuate(child, caveat))],
    // What a link of the chain costs at its least, by each way there is.
    latin1: [
      COUNT,
      (count) =>
        repeat(count, () => createHmac("sha256", key, LATIN1).update(bytes).digest("binary")),
    ],
    buffer: [
      COUNT,
      (count) => repeat(count, () => createHmac("sha256", secret).update(bytes).digest()),
    ],
    noble: [COUNT, (count) => repeat(count, () => hmac(sha256, secret, bytes))],
    npmAttenuate: [
      COUNT,
      (count) => repeat(count, () => other.clone().addFirstPartyCaveat(caveat)),
    ],
  });
  return [
    atLeast(
      "cold verification",
      times.jose / times.cold,
      "×",
      10,
      "jose HS256 jwtVerify, secret as bytes",
    ),
    plain(
      "cold verification",
      times.joseImported / times.cold,
      "×",
      "jose HS256 jwtVerify, key imported beforehand",
    ),
    atLeast(
      "cold verification, all of it",
      times.npmVerify / times.cold,
      "×",
      3,
      "npm macaroon 3.0.4, its verify() alone",
    ),
    atLeast("warm verification", times.cold / times.warm, "×", 5, "cold verification"),
    atLeast(
      "attenuation",
      times.npmAttenuate / times.attenuate,
      "×",
      3,
      "npm macaroon 3.0.4, clone and addFirstPartyCaveat",
    ),
    plain(
      "cold verification of a sub-agent, whose parent was seen",
      times.jose / times.child,
      "×",
      "jose HS256 jwtVerify, secret as bytes",
    ),
    plain("one HMAC, node:crypto, its key as latin1", times.latin1, "µs", "-"),
    plain("one HMAC, node:crypto, its key as a buffer", times.buffer, "µs", "-"),
    plain("one HMAC, @noble/hashes", times.noble, "µs", "-"),
    plain("cold verification", times.cold, "µs", "-"),
    plain("warm verification", times.warm, "µs", "-"),
    plain("jose jwtVerify", times.jose, "µs", "-"),
    plain("npm macaroon verify", times.npmVerify, "µs", "-"),
  ];
}
