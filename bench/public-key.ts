/**
 * Verification and attenuation of credentials in the public-key form, in CPU time, beside the bare
 * signatures of the platform and other libraries. The ways take turns, so only ratios count.
 */
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { generateKeyPair, jwtVerify, SignJWT } from "jose";
import { BiscuitVerifier, Minter, seal } from "l8nt/biscuit";
import type { Credential } from "l8nt/l402";
import { claimsOf } from "../packages/l8nt/src/biscuit/signatures.ts";
import { encodeToken, type Token } from "../packages/l8nt/src/biscuit/token.ts";
import { RevocationList } from "../packages/l8nt/src/credential/index.ts";
import type { BiscuitBody } from "../packages/l8nt/src/public-key/body.ts";
import { atLeast, atMost, type Figure, plain } from "./figure.ts";
import { cpuMicroseconds, cpuMilliseconds } from "./rounds.ts";

const COUNT = 100;
const WARM = 20;
const BLOCKS = [1, 2, 4] as const;
const LOCATION = "https://api.example";
const PKCS8 = "302e020100300506032b657004220420";
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

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

/** The same signatures with nothing around them, each key read from its bytes. */
function bare(tokens: readonly Token[]): void {
  for (const token of tokens)
    for (const { key, message, signature } of claimsOf(token, minter.publicKey)) {
      const der = Buffer.concat([SPKI, key]);
      const read = createPublicKey({ key: der, format: "der", type: "spki" });
      if (!verify(null, message, read, signature)) throw new Error("a signature is wrong");
    }
}

/** What is used of it. Its own types are not installed where this file is checked. */
interface Wasm {
  readonly SignatureAlgorithm: { readonly Ed25519: number };
  readonly PublicKey: { fromBytes(key: Uint8Array, algorithm: number): object };
  readonly Biscuit: { fromBytes(packet: Uint8Array, root: object): { free(): void } };
}

/** Biscuit's Rust library as WebAssembly, if the folder of other implementations is installed. */
async function wasmOf(progress: (text: string) => void) {
  try {
    const path = "../test/peers/node_modules/@biscuit-auth/biscuit-wasm/module/biscuit.js";
    return (await import(path)) as Wasm;
  } catch {
    progress("public-key: without biscuit-wasm, which `npm run test:peers` installs");
    return undefined;
  }
}

export async function publicKey(progress: (text: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const wasm = await wasmOf(progress);
  const rootKey = wasm?.PublicKey.fromBytes(minter.publicKey, wasm.SignatureAlgorithm.Ed25519);
  for (const [kind, blocks, all] of BLOCKS.flatMap((count) => {
    const open = credentials(count);
    return [["open", count, open] as const, ["sealed", count, open.map(seal)] as const];
  })) {
    progress(`public-key: ${blocks} blocks, ${kind} …`);
    const texts = all.map(String);
    const tokens = all.map(tokenOf);
    const packets = tokens.map(encodeToken);
    const warm = newVerifier();
    for (let times = 0; times < 3; times++) verifyAll(warm, texts);
    const times = await cpuMicroseconds({
      cold: [
        COUNT,
        () => {
          const verifier = newVerifier();
          const presented = texts.map(fresh);
          return cpuMilliseconds(() => verifyAll(verifier, presented));
        },
      ],
      bare: [COUNT, () => bare(tokens)],
      warm: [
        COUNT * WARM,
        () => {
          const presented = Array.from({ length: WARM }, () => texts.map(fresh)).flat();
          return cpuMilliseconds(() => verifyAll(warm, presented));
        },
      ],
      wasm: [
        COUNT,
        () => {
          for (const packet of wasm === undefined ? [] : packets)
            wasm!.Biscuit.fromBytes(packet, rootKey!).free();
        },
      ],
    });
    const name = `${blocks} ${blocks === 1 ? "block" : "blocks"}, ${kind}`;
    figures.push(
      atMost(
        `cold verification, ${name}`,
        times.cold / times.bare,
        "×",
        1.3,
        "its Ed25519 signatures by node:crypto, keys read from bytes",
      ),
      atLeast(`seen before, ${name}`, times.cold / times.warm, "×", 50, "cold verification"),
      plain(`cold verification, ${name}, CPU`, times.cold, "µs", "-"),
      plain(`its signatures alone, ${name}, CPU`, times.bare, "µs", "-"),
    );
    if (wasm !== undefined)
      figures.push(
        plain(
          `biscuit-wasm 0.6.0, read and verified, ${name}, CPU`,
          times.wasm,
          "µs",
          "no check evaluated",
        ),
      );
  }
  return [...figures, ...(await narrowing(progress))];
}

async function narrowing(progress: (text: string) => void): Promise<readonly Figure[]> {
  progress("public-key: narrowing …");
  const parents = credentials(1);
  const der = Buffer.from(PKCS8 + "22".repeat(32), "hex");
  const read = () => createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const key = read();
  const message = Buffer.alloc(400, 7);
  const pair = await generateKeyPair("EdDSA");
  const jwt = await new SignJWT({ scope: "search" })
    .setProtectedHeader({ alg: "EdDSA" })
    .setExpirationTime("1h")
    .sign(pair.privateKey);
  const times = await cpuMicroseconds({
    attenuate: [
      COUNT,
      () => {
        for (const parent of parents) parent.append(["max_uses=3"]);
      },
    ],
    seal: [
      COUNT,
      () => {
        for (const parent of parents) seal(parent);
      },
    ],
    sign: [
      COUNT,
      (count) => {
        for (let at = 0; at < count; at++) sign(null, message, key);
      },
    ],
    signWithImport: [
      COUNT,
      (count) => {
        for (let at = 0; at < count; at++) sign(null, message, read());
      },
    ],
    generate: [
      COUNT,
      (count) => {
        for (let at = 0; at < count; at++)
          createPublicKey(read()).export({ format: "der", type: "spki" });
      },
    ],
    jose: [
      COUNT,
      async (count) => {
        for (let at = 0; at < count; at++) await jwtVerify(jwt, pair.publicKey);
      },
    ],
  });
  return [
    atMost("attenuate", times.attenuate / times.sign, "×", 1.5, "one Ed25519 signature"),
    plain("attenuate, CPU", times.attenuate, "µs", "-"),
    plain("seal, CPU", times.seal, "µs", "-"),
    plain("one Ed25519 signature, CPU", times.sign, "µs", "-"),
    plain("one Ed25519 signature, key read from bytes, CPU", times.signWithImport, "µs", "-"),
    plain("the public key of a new private key, CPU", times.generate, "µs", "-"),
    plain("jose EdDSA jwtVerify, key read before, CPU", times.jose, "µs", "-"),
  ];
}
