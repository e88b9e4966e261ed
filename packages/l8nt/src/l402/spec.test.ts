/**
 * The worked examples of spec/1-credential.md §7 and the challenge of spec/3-challenge.md §1, run
 * against the code.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import bolt11 from "../../../../spec/vectors/bolt11.json" with { type: "json" };
import macaroons from "../../../../spec/vectors/macaroons.json" with { type: "json" };
import { serviceVocabulary } from "../caveat/index.ts";
import {
  base64Text,
  binaryOf,
  bytesOf,
  hexBytes,
  hexOfBinary,
  hexText,
  utf8,
} from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract, hmacSha256, sha256 } from "../internal/crypto.ts";
import { decode as decodeInvoice } from "../invoice/decode.ts";
import { chainKey, signatures } from "../macaroon/chain.ts";
import { Macaroon } from "../macaroon/index.ts";
import { packetOfMacaroon } from "../macaroon/unverified.ts";
import { Authority, Challenge, Credential, Identifier, macaroonOf } from "./index.ts";
import { placeId } from "./places.ts";
import { Roots } from "./roots.ts";

const pageOf = (name: string) =>
  readFileSync(new URL(`../../../../spec/${name}`, import.meta.url), "utf8");
const sectionOf = (page: string, start: string) =>
  page.split(/^## /m).find((part) => part.startsWith(start))!;

const published = macaroons.l402.find(({ name }) => name === "lightning-loop") as {
  readonly preimage: string;
  readonly root_hex: string;
  readonly signature: string;
  readonly v2_b64: string;
};
const macaroon = Macaroon.decode(Buffer.from(published.v2_b64, "base64"));
const caveatTexts = macaroon.caveats.map((caveat) => Buffer.from(caveat).toString());

describe("page 1: the published macaroon", () => {
  const [first = "", second = ""] = sectionOf(pageOf("1-credential.md"), "7. ").split(
    "**The derivations**",
  );
  const valuesIn = (text: string) =>
    new Map(
      [...text.matchAll(/^\| (.+?) \| `([0-9a-f]+)` \|$/gm)].map(([, what, value]) => [
        what,
        value,
      ]),
    );

  test("has the root key, the identifier and every signature that the page says", () => {
    const rootKey = hexBytes(published.root_hex)!;
    const { identifier, caveats } = packetOfMacaroon(macaroon);
    const prefixes = signatures(chainKey(rootKey), identifier, caveats).map(hexOfBinary);
    expect([...valuesIn(first)]).toEqual([
      ["root key (given)", published.root_hex],
      ["preimage (the same bytes)", published.preimage],
      ["identifier", hexText(macaroon.identifier)],
      [
        'HMAC("macaroons-key-generator", root key)',
        hexText(hmacSha256(utf8("macaroons-key-generator"), rootKey)),
      ],
      ["S0", prefixes[0]],
      ...caveatTexts.map((text, at) => [`S${at + 1}, after \`${text}\``, prefixes[at + 1]]),
    ]);
    expect(prefixes.at(-1)).toBe(published.signature);
    const credential = Credential.parse(`${published.v2_b64}:${published.preimage}`);
    expect(credential.isPaid).toBe(true);
  });

  test("lends its hash and token id to an authority's derivations, which are as the page says", () => {
    const secret = published.root_hex;
    const { paymentHash, tokenId } = Identifier.decode(macaroon.identifier);
    const { id, key } = new Roots(secret).current;
    const identifier = Identifier.encode(
      hexBytes(paymentHash)!,
      new Uint8Array([...bytesOf(id), ...tokenId.subarray(4)]),
    );
    const text = /^```\n(\S+)\n```$/m.exec(second)![1]!;
    const credential = Credential.parse(text);
    const pseudoRandomKey = hkdfExtract(hexBytes(secret)!);
    const rootKey = hkdfExpandUnder(pseudoRandomKey)(utf8("sigil root key"));
    const [root, endpoints, until, uses, node, ownUses] = signatures(
      key,
      binaryOf(identifier),
      packetOfMacaroon(macaroonOf(credential)).caveats,
    ).map(placeId);
    expect([...valuesIn(second)]).toEqual([
      ["PRK", hexText(pseudoRandomKey)],
      ["root id", hexOfBinary(id)],
      [
        "identifier: the hash above, root id, the last 28 bytes of the token id above",
        hexText(identifier),
      ],
      ["root key", hexText(rootKey)],
      ["K", hexOfBinary(key)],
      ["root node", root],
      ["after `endpoints=GET https://api.example/search/*`", endpoints],
      ["after `valid_until=1893456000`", until],
      ["limit `max_uses=100`", uses],
      ["node `agent=booker.0011223344556677`", node],
      ["limit `max_uses=5`", ownUses],
    ]);
    const verified = new Authority({
      secret,
      location: "https://api.example",
    }).verifier.authenticate(text);
    expect(verified.credential.location).toBe("https://api.example");
    expect(verified.nodes.map((one) => one.id)).toEqual([root, node]);
    expect(verified.limits.map((limit) => limit.id)).toEqual([uses, ownUses]);
    expect(credential.toString()).toBe(text);
  });
});

describe("page 3: the challenge", () => {
  const lines = [
    ...sectionOf(pageOf("3-challenge.md"), "1. ").matchAll(/^(?:LSAT|L402) macaroon=.*$/gm),
  ].map(([line]) => line);
  const challenge = Challenge.parse(lines);

  test("is the published macaroon and an invoice for its payment hash, in the very form that we emit", () => {
    expect(base64Text(Macaroon.encode(challenge.macaroon))).toBe(published.v2_b64);
    expect(challenge.enforced).toEqual(serviceVocabulary().names);
    expect(Challenge.format(challenge)).toEqual(lines);
    const invoice = decodeInvoice(challenge.invoice);
    expect(invoice.paymentHash).toBe(challenge.identifier.paymentHash);
    expect(invoice.paymentHash).toBe(hexText(sha256(hexBytes(published.preimage)!)));
    expect(invoice.payee).toBe(bolt11.payee);
  });

  test.each([
    'Bearer realm="x", l402 invoice = "P" macaroon=M, foo="x"',
    'L402 token="M" invoice="P" version=0',
    'LSAT macaroon="M", invoice=P',
  ])("is read from %s too", (header) => {
    const text = header.replace("P", challenge.invoice).replace("M", published.v2_b64);
    expect(Challenge.parse(text)).toEqual({ ...challenge, enforced: undefined });
  });

  test("that is malformed under L402 is not read from LSAT instead", () => {
    const [lsat, l402] = lines;
    const broken = l402!.replace(/invoice="[^"]*", /, "");
    expect(() => Challenge.parse([lsat!, broken])).toThrow(
      expect.objectContaining({ code: "ERR_CHALLENGE_MALFORMED" }),
    );
  });
});
