/**
 * Verification and attenuation of a credential with three caveats, in CPU time and compared with
 * other libraries. The ways take turns, so only the ratios of one run count.
 */
import { execFileSync } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { loadavg } from "node:os";
import { resolve } from "node:path";
import type { TransformOptions } from "node:stream";
import { type JWTPayload, jwtVerify, SignJWT } from "jose";
import { Authority, Credential, macaroonOf, targetOfUrl } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import npmMacaroon from "macaroon";
import type { Arrivals } from "./arrivals.ts";
import { atLeast, atMost, type Figure, type Measured, plain } from "./figure.ts";
import { libmacaroons } from "./libmacaroons.ts";
import { cpuMicroseconds, cpuMilliseconds } from "./rounds.ts";

const COUNT = 2000;
/** Rounds over the credentials that are known, which take too little time to measure once. */
const WARM = 10;
const LOCATION = "https://api.example";

/** Every text is used once, and is a string of its own, as one read off a socket is. */
const fresh = (text: string): string => Buffer.from(text).toString();
const freshly = (texts: readonly string[], times: number): string[] =>
  Array.from({ length: times }, () => texts.map(fresh)).flat();

const LATIN1 = { encoding: "latin1" } as unknown as TransformOptions;

function repeat(count: number, work: () => unknown): void {
  for (let at = 0; at < count; at++) work();
}

