/**
 * Verification and attenuation of credentials in the public-key form, in CPU time, beside the bare
 * signatures of the platform and other libraries. The ways take turns, so only ratios count.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { generateKeyPair, jwtVerify, SignJWT } from "jose";
import { BiscuitVerifier, Minter, seal } from "l8nt/biscuit";
import { Credential } from "l8nt/l402";
import { claimsOf } from "../packages/l8nt/src/biscuit/signatures.ts";
import { encodeToken, type Token } from "../packages/l8nt/src/biscuit/token.ts";
import { RevocationList } from "../packages/l8nt/src/credential/index.ts";
import type { BiscuitBody } from "../packages/l8nt/src/public-key/body.ts";
import { atLeast, atMost, type Figure, plain } from "./figure.ts";
import { cpuMilliseconds, quietCpuMicroseconds } from "./rounds.ts";
import { tableOf } from "./table.ts";
import { startTenuo, type Tenuo } from "./tenuo/tenuo.ts";

const COUNT = 100;
const WARM = 20;
const BLOCKS = [1, 2, 4] as const;
const LOCATION = "https://api.example";
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const NARROWER = ["max_uses=3"];

const minter = new Minter({ privateKey: "11".repeat(32), issuer: "https://treasury.example" });
const keys = { find: () => minter.publicKey };
const newVerifier = () => new BiscuitVerifier({ keys, revocations: new RevocationList() });
const tokenOf = (credential: Credential): Token => (credential.body as BiscuitBody).token;
/** A string of its own, as one read off a socket is. */
const fresh = (text: string): string => Buffer.from(text).toString();

/** Different credentials of so many blocks. */
const credentials = (blocks: number): readonly Credential[] =>
  Array.from({ length: COUNT }, () => {
    let one = minter.mint({ endpoints: [`GET ${LOCATION}/search/*`], expiresIn: "1h" });
    for (let more = 1; more < blocks; more++)
      one = one.delegate({ agent: "booker", maxPrice: `${50 - more} sat` });
    return one;
  });

const verifyAll = (verifier: BiscuitVerifier, texts: readonly string[]) => {
  for (const text of texts) verifier.authenticate(text);
};

/** PEM is what node:crypto reads fastest. */
const pemOf = (kind: "PUBLIC" | "PRIVATE", prefix: Buffer, key: Uint8Array): string =>
  `-----BEGIN ${kind} KEY-----\n${Buffer.concat([prefix, key]).toString("base64")}\n-----END ${kind} KEY-----\n`;
const readPublic = (key: Uint8Array) => createPublicKey(pemOf("PUBLIC", SPKI, key));
const readPrivate = (key: Uint8Array) => createPrivateKey(pemOf("PRIVATE", PKCS8, key));

/** The same signatures with nothing around them, each key read from its bytes. */
function bare(tokens: readonly Token[]): void {
  for (const token of tokens)
    for (const { key, message, signature } of claimsOf(token, minter.publicKey))
      if (!verify(null, message, readPublic(key), signature)) throw new Error("it is wrong");
}

/** And the public keys of the secrets in open tokens, which must be those of their last blocks. */
function bareKeys(tokens: readonly Token[]): void {
  for (const { proof } of tokens)
    if (proof.kind === "open") readPrivate(proof.nextSecret).export({ format: "jwk" });
}

/** What is used of it. Its own types are not installed where this file is checked. */
interface Wasm {
  readonly SignatureAlgorithm: { readonly Ed25519: number };
  readonly PublicKey: { fromBytes(key: Uint8Array, algorithm: number): object };
  readonly Biscuit: { fromBytes(packet: Uint8Array, root: object): WasmToken };
  readonly BlockBuilder: new () => { addCode(text: string): void };
}
interface WasmToken {
  appendBlock(block: object): WasmToken;
  free(): void;
}

/** Biscuit's Rust library as WebAssembly, if the folder of other implementations is installed. */
async function wasmOf(progress: (text: string) => void) {
  try {
    const path = "../test/peers/node_modules/@biscuit-auth/biscuit-wasm/module/biscuit.js";
    return (await import(path)) as Wasm;
  } catch {
    progress("*** NOT RUN: biscuit-wasm, which `npm run test:peers` installs ***");
    return undefined;
  }
}

