/** The credential in the public-key form: golden tokens that Biscuit's own library made. */
import { RevocationList } from "../../packages/l8nt/src/credential/index.ts";
import { TokenError } from "../../packages/l8nt/src/errors.ts";
import { Credential } from "../../packages/l8nt/src/l402/index.ts";
import { BiscuitVerifier } from "../../packages/l8nt/src/public-key/index.ts";
import golden from "../../spec/vectors/public-key.json" with { type: "json" };
import { damage, damageBytes, pick } from "./mutate.ts";
import { codeOf, must, type Target } from "./outcomes.ts";

const root = Buffer.from(golden.publicKey, "hex");

export const publicKeyVerifier = new BiscuitVerifier({
  keys: {
    find(issuer, keyId) {
      if (issuer !== "https://treasury.example")
        throw new TokenError("ERR_TOKEN_ISSUER", "Not trusted.");
      if (keyId !== 0) throw new TokenError("ERR_TOKEN_KEY", "No such key.");
      return root;
    },
  },
  revocations: new RevocationList(),
  cacheSize: 64,
});

const packets = golden.tokens.map((token) => Buffer.from(token, "base64"));
const texts = golden.tokens.map((token) => `${token}:${golden.preimage}`);
const words = [
  "=",
  "==",
  "-",
  "_",
  ":",
  "sk-sigil-",
  "Eg",
  "CAA",
  "\0",
  "0".repeat(64),
  "AAAA",
  ",",
];
const packetWords = [
  ...[
    "\x08\x00",
    "\x12",
    "\x1a",
    "\x22\x22\x0a\x20",
    "\x28\x01",
    "\x08\x01",
    "\x80\x00",
    "\xff\x7f",
  ],
  ...["\x18\x03", "\x22\x07\x0a\x05", "\x2a\x00", "\x32", "\x3a\x02\x08\x00", "\x1a\x02\x08\x00"],
  ...["\x0a\x04read", "\x0a\x04evil", "caveat", "counted", "endpoints=", "\xc3\xbc", "\xff"],
];

/** Its token and preimage, in whatever alphabet they were written. */
const written = (text: string): string => Credential.parse(text).toString();
const genuine = new Set(texts);

export const publicKey: Target = {
  input(random) {
    if (random(4) === 0) return damage(pick(random, texts), random, words, texts);
    const packet = damageBytes(pick(random, packets), random, packetWords, packets);
    return `${packet.toString(random(2) === 0 ? "base64" : "base64url")}:${golden.preimage}`;
  },
  run: (text) =>
    codeOf([TokenError], () => {
      codeOf([TokenError], () => {
        const again = written(text);
        must(written(again) === again, "what is written is not read back");
        return "read";
      });
      try {
        publicKeyVerifier.authenticate(text);
      } catch (error) {
        must(!String(error).includes(golden.preimage), "the error shows the preimage");
        throw error;
      }
      must(genuine.has(written(text)), "a forgery verifies");
      return "genuine";
    }),
  isSecret: (text) =>
    codeOf([TokenError], () => {
      publicKeyVerifier.authenticate(text);
      return "genuine";
    }) === "genuine",
};
