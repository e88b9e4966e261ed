import { describe, expect, test } from "vitest";
import vectors from "../../../../spec/vectors/macaroons.json" with { type: "json" };
import {
  base64Binary,
  base64Bytes,
  hexBytes,
  hexOfBinary,
  hexText,
  utf8,
} from "../internal/bytes.ts";
import { chainKey, signatures } from "./chain.ts";
import { Macaroon } from "./macaroon.ts";
import { readPacket } from "./packet.ts";

type Vector = (typeof vectors.vectors)[number];
const isThirdParty = (vector: Vector) => vector.caveats.some((caveat) => "vid_b64u" in caveat);
const firstParty = vectors.vectors.filter((vector) => !isThirdParty(vector));
const thirdParty = vectors.vectors.filter(isThirdParty);

describe("the published vectors", () => {
  test.each(firstParty)("$name: minted, narrowed and written to the same bytes", (vector) => {
    const identifier = hexBytes(vector.identifier.hex)!;
    const minted = Macaroon.mint({
      rootKey: hexBytes(vector.key.hex)!,
      identifier,
      location: vector.location,
    });
    const made = Macaroon.attenuate(
      minted,
      ...vector.caveats.map((caveat) => hexBytes(caveat.cid_hex)!),
    );
    expect(hexText(made.signature)).toBe(vector.signature);
    expect(Macaroon.encode(made)).toEqual(base64Bytes(vector.v2_b64u));
  });

  test.each(firstParty)("$name: read from V2 binary", (vector) => {
    const read = Macaroon.decode(base64Bytes(vector.v2_b64u)!);
    expect(read.location).toBe(vector.location);
    expect(hexText(read.identifier)).toBe(vector.identifier.hex);
    expect(read.caveats.map(hexText)).toEqual(vector.caveats.map((caveat) => caveat.cid_hex));
    expect(hexText(read.signature)).toBe(vector.signature);
  });

  test.each(thirdParty)("$name: refused for its third-party caveat [case 28]", (vector) => {
    expect(() => Macaroon.decode(base64Bytes(vector.v2_b64u)!)).toThrow(
      expect.objectContaining({ code: "ERR_TOKEN_THIRD_PARTY" }),
    );
  });

  test.each(firstParty)("$name: its V1 and JSON forms are refused [case 5]", (vector) => {
    for (const other of [base64Bytes(vector.v1_b64u)!, utf8(JSON.stringify(vector.v2_json))])
      expect(() => Macaroon.decode(other)).toThrow(
        expect.objectContaining({ code: "ERR_TOKEN_MALFORMED" }),
      );
  });

  test.each(vectors.badV2)("bytes that are no macaroon: $hex", ({ hex }) => {
    expect(() => Macaroon.decode(hexBytes(hex)!)).toThrow(
      expect.objectContaining({ code: "ERR_TOKEN_MALFORMED" }),
    );
  });

  test.each(vectors.verify)(
    "$vector under key '$key' with $exact allowed: $authorized",
    (check) => {
      const vector = vectors.vectors.find(({ name }) => name === check.vector)!;
      const { identifier, caveats } = readPacket(base64Binary(vector.v2_b64u)!);
      const signed =
        hexOfBinary(signatures(chainKey(utf8(check.key)), identifier, caveats).at(-1)!) ===
        vector.signature;
      const satisfied = vector.caveats.every((caveat) =>
        (check.exact as string[]).includes(caveat.cid ?? ""),
      );
      expect(signed && satisfied).toBe(check.authorized);
    },
  );
});