interface Others {
  readonly wasm: Wasm | undefined;
  readonly root: object | undefined;
  readonly tenuo: Tenuo | undefined;
}

export async function publicKey(progress: (text: string) => void): Promise<readonly Figure[]> {
  const wasm = await wasmOf(progress);
  const root = wasm?.PublicKey.fromBytes(minter.publicKey, wasm.SignatureAlgorithm.Ed25519);
  const tenuo = startTenuo();
  if (tenuo === undefined) progress("*** NOT RUN: Tenuo, which needs python3 ***");
  const others = { wasm, root, tenuo };
  try {
    const figures: Figure[] = [];
    for (const blocks of BLOCKS) {
      progress(`public-key: ${blocks} blocks …`);
      figures.push(...(await verification(blocks, others)));
    }
    progress("public-key: narrowing …");
    figures.push(...(await narrowing(others)));
    progress(`\nPublic-key credentials, CPU, fastest of the rounds\n${tableOf(figures)}\n`);
    return figures;
  } finally {
    tenuo?.close();
  }
}

async function verification(blocks: number, others: Others): Promise<readonly Figure[]> {
  const { wasm, root, tenuo } = others;
  const open = credentials(blocks);
  const sealed = open.map(seal);
  const pair = await generateKeyPair("EdDSA");
  const jwt = await new SignJWT({ scope: "search" })
    .setProtectedHeader({ alg: "EdDSA" })
    .setExpirationTime("1h")
    .sign(pair.privateKey);
  const ways = (all: readonly Credential[]) => {
    const texts = all.map(String);
    const tokens = all.map(tokenOf);
    const packets = tokens.map(encodeToken);
    const warm = newVerifier();
    for (let times = 0; times < 3; times++) verifyAll(warm, texts);
    return {
      cold: () => {
        const verifier = newVerifier();
        const presented = texts.map(fresh);
        return cpuMilliseconds(() => verifyAll(verifier, presented));
      },
      bare: () => bare(tokens),
      keys: () => bareKeys(tokens),
      seen: () => {
        const presented = Array.from({ length: WARM }, () => texts.map(fresh)).flat();
        return cpuMilliseconds(() => verifyAll(warm, presented));
      },
      wasm: () => {
        if (wasm !== undefined)
          for (const packet of packets) wasm.Biscuit.fromBytes(packet, root!).free();
      },
    };
  };
  const ofOpen = ways(open);
  const ofSealed = ways(sealed);
  const times = await quietCpuMicroseconds({
    sealed: [COUNT, ofSealed.cold],
    bareSealed: [COUNT, ofSealed.bare],
    seenSealed: [COUNT * WARM, ofSealed.seen],
    wasmSealed: [COUNT, ofSealed.wasm],
    open: [COUNT, ofOpen.cold],
    bareOpen: [COUNT, ofOpen.bare],
    keysOpen: [COUNT, ofOpen.keys],
    tenuo: [COUNT, async () => (await tenuo?.verify(blocks, COUNT)) ?? 0],
    jose: [
      COUNT,
      async () => {
        for (let at = 0; at < COUNT; at++) await jwtVerify(jwt, pair.publicKey);
      },
    ],
  });
  const of = `${blocks} ${blocks === 1 ? "block" : "blocks"}`;
  const signatures = "its Ed25519 signatures by node:crypto, keys read from PEM";
  return [
    atMost(`cold, ${of}, sealed: to bare`, times.sealed / times.bareSealed, "×", 1.3, signatures),
    atMost(`cold, ${of}, open: to bare`, times.open / times.bareOpen, "×", 1.3, signatures),
    plain(
      `cold, ${of}, open: to bare, with its key`,
      times.open / (times.bareOpen + times.keysOpen),
      "×",
      `${signatures}, and the public key of its secret`,
    ),
    atLeast(`seen before, ${of}`, times.sealed / times.seenSealed, "×", 50, "cold, sealed"),
    plain(`l8nt cold, ${of}, sealed`, times.sealed, "µs", "-"),
    plain(`bare, ${of}, sealed`, times.bareSealed, "µs", "-"),
    plain(`l8nt cold, ${of}, open`, times.open, "µs", "-"),
    plain(`bare, ${of}, open`, times.bareOpen, "µs", "-"),
    ...(wasm === undefined
      ? []
      : [plain(`biscuit-wasm 0.6, ${of}, sealed`, times.wasmSealed, "µs", "no check evaluated")]),
    ...(tenuo === undefined
      ? []
      : [plain(`Tenuo 0.3.3 (Python), ${of}`, times.tenuo, "µs", "no call's signature verified")]),
    // A JWT has no blocks.
    ...(blocks > 1
      ? []
      : [plain("jose EdDSA jwtVerify, one token", times.jose, "µs", "key read before")]),
  ];
}

