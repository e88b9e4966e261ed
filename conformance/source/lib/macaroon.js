/** Macaroons of spec/1-credential.md, made by hand from that page. */
import { createHash, createHmac } from "node:crypto";

export const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
export const sha256 = (data) => createHash("sha256").update(data).digest();
export const hex = (text) => Buffer.from(text, "hex");

const field = (type, data) => {
  const { length } = data;
  const size = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
  return Buffer.concat([Buffer.from([type, ...size]), data]);
};
const END = Buffer.from([0]);

/** The key generator over a root key: `K` of page 1 §4. */
export const keyOf = (rootKey) => hmac("macaroons-key-generator", rootKey);

/** What an authority derives from its secret. */
export function rootOf(secret) {
  const prk = hmac(Buffer.alloc(32), secret);
  const expand = (info) => hmac(prk, Buffer.concat([Buffer.from(info), Buffer.from([1])]));
  const key = keyOf(expand("sigil root key"));
  return { id: expand("sigil root id").subarray(0, 4), rootKey: expand("sigil root key"), key };
}

/** The signatures after 0, 1, 2, … caveats. */
export function signatures(key, identifier, caveats) {
  const all = [hmac(key, identifier)];
  for (const caveat of caveats) all.push(hmac(all.at(-1), caveat));
  return all;
}

export const placeId = (signature) =>
  hmac(signature, "sigil place").subarray(0, 16).toString("hex");

/** The bytes of a macaroon. Caveats are texts or bytes. */
export function macaroonBytes({ key, location, identifier, caveats = [], signature }) {
  const bytes = caveats.map((caveat) => Buffer.from(caveat));
  return Buffer.concat([
    Buffer.from([2]),
    ...(location ? [field(1, Buffer.from(location))] : []),
    field(2, identifier),
    END,
    ...bytes.flatMap((caveat) => [field(2, caveat), END]),
    END,
    field(6, signature ?? signatures(key, identifier, bytes).at(-1)),
  ]);
}

export { field };
