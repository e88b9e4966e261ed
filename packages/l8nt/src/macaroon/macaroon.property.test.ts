/**
 * Laws of the macaroon, with js-macaroon (by go-macaroon's authors) as the other implementation.
 */
import fc from "fast-check";
import foreign from "macaroon";
import { describe, expect, test } from "vitest";
import { TokenError } from "../errors.ts";
import { binaryOf, hexOfBinary, utf8Text } from "../internal/bytes.ts";
import { chainKey, signatures } from "./chain.ts";
import { Macaroon } from "./macaroon.ts";

const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const caveat = fc.oneof(
  bytes(0, 200),
  fc.string({ unit: "binary", maxLength: 80 }).map((text) => Buffer.from(text)),
);
const given = (maxCaveats: number) =>
  fc.record({
    rootKey: bytes(1, 80),
    identifier: bytes(1, 80),
    location: fc.string({ unit: "grapheme", maxLength: 20 }),
    caveats: fc.array(caveat, { maxLength: maxCaveats }),
  });
type Given = {
  rootKey: Uint8Array;
  identifier: Uint8Array;
  location: string;
  caveats: Uint8Array[];
};

const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");
const ours = ({ caveats, ...minted }: Given) =>
  Macaroon.attenuate(Macaroon.mint(minted), ...caveats);
function theirs({ caveats, ...minted }: Given) {
  const made = foreign.newMacaroon({ version: 2, ...minted });
  for (const text of caveats) made.addFirstPartyCaveat(text);
  return made;
}

describe("as js-macaroon has it", () => {
  // Its writer doubles its buffer at every append, so it writes short ones only; its reader takes
  // any.
  test("minted and narrowed to the same bytes", () => {
    fc.assert(
      fc.property(given(1), (terms) => {
        expect(Buffer.from(Macaroon.encode(ours(terms))).equals(theirs(terms).exportBinary())).toBe(
          true,
        );
      }),
      { numRuns: 100 },
    );
  });

  test("what we write they read to the same parts, and verify under the same root key", () => {
    fc.assert(
      fc.property(given(12), (terms) => {
        const read = foreign.importMacaroon(Macaroon.encode(ours(terms)));
        expect(read.location ?? "").toBe(terms.location);
        expect(hex(read.identifier)).toBe(hex(terms.identifier));
        expect(read.caveats.map(({ identifier }) => hex(identifier))).toEqual(
          terms.caveats.map(hex),
        );
        expect(hex(read.signature)).toBe(hex(theirs(terms).signature));
        if (terms.caveats.every((text) => utf8Text(text) !== undefined)) {
          read.verify(terms.rootKey, () => null);
          expect(() => read.verify(Uint8Array.of(...terms.rootKey, 1), () => null)).toThrow();
        }
      }),
      { numRuns: 200 },
    );
  });

  test("every prefix signature is the one that they have there", () => {
    fc.assert(
      fc.property(given(6), (terms) => {
        const prefixes = signatures(
          chainKey(terms.rootKey),
          binaryOf(terms.identifier),
          terms.caveats.map(binaryOf),
        );
        expect(prefixes.map(hexOfBinary)).toEqual(
          Array.from({ length: terms.caveats.length + 1 }, (_, count) =>
            Buffer.from(
              theirs({ ...terms, caveats: terms.caveats.slice(0, count) }).signature,
            ).toString("hex"),
          ),
        );
      }),
      { numRuns: 100 },
    );
  });
});

test("any bytes at all are a macaroon or a TokenError, and never anything else [case 1]", () => {
  const start = fc.constantFrom<number[]>(
    [],
    [2],
    [2, 2, 1, 0, 0],
    [2, 1, 1, 0x61, 2, 1, 0x61, 0, 2],
  );
  const part = fc.oneof(
    bytes(0, 6),
    fc.constantFrom(...[0, 1, 2, 4, 6, 32].map((byte) => Uint8Array.of(byte))),
  );
  fc.assert(
    fc.property(start, fc.array(part, { maxLength: 20 }), (head, parts) => {
      const input = Buffer.concat([Buffer.from(head), ...parts]);
      try {
        // The one freedom of the form: an empty location may be written or left out.
        const again = Buffer.from(Macaroon.encode(Macaroon.decode(input)));
        expect(
          again.equals(
            input[1] === 1 && input[2] === 0
              ? Buffer.concat([input.subarray(0, 1), input.subarray(3)])
              : input,
          ),
        ).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(TokenError);
      }
    }),
    { numRuns: 3000 },
  );
});