async function narrowing({ wasm, root, tenuo }: Others): Promise<readonly Figure[]> {
  const held = credentials(1);
  const texts = held.map(String);
  const packets = held.map((one) => encodeToken(tokenOf(one)));
  const secret = Buffer.alloc(32, 0x22);
  const key = readPrivate(secret);
  const message = Buffer.alloc(400, 7);
  const pair = await generateKeyPair("EdDSA");
  const block = wasm && new wasm.BlockBuilder();
  block?.addCode('caveat("max_uses=3"); check if counted("max_uses=3")');
  const each = (work: () => unknown) => (count: number) => {
    for (let at = 0; at < count; at++) work();
  };
  const appendAll = (all: readonly Credential[]) => {
    for (const one of all) one.append(NARROWER);
  };
  const times = await quietCpuMicroseconds({
    held: [COUNT, () => appendAll(held)],
    read: [
      COUNT,
      () => {
        const all = texts.map((text) => Credential.parse(text));
        return cpuMilliseconds(() => appendAll(all));
      },
    ],
    seal: [
      COUNT,
      () => {
        for (const one of held) seal(one);
      },
    ],
    sign: [COUNT, each(() => sign(null, message, key))],
    readSign: [COUNT, each(() => sign(null, message, readPrivate(secret)))],
    keySign: [
      COUNT,
      each(() => {
        generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
        sign(null, message, key);
      }),
    ],
    wasm: [
      COUNT,
      () => {
        const all = packets.map((packet) => wasm?.Biscuit.fromBytes(packet, root!));
        const spent = cpuMilliseconds(() => {
          for (const one of all) one?.appendBlock(block!).free();
        });
        for (const one of all) one?.free();
        return spent;
      },
    ],
    tenuo: [COUNT, async () => (await tenuo?.attenuate(COUNT)) ?? 0],
    jose: [
      COUNT,
      async (count) => {
        for (let at = 0; at < count; at++)
          await new SignJWT({ scope: "search" })
            .setProtectedHeader({ alg: "EdDSA" })
            .setExpirationTime("1h")
            .sign(pair.privateKey);
      },
    ],
  });
  const one = "one Ed25519 signature by node:crypto";
  return [
    atMost("attenuate, key held: to a signature", times.held / times.sign, "×", 1.5, one),
    plain("floor: a new key and a signature", times.keySign / times.sign, "×", one),
    plain("attenuate, key held: to that floor", times.held / times.keySign, "×", "key, signature"),
    atMost(
      "attenuate, read: to reading a key and signing",
      times.read / times.readSign,
      "×",
      1.5,
      `${one}, key read from PEM`,
    ),
    plain("l8nt attenuate, key held", times.held, "µs", "-"),
    plain("l8nt attenuate, read from its text", times.read, "µs", "-"),
    plain("l8nt seal, key held", times.seal, "µs", "-"),
    plain("one Ed25519 signature, key held", times.sign, "µs", "-"),
    plain("one Ed25519 signature, key read", times.readSign, "µs", "-"),
    ...(wasm === undefined ? [] : [plain("biscuit-wasm 0.6 appendBlock", times.wasm, "µs", "-")]),
    ...(tenuo === undefined
      ? []
      : [plain("Tenuo 0.3.3 (Python) attenuate", times.tenuo, "µs", "to a key that there is")]),
    plain("jose EdDSA SignJWT", times.jose, "µs", "no new key"),
  ];
}