export async function verify(progress: (text: string) => void): Promise<Measured> {
  const load = loadavg();
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
  const verifyAll = (authority: Authority, presented: readonly string[]) => {
    for (const text of presented) authority.verifier.authenticate(text).demand(access);
  };
  const warm = new Authority({ secret, location: LOCATION, cacheSize: COUNT });
  for (let times = 0; times < 3; times++) verifyAll(warm, texts);

  // A sub-agent's, in a tree whose root was seen here more than once, itself never.
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

  const rootKey = randomBytes(32);
  const other = npmMacaroon.newMacaroon({
    identifier: randomBytes(66),
    location: LOCATION,
    rootKey,
    version: 2,
  });
  const caveats = macaroonOf(Credential.parse(texts[0]!)).caveats;
  for (const caveat of caveats) other.addFirstPartyCaveat(caveat);
  const exported = Buffer.from(other.exportBinary()).toString("base64");
  const others = Array.from({ length: COUNT }, () => fresh(exported));
  const child = macaroonOf(Credential.parse(texts[0]!));
  const caveat = "valid_until=1795504114";
  const key = secret.toString("latin1");

  const c = libmacaroons(
    [
      LOCATION,
      "k".repeat(32),
      "i".repeat(66),
      ...caveats.map((bytes) => Buffer.from(bytes).toString()),
    ],
    progress,
  );

  const times = await cpuMicroseconds({
    cold: [
      COUNT,
      () => {
        // A new authority each round: nothing it has seen before.
        const authority = new Authority({ secret, location: LOCATION });
        const presented = texts.map(fresh);
        return cpuMilliseconds(() => verifyAll(authority, presented));
      },
    ],
    libmacaroons: [
      COUNT,
      async (count) => (c === undefined ? Number.NaN : (await c.run(count)) / 1000),
    ],
    npmReadAndVerify: [
      COUNT,
      (count) => {
        for (let at = 0; at < count; at++)
          npmMacaroon.importMacaroon(others[at]!).verify(rootKey, () => null);
      },
    ],
    npmVerify: [COUNT, (count) => repeat(count, () => other.verify(rootKey, () => null))],
    warm: [
      COUNT * WARM,
      () => {
        const presented = freshly(texts, WARM);
        return cpuMilliseconds(() => verifyAll(warm, presented));
      },
    ],
    second: [
      COUNT,
      () => {
        const authority = new Authority({ secret, location: LOCATION });
        const [first, again] = [texts.map(fresh), texts.map(fresh)];
        verifyAll(authority, first);
        return cpuMilliseconds(() => verifyAll(authority, again));
      },
    ],
    child: [
      COUNT,
      () => {
        const authority = new Authority({ secret, location: LOCATION });
        for (let time = 0; time < 2; time++) verifyAll(authority, texts);
        const presented = children.map(fresh);
        return cpuMilliseconds(() => verifyAll(authority, presented));
      },
    ],
    jose: [
      COUNT / 2,
      async (count) => {
        for (let at = 0; at < count; at++) await jwtVerify(jwts[at]!, secret, { issuer: LOCATION });
      },
    ],
    delegate: [
      COUNT,
      (count) => {
        for (let at = 0; at < count; at++)
          parents[at]!.delegate({ agent: "booker", maxPrice: "5 sat" }).toString();
      },
    ],
    mint: [COUNT, (count) => repeat(count, mint)],
    attenuate: [COUNT, (count) => repeat(count, () => Macaroon.attenuate(child, caveat))],
    npmAttenuate: [
      COUNT,
      (count) => repeat(count, () => other.clone().addFirstPartyCaveat(caveat)),
    ],
    // What a link of the chain costs at its least.
    hmac: [
      COUNT,
      (count) =>
        repeat(count, () =>
          createHmac("sha256", key, LATIN1).update(caveat, "latin1").digest("binary"),
        ),
    ],
  });
  c?.stop();

  progress("verify: 100,000 different credentials arrive …");
  const { once, twice, keptBytes } = JSON.parse(
    execFileSync(
      process.execPath,
      [
        "--expose-gc",
        "--single-threaded-gc",
        ...process.execArgv,
        resolve(import.meta.dirname, "arrivals.ts"),
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    ),
  ) as Arrivals;

  const inC: Figure[] =
    c === undefined
      ? []
      : [
          atMost(
            "cold verification, every caveat judged",
            times.cold / times.libmacaroons,
            "×",
            2.5,
            "libmacaroons (C), read and verify, no caveat judged",
          ),
          plain("libmacaroons (C), read and verify", times.libmacaroons, "µs", "-"),
        ];
  const figures = [
    atMost("cold verification, every caveat judged, CPU", times.cold, "µs", 15, "-"),
    atLeast(
      "cold verification, every caveat judged",
      times.npmReadAndVerify / times.cold,
      "×",
      3.5,
      "npm macaroon 3.0.4, read and verify, no caveat judged",
    ),
    ...inC,
    atLeast("warm verification", times.cold / times.warm, "×", 20, "cold verification"),
    atMost("delegate().toString(), CPU", times.delegate, "µs", 11, "-"),
    atMost("kept for one cached credential", keptBytes, "bytes", 2500, "-"),
    atMost(
      "longest pause of the garbage collector, 100,000 different credentials",
      once.longestMs,
      "ms",
      6,
      "-",
    ),
    plain("the same, each presented twice and so kept for a while", twice.longestMs, "ms", "-"),
    plain("all pauses, 100,000 different credentials", once.totalMs, "ms", `${once.count} pauses`),
    plain("all pauses, each twice", twice.totalMs, "ms", `${twice.count} pauses`),
    plain("warm verification, CPU", times.warm, "µs", "-"),
    plain("second verification, which keeps the proof, CPU", times.second, "µs", "-"),
    plain("a sub-agent's credential below a known root, CPU", times.child, "µs", "-"),
    plain("mint().toString(), CPU", times.mint, "µs", "-"),
    plain("Macaroon.attenuate, CPU", times.attenuate, "µs", "-"),
    plain("npm macaroon 3.0.4, clone and addFirstPartyCaveat, CPU", times.npmAttenuate, "µs", "-"),
    plain("npm macaroon 3.0.4, read and verify, CPU", times.npmReadAndVerify, "µs", "-"),
    plain("npm macaroon 3.0.4, verify() alone, CPU", times.npmVerify, "µs", "-"),
    plain("jose HS256 jwtVerify, secret as bytes, CPU", times.jose, "µs", "-"),
    plain("one HMAC, node:crypto, key as latin1, CPU", times.hmac, "µs", "-"),
  ];
  return { figures, details: { verifyLoad: { before: load, after: loadavg() } } };
}
