/** Macaroons of go-macaroon (`gopkg.in/macaroon.v2`), which lnd and aperture stand on, and ours. */
import { createHash } from "node:crypto";
import { Macaroon } from "l8nt/macaroon";
import { expect, test } from "vitest";
import { Peer, type Recipe } from "./peer.ts";

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

test("500 macaroons that both mint are the same bytes, and each verifies those of the other", async () => {
  const peer = Peer.start();
  const ours = RECIPES.map((recipe) => hexOf(Macaroon.encode(mintedByUs(recipe))));
  const theirs = await peer.mintMacaroons(ROOT_KEY, RECIPES);
  expect(theirs).toEqual(ours);
  expect(theirs.filter((packet) => !holdsHere(packet))).toEqual([]);
  const refusals = await peer.verifyMacaroons(ROOT_KEY, ours);
  expect(refusals.filter((refusal) => refusal !== "")).toEqual([]);
});

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

test("of mutated ones we take none that go-macaroon refuses", async () => {
  const packets = RECIPES.map((recipe) => hexOf(Macaroon.encode(mintedByUs(recipe))))
    .filter((packet) => packet.length < 600)
    .slice(0, 8)
    .flatMap(mutationsOf);
  expect(packets.length).toBeGreaterThan(500);
  const refusals = await Peer.start().verifyMacaroons(ROOT_KEY, packets);
  const taken = packets.map(holdsHere);
  expect(packets.filter((_, at) => taken[at] && refusals[at] !== "")).toEqual([]);
  // The location is not signed, so that a change in it is no forgery.
  expect(taken.filter((isTaken) => isTaken).length).toBeLessThan(packets.length / 4);
});
