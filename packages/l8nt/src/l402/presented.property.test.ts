/** One credential in a request, in all its fields together; otherwise none is chosen. [case 8] */
import fc from "fast-check";
import { expect, test } from "vitest";
import { credentialText, PREIMAGE, packetOf } from "../../../../test/fuzz/golden.ts";
import { Credential } from "./credential.ts";
import { presentedIn, readPresented } from "./presented.ts";

const CAVEATS = ["valid_until=1767229200", `preimage=${PREIMAGE}`];

/** Two credentials; a third is the first before it was narrowed by its own preimage, so another. */
const terms = [
  { salt: "a", caveats: CAVEATS },
  { salt: "b", caveats: CAVEATS },
  { salt: "a", caveats: ["valid_until=1767229200"] },
];
const texts = terms.map((each) => credentialText(each));
const hex = terms.slice(0, 2).map((each) => packetOf(each).toString("hex"));

interface Line {
  readonly name: string;
  readonly value: string;
  /** Which credential; undefined for one that cannot be read. */
  readonly says: number | undefined;
}

const inAnyCase = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) =>
      [...text].map((char, at) => (upper[at] ? char.toUpperCase() : char.toLowerCase())).join(""),
    );

const authorization: fc.Arbitrary<Line> = fc
  .tuple(fc.nat(2), fc.constantFrom("L402", "LSAT").chain(inAnyCase), fc.constantFrom(" ", "   "))
  .map(([says, scheme, blank]) => ({
    name: "Authorization",
    value: `${scheme}${blank}${texts[says]}`,
    says,
  }));
const macaroon: fc.Arbitrary<Line> = fc
  .tuple(
    fc.constantFrom("Grpc-Metadata-Macaroon", "Macaroon").chain(inAnyCase),
    fc.nat(1),
    fc.boolean(),
  )
  .map(([name, says, upper]) => ({
    name,
    value: upper ? hex[says]!.toUpperCase() : hex[says]!,
    says,
  }));
const unreadable: fc.Arbitrary<Line> = fc
  .constantFrom(
    ["Authorization", "L402 nonsense"],
    ["Macaroon", "nonsense"],
    ["Grpc-Metadata-Macaroon", "02ab"],
  )
  .map(([name, value]) => ({ name: name!, value: value!, says: undefined }));

const read = (lines: readonly Line[]) => {
  const headers = new Headers();
  for (const { name, value } of lines) headers.append(name, value);
  return readPresented(presentedIn(headers));
};

test("the credential that is read is the only one in the request, whatever the fields and their order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(authorization, macaroon), { minLength: 1, maxLength: 4 }),
      (lines) => {
        const said = new Set(lines.map(({ says }) => says));
        if (said.size === 1) expect(read(lines)).toBe(texts[lines[0]!.says!]);
        else
          expect(() => read(lines)).toThrow(
            expect.objectContaining({ code: "ERR_TOKEN_AMBIGUOUS" }),
          );
      },
    ),
    { numRuns: 1000 },
  );
});

test("what cannot be read is not passed over for what can", () => {
  fc.assert(
    fc.property(
      unreadable,
      fc.array(fc.oneof(authorization, macaroon), { maxLength: 2 }),
      fc.nat(2),
      (bad, good, at) => {
        const lines = good.toSpliced(at, 0, bad);
        const code = good.length === 0 ? "ERR_TOKEN_MALFORMED" : "ERR_TOKEN_AMBIGUOUS";
        expect(() => Credential.parse(read(lines)!)).toThrow(expect.objectContaining({ code }));
      },
    ),
    { numRuns: 500 },
  );
});

test.each<[string, Record<string, string>, string | undefined]>([
  ["nothing", {}, undefined],
  [
    "an empty field and one of another scheme",
    { macaroon: "", authorization: "Bearer x" },
    undefined,
  ],
  [
    "an empty field beside a credential",
    { macaroon: " ", authorization: `L402 ${texts[0]}` },
    texts[0],
  ],
  [
    "a scheme for somebody else beside a macaroon",
    { macaroon: hex[0]!, authorization: "Bearer x" },
    texts[0],
  ],
])("%s", (_what, fields, text) => {
  expect(readPresented(presentedIn(new Headers(fields)))).toBe(text);
});
