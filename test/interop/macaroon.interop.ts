/**
 * Macaroons of go-macaroon (`gopkg.in/macaroon.v2`), which lnd and aperture stand on, of the Rust
 * crate `macaroon`, and ours.
 */
import { createHash, randomBytes } from "node:crypto";
import { type Credential, Identifier } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { describe, expect, test } from "vitest";
import vectors from "../../spec/vectors/macaroons.json" with { type: "json" };
import {
  credentialOf,
  LOCATION,
  packetOf,
  preimageOf,
  refusalsOf,
  ROOT_KEY as SHOP_KEY,
  weather,
} from "./credentials.ts";
import { isBuilt, type Language, Peer, type Recipe } from "./peer.ts";

const LIBRARIES: readonly (readonly [name: string, language: Language])[] = [
  ["go-macaroon", "go"],
  ["the crate macaroon", "rust"],
];

const ROOT_KEY = "5a".repeat(32);
const rootKey = Buffer.from(ROOT_KEY, "hex");

/** As many bytes as are asked for, the same in each run. */
function bytesOf(name: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; parts.length * 32 < length; at++)
    parts.push(createHash("sha256").update(`${name} ${at}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

/** Every length at which a varint grows, and texts of each kind. */
const LENGTHS = [1, 2, 31, 127, 128, 129, 255, 256, 1000];
const CAVEATS = [
  "services=weather:0",
  "weather_valid_until=1893456000",
  "purpose=Wetter für Zürich",
  "=",
  " ",
  "a".repeat(127),
  "a".repeat(128),
  "a".repeat(1024),
].map((text) => Buffer.from(text).toString("hex"));
const LOCATIONS = ["", "lsat", "https://weather.example", "https://wetter.example/zürich"];

const RECIPES: readonly Recipe[] = Array.from({ length: 500 }, (_, at) => ({
  identifier: bytesOf(`identifier ${at}`, at % 2 === 0 ? 66 : LENGTHS[at % 9]!).toString("hex"),
  location: LOCATIONS[at % 4]!,
  caveats: Array.from({ length: at % 5 }, (_, place) => CAVEATS[(at + 3 * place) % 8]!),
}));

const mintedByUs = ({ identifier, location, caveats }: Recipe) =>
  Macaroon.attenuate(
    Macaroon.mint({ rootKey, location, identifier: Buffer.from(identifier, "hex") }),
    ...caveats.map((caveat) => Buffer.from(caveat, "hex")),
  );

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Whether we read a packet, and its signature holds. */
function holdsHere(packet: string): boolean {
  try {
    const read = Macaroon.decode(Buffer.from(packet, "hex"));
    const { identifier, location, caveats, signature } = read;
    const again = mintedByUs({
      location,
      identifier: hexOf(identifier),
      caveats: caveats.map(hexOf),
    });
    return Buffer.from(signature).equals(again.signature);
  } catch {
    return false;
  }
}

/** A packet with one bit flipped, cut, longer, or with two of its bytes in each other's place. */
function mutationsOf(packet: string): string[] {
  const bytes = Buffer.from(packet, "hex");
  const mutated: string[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << (at % 8);
    mutated.push(flipped.toString("hex"));
    mutated.push(bytes.subarray(0, at).toString("hex"));
    const swapped = Buffer.from(bytes);
    [swapped[at], swapped[(at + 1) % bytes.length]] = [bytes[(at + 1) % bytes.length]!, bytes[at]!];
    mutated.push(swapped.toString("hex"));
  }
  mutated.push(`${packet}00`, `${packet}${packet}`);
  return mutated.filter((text) => text !== packet);
}

describe.each(LIBRARIES.filter(([, language]) => isBuilt(language)))("%s", (_name, language) => {
  test("500 macaroons that both mint are the same bytes, and each verifies those of the other", async () => {
    const peer = Peer.start(language);
    const ours = RECIPES.map((recipe) => hexOf(Macaroon.encode(mintedByUs(recipe))));
    const theirs = await peer.mintMacaroons(ROOT_KEY, RECIPES);
    expect(theirs).toEqual(ours);
    expect(theirs.filter((packet) => !holdsHere(packet))).toEqual([]);
    const refusals = await peer.verifyMacaroons(ROOT_KEY, ours);
    expect(refusals.filter((refusal) => refusal !== "")).toEqual([]);
  });

  test("of mutated ones we take none that it refuses", async () => {
    const packets = RECIPES.map((recipe) => hexOf(Macaroon.encode(mintedByUs(recipe))))
      .filter((packet) => packet.length < 600)
      .slice(0, 8)
      .flatMap(mutationsOf);
    expect(packets.length).toBeGreaterThan(500);
    const refusals = await Peer.start(language).verifyMacaroons(ROOT_KEY, packets);
    const taken = packets.map(holdsHere);
    expect(packets.filter((_, at) => taken[at] && refusals[at] !== "")).toEqual([]);
    // The location is not signed, so that a change in it is no forgery.
    expect(taken.filter((isTaken) => isTaken).length).toBeLessThan(packets.length / 4);
  });

  test("it verifies the published vectors with the derived key, and refuses them altered or without a discharge", async () => {
    const peer = Peer.start(language);
    for (const { name, key, v2_b64u: packet, signature, caveats } of vectors.vectors) {
      const bytes = Buffer.from(packet, "base64url");
      const altered = Buffer.from(bytes);
      altered[altered.length - 1]! ^= 1;
      const [whole, forged] = await peer.verifyMacaroons(key.hex, [hexOf(bytes), hexOf(altered)]);
      expect(forged, name).not.toBe("");
      if (caveats.some((each) => "vid_b64u" in each)) {
        // It holds only with a discharge, which no client of L402 sends.
        expect(whole, name).not.toBe("");
        expect(() => Macaroon.decode(bytes), name).toThrow(
          expect.objectContaining({ code: "ERR_TOKEN_THIRD_PARTY" }),
        );
      } else {
        expect(whole, name).toBe("");
        expect(hexOf(Macaroon.decode(bytes).signature), name).toBe(signature);
      }
    }
  });

  test("it verifies what our authority mints and narrows, under the root key of our secret and no other", async () => {
    const peer = Peer.start(language);
    const minted = weather();
    const packets = [minted, minted.delegate({ agent: "scout", purpose: "Wetter für Zürich" })].map(
      packetOf,
    );
    expect(await peer.verifyMacaroons(SHOP_KEY, packets)).toEqual(["", ""]);
    expect(await peer.verifyMacaroons(ROOT_KEY, packets)).not.toContain("");
  });

  test("what it mints under our root key is a credential here; with another identifier, key or preimage it is none", async () => {
    const peer = Peer.start(language);
    const like = weather();
    const read = Macaroon.decode(Buffer.from(packetOf(like), "hex"));
    const preimage = preimageOf(like);
    const made = async (identifier: Uint8Array, key = SHOP_KEY): Promise<string> => {
      const caveats = read.caveats.map(hexOf);
      const recipe = { identifier: hexOf(identifier), location: LOCATION, caveats };
      return (await peer.mintMacaroons(key, [recipe]))[0]!;
    };
    const codeOf = (present: () => Credential): string => {
      try {
        const refusals = refusalsOf(present());
        return refusals.length === 0 ? "accepted" : refusals[0]!.code;
      } catch (error) {
        return (error as { readonly code: string }).code;
      }
    };
    const id = read.identifier;
    const { tokenId } = Identifier.decode(id);
    const unpaid = Identifier.encode(randomBytes(32), tokenId);
    const table: readonly (readonly [packet: string, preimage: string, outcome: string])[] = [
      [await made(id), preimage, "accepted"],
      [await made(id), "ab".repeat(32), "ERR_TOKEN_PREIMAGE"],
      [await made(unpaid), preimage, "ERR_TOKEN_PREIMAGE"],
      [await made(id, ROOT_KEY), preimage, "ERR_TOKEN_FORGED"],
      [await made(id.subarray(0, 65)), preimage, "ERR_TOKEN_MALFORMED"],
      [await made(Buffer.concat([id, Buffer.of(0)])), preimage, "ERR_TOKEN_MALFORMED"],
      [
        await made(Buffer.concat([Buffer.of(0, 1), id.subarray(2)])),
        preimage,
        "ERR_TOKEN_MALFORMED",
      ],
      [await made(Buffer.from("order 7")), preimage, "ERR_TOKEN_MALFORMED"],
    ];
    expect(table.map(([packet, proof]) => codeOf(() => credentialOf(packet, proof)))).toEqual(
      table.map(([, , outcome]) => outcome),
    );
  });
});
