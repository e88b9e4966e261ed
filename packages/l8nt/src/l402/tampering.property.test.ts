/**
 * Damage and forgery: a holder without the secret can append to a credential, and do nothing else
 * with it.
 */
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import {
  credentialText,
  field,
  GOLDEN_TERMS,
  identifierOf,
  LOCATION,
  OTHER_SECRET,
  PREIMAGE,
  packetOf,
  SECRET,
  type Terms,
} from "../../../../test/fuzz/golden.ts";
import type { Verified } from "../credential/index.ts";
import { type TokenCode, TokenError } from "../errors.ts";
import { Authority } from "./authority.ts";
import { Credential, macaroonOf } from "./credential.ts";

let authority: Authority;
beforeEach(() => {
  // Without a cache, so that each text is judged by itself.
  authority = new Authority({ secret: SECRET, location: LOCATION, kind: "spending", cacheSize: 0 });
});

/**
 * The code of the refusal; undefined where the text is genuine. Any other exception fails the test.
 */
function refusal(text: string): TokenCode | undefined {
  try {
    authority.verifier.authenticate(text);
    return undefined;
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
}

/**
 * A text that is genuine although it was changed must say the same: other spelling, or another
 * location, which is unsigned.
 */
function saysTheSame(text: string, original: string): boolean {
  const [a, b] = [Credential.parse(text), Credential.parse(original)];
  const parts = (credential: Credential) => {
    const { identifier, caveats, signature } = macaroonOf(credential);
    return JSON.stringify([identifier, caveats, signature]);
  };
  return parts(a) === parts(b) && a.toString().slice(-64) === b.toString().slice(-64);
}

const RUNS = Math.min(Number(process.env.SIGIL_LAW_RUNS ?? 10_000), 100_000);
const caveatText = fc.oneof(
  fc.constantFrom(
    "valid_until=1767229200",
    "max_uses=3",
    "endpoints=GET https://api.example/**",
    "agent=a.00000000",
  ),
  fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => `purpose=${text}`),
);
const terms: fc.Arbitrary<Terms> = fc.record({
  salt: fc.string({ maxLength: 4 }),
  location: fc.constantFrom("", LOCATION, "https://b.example:8443/x"),
  caveats: fc.array(caveatText, { maxLength: 5 }),
});
/** The hand-written ones, and some that nobody chose. */
const golden = [
  ...GOLDEN_TERMS,
  ...fc.sample(terms, { numRuns: Math.ceil(RUNS / 500), seed: 1 }),
].map((each) => ({
  terms: each,
  text: credentialText(each),
  packet: packetOf(each),
}));

test("the golden credentials are genuine", () => {
  for (const { text } of golden) expect(refusal(text)).toBeUndefined();
});

describe("damage [case 1]", () => {
  test("every bit of the text flipped: refused with a TokenError, or another spelling of the very same", () => {
    for (const { text } of golden) {
      let same = 0;
      for (let at = 0; at < text.length; at++)
        for (let bit = 0; bit < 8; bit++) {
          const flipped =
            text.slice(0, at) +
            String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) +
            text.slice(at + 1);
          if (refusal(flipped) !== undefined) continue;
          same++;
          if (!saysTheSame(flipped, text))
            expect.fail(`bit ${bit} of character ${at} makes another genuine credential`);
        }
      // Letters of the preimage in the other case, and the location.
      expect(same).toBeLessThan(64 + 8 * 2 * 40);
    }
  });

  test("every bit of the macaroon flipped: refused with a TokenError, or a bit of the unsigned location", () => {
    for (const { packet, terms: made } of golden) {
      const location = Buffer.byteLength(made.location ?? LOCATION);
      for (let at = 0; at < packet.length; at++)
        for (let bit = 0; bit < 8; bit++) {
          const flipped = Buffer.from(packet);
          flipped[at]! ^= 1 << bit;
          const code = refusal(`${flipped.toString("base64")}:${PREIMAGE}`);
          if (code === undefined && !(at >= 3 && at < 3 + location))
            expect.fail(`bit ${bit} of byte ${at} is not signed`);
        }
    }
  });

  test("every bit of the preimage flipped: not paid for", () => {
    for (const { packet } of golden.slice(0, 3))
      for (let bit = 0; bit < 256; bit++) {
        const preimage = Buffer.from(PREIMAGE, "hex");
        preimage[bit >> 3]! ^= 1 << (bit & 7);
        expect(refusal(`${packet.toString("base64")}:${preimage.toString("hex")}`)).toBe(
          "ERR_TOKEN_PREIMAGE",
        );
      }
  });

  test("every prefix and every suffix: malformed", () => {
    for (const { text } of golden)
      for (let length = 0; length < text.length; length++) {
        expect(refusal(text.slice(0, length))).toBe("ERR_TOKEN_MALFORMED");
        expect(refusal(text.slice(length + 1))).toMatch(
          /^ERR_TOKEN_(?:MALFORMED|THIRD_PARTY|ISSUER)$/,
        );
      }
  });

  test("every prefix of the macaroon, with its preimage: malformed", () => {
    for (const { packet } of golden)
      for (let length = 0; length < packet.length; length++)
        expect(refusal(`${packet.subarray(0, length).toString("base64")}:${PREIMAGE}`)).toBe(
          "ERR_TOKEN_MALFORMED",
        );
  });

  test("any text whatever is refused with a TokenError, and the message repeats none of it", () => {
    const unit = fc.constantFrom(
      ..."AgE+/-_=:",
      PREIMAGE,
      "AgEbaHR0cHM6Ly9hcGkuZXhhbXBsZQ",
      "\n",
      "\0",
      "é",
      "\uD800",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary", minLength: 1 }),
          fc.string({ unit, minLength: 1, maxLength: 12 }),
        ),
        (text) => {
          try {
            authority.verifier.authenticate(text);
            expect.fail("genuine");
          } catch (error) {
            expect(error).toBeInstanceOf(TokenError);
            if (text.length > 12) expect((error as Error).message).not.toContain(text);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("more than a credential [case 2]", () => {
  test("1 to 64 bytes behind the macaroon, behind the text, or in front of it", () => {
    for (const { packet, text } of golden)
      for (let length = 1; length <= 64; length++) {
        for (const byte of [0, 2, 65, 255])
          expect(
            refusal(
              `${Buffer.concat([packet, Buffer.alloc(length, byte)]).toString("base64")}:${PREIMAGE}`,
            ),
          ).toBe("ERR_TOKEN_MALFORMED");
        for (const char of ["0", "A", " ", "\n", "=", ":"]) {
          expect(refusal(text + char.repeat(length))).toBe("ERR_TOKEN_MALFORMED");
          expect(refusal(char.repeat(length) + text)).toMatch(
            /^ERR_TOKEN_(?:MALFORMED|FORGED|ROOT|THIRD_PARTY)$/,
          );
        }
      }
  });

  test("two credentials in one text", () => {
    const [a, b] = [golden[1]!, golden[2]!];
    const both = Buffer.concat([a.packet, b.packet]).toString("base64");
    for (const text of [
      a.text + b.text,
      `${a.text},${b.text}`,
      `${a.text} ${b.text}`,
      `${a.text}:${b.text}`,
      `${both}:${PREIMAGE}`,
    ])
      expect(refusal(text)).toBe("ERR_TOKEN_MALFORMED");
  });
});

describe("any edit of the caveats but an appendix [case 15]", () => {
  /** A packet as a forger writes it: any parts, and a signature taken from somewhere. */
  const forged = (made: Terms, caveats: readonly Uint8Array[], signature: Uint8Array): string =>
    `${Buffer.concat([
      Buffer.of(2),
      field(2, identifierOf(made)),
      Buffer.of(0),
      ...caveats.flatMap((caveat) => [field(2, caveat), Buffer.of(0)]),
      Buffer.of(0),
      field(6, signature),
    ]).toString("base64")}:${PREIMAGE}`;

  const bytes = (caveats: Terms["caveats"] = []) =>
    caveats.map((caveat) => Buffer.from(caveat as string));
  const signatureOf = (packet: Buffer) => packet.subarray(-32);
  const held = fc.record({
    salt: fc.constantFrom("x", "y"),
    location: fc.constant(""),
    caveats: fc.array(caveatText, { minLength: 1, maxLength: 5 }),
  });

  test("the forger's own writing of an honest list is genuine", () => {
    fc.assert(
      fc.property(held, (made) => {
        expect(
          refusal(forged(made, bytes(made.caveats), signatureOf(packetOf(made)))),
        ).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test("removed, reordered, repeated, edited, emptied, merged, split, or put in anywhere: forged", () => {
    const edit = fc.constantFrom(
      "remove",
      "swap",
      "repeat",
      "edit",
      "empty",
      "merge",
      "split",
      "insert",
      "drop all",
      "cut",
    );
    fc.assert(
      fc.property(held, edit, fc.nat(), fc.nat(), caveatText, (made, how, i, j, text) => {
        const list = bytes(made.caveats);
        const at = i % list.length;
        const other = j % list.length;
        const before = Buffer.concat(list.map((caveat) => field(2, caveat))).toString("hex");
        if (how === "remove") list.splice(at, 1);
        if (how === "swap") [list[at], list[other]] = [list[other]!, list[at]!];
        if (how === "repeat") list.splice(at, 0, list[at]!);
        if (how === "edit") list[at] = Buffer.from(text);
        if (how === "empty") list[at] = Buffer.alloc(0);
        if (how === "merge") list.splice(at, 2, Buffer.concat(list.slice(at, at + 2)));
        if (how === "split") list.splice(at, 1, list[at]!.subarray(0, 4), list[at]!.subarray(4));
        if (how === "insert") list.splice(at, 0, Buffer.from(text));
        if (how === "drop all") list.length = 0;
        if (how === "cut") list.length = at;
        if (Buffer.concat(list.map((caveat) => field(2, caveat))).toString("hex") === before)
          return;
        expect(refusal(forged(made, list, signatureOf(packetOf(made))))).toBe("ERR_TOKEN_FORGED");
      }),
      { numRuns: 600 },
    );
  });

  test("an appendix under the old signature, or under the identifier's alone: forged", () => {
    fc.assert(
      fc.property(held, caveatText, (made, text) => {
        const list = [...bytes(made.caveats), Buffer.from(text)];
        expect(refusal(forged(made, list, signatureOf(packetOf(made))))).toBe("ERR_TOKEN_FORGED");
        expect(
          refusal(
            forged(made, bytes(made.caveats), signatureOf(packetOf({ ...made, caveats: [] }))),
          ),
        ).toBe("ERR_TOKEN_FORGED");
      }),
      { numRuns: 60 },
    );
  });

  test("the parts of two genuine credentials spliced: forged", () => {
    fc.assert(
      fc.property(held, held, fc.boolean(), (a, b, samePlace) => {
        const made = { ...b, salt: samePlace ? a.salt : `${a.salt}!` };
        if (JSON.stringify(a.caveats) === JSON.stringify(made.caveats)) return;
        // a's identifier with b's caveats and signature, and the ways round.
        for (const text of [
          forged(a, bytes(a.caveats), signatureOf(packetOf(made))),
          samePlace ? undefined : forged(a, bytes(made.caveats), signatureOf(packetOf(made))),
          forged(made, bytes(a.caveats), signatureOf(packetOf(made))),
        ])
          if (text !== undefined) expect(refusal(text)).toBe("ERR_TOKEN_FORGED");
      }),
      { numRuns: 60 },
    );
  });

  test("an appendix rightly signed is genuine, and stays below", () => {
    fc.assert(
      fc.property(held, fc.array(caveatText, { maxLength: 3 }), (made, more) => {
        const child = Credential.parse(credentialText(made)).append(more);
        // js-macaroon signs the same.
        expect(child.toString()).toBe(
          credentialText({ ...made, caveats: [...made.caveats, ...more] }),
        );
        expect(refusal(child.toString())).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});

describe("an authority that proved the honest credentials before, and continues from them", () => {
  const made: Terms = {
    caveats: [
      "endpoints=GET https://api.example/a",
      "max_uses=3",
      "agent=a.00000001",
      "purpose=x",
      "agent=b.00000002",
    ],
  };
  const honest = made.caveats!.map((_, at) => ({
    ...made,
    caveats: made.caveats!.slice(0, at + 1),
  }));
  const sibling = {
    ...made,
    caveats: [...made.caveats!.slice(0, 2), "agent=c.00000003", "max_uses=9"],
  };
  const packet = (caveats: readonly (string | Uint8Array)[], signature: Uint8Array): string =>
    `${Buffer.concat([
      Buffer.of(2),
      field(2, identifierOf(made)),
      Buffer.of(0),
      ...caveats.flatMap((caveat) => [field(2, Buffer.from(caveat as string)), Buffer.of(0)]),
      Buffer.of(0),
      field(6, signature),
    ]).toString("base64")}:${PREIMAGE}`;

  beforeEach(() => {
    authority = new Authority({
      secret: SECRET,
      location: LOCATION,
      kind: "spending",
      cacheSize: 64,
    });
  });

  test("no list but an honest one verifies under any signature that was seen, whatever was proven last [cases 15, 111]", () => {
    const lists = [...honest, sibling].map(({ caveats }) => caveats);
    const seen = lists.map((caveats) => ({
      caveats,
      signature: packetOf({ ...made, caveats }).subarray(-32),
    }));
    // Every honest list, cut anywhere, with any one caveat left out, repeated or taken from the
    // sibling.
    const forged = lists.flatMap((caveats) =>
      caveats.flatMap((_, at) => [
        caveats.slice(0, at),
        caveats.toSpliced(at, 1),
        caveats.toSpliced(at, 0, caveats[at]!),
        caveats.toSpliced(at, 1, "max_uses=9"),
        [...caveats, caveats[at]!],
      ]),
    );
    let refused = 0;
    for (const last of [...honest, sibling]) {
      for (const each of [...honest, sibling, last])
        expect(refusal(credentialText(each))).toBeUndefined();
      for (const caveats of [...lists, ...forged])
        for (const { caveats: signed, signature } of seen) {
          const genuine = caveats.join("\n") === signed.join("\n");
          // A genuine one in another order of proving moves what is remembered, so it is not
          // presented here.
          if (genuine) continue;
          refused++;
          expect(refusal(packet(caveats, signature))).toBe("ERR_TOKEN_FORGED");
        }
    }
    expect(refused).toBeGreaterThan(2000);
  });

  test("a refused chain is never continued from", () => {
    const wrong = packet(["max_uses=9"], Buffer.alloc(32, 1));
    expect(refusal(wrong)).toBe("ERR_TOKEN_FORGED");
    expect(refusal(wrong)).toBe("ERR_TOKEN_FORGED");
    const unpaid = credentialText(made).slice(0, -64) + "0".repeat(64);
    expect(refusal(unpaid)).toBe("ERR_TOKEN_PREIMAGE");
    for (const each of [...honest, sibling]) expect(refusal(credentialText(each))).toBeUndefined();
  });

  test("ids of nodes and counters are the same, whatever was proven before", () => {
    const ids = (verified: Verified) => [
      ...verified.nodes.map(({ id }) => id),
      ...verified.limits.map(({ id }) => id),
    ];
    for (const first of [...honest, sibling])
      for (const second of [...honest, sibling]) {
        const warm = new Authority({ secret: SECRET, location: LOCATION, kind: "spending" });
        warm.verifier.authenticate(credentialText(first));
        const cold = new Authority({
          secret: SECRET,
          location: LOCATION,
          kind: "spending",
          cacheSize: 0,
        });
        const text = credentialText(second);
        expect(ids(warm.verifier.authenticate(text))).toEqual(
          ids(cold.verifier.authenticate(text)),
        );
      }
  });

  test("writing to the bytes of a verified credential changes nothing that was proven", () => {
    const verified = authority.verifier.authenticate(credentialText(made));
    const held = macaroonOf(verified.credential);
    // Of the same length, and much more.
    held.caveats[0]!.set(Buffer.from("endpoints=GET https://api.example/b"));
    const forged = packet(
      held.caveats.map((caveat) => Buffer.from(caveat)),
      held.signature,
    );
    expect(Buffer.from(held.caveats[0]!).toString()).toBe("endpoints=GET https://api.example/b");
    expect(refusal(forged)).toBe("ERR_TOKEN_FORGED");
    expect(refusal(credentialText({ ...made, location: "" }))).toBeUndefined();
  });
});

describe("another's secret, payment or identifier", () => {
  test.each<[string, string, TokenCode]>([
    ["another secret", credentialText({ secret: OTHER_SECRET }), "ERR_TOKEN_ROOT"],
    ["another secret under our root's name", renamed(OTHER_SECRET), "ERR_TOKEN_FORGED"],
    [
      "no payment [case 90]",
      `${packetOf().toString("base64")}:${"0".repeat(64)}`,
      "ERR_TOKEN_PREIMAGE",
    ],
    ["another's payment", `${packetOf().toString("base64")}:${OTHER_SECRET}`, "ERR_TOKEN_PREIMAGE"],
    [
      "the payment hash for a preimage",
      `${packetOf().toString("base64")}:${identifierOf().subarray(2, 34).toString("hex")}`,
      "ERR_TOKEN_PREIMAGE",
    ],
    [
      "an altered signature and no payment: the signature is told first",
      unsigned("0".repeat(64)),
      "ERR_TOKEN_FORGED",
    ],
  ])("%s", (_what, text, code) => {
    expect(refusal(text)).toBe(code);
  });

  /** Minted under a foreign secret, with the name of our root put over it. */
  function renamed(secret: string): string {
    const packet = packetOf({ secret });
    const at = packet.indexOf(identifierOf({ secret }).subarray(34));
    identifierOf().copy(packet, at, 34, 38);
    return `${packet.toString("base64")}:${PREIMAGE}`;
  }
  function unsigned(preimage: string): string {
    const packet = packetOf();
    packet[packet.length - 1]! ^= 1;
    return `${packet.toString("base64")}:${preimage}`;
  }

  test("a preimage alone, or a macaroon alone, grants nothing [cases 73, 90]", () => {
    for (const text of [
      PREIMAGE,
      `:${PREIMAGE}`,
      packetOf().toString("base64"),
      `${packetOf().toString("base64")}:`,
    ])
      expect(refusal(text)).toBe("ERR_TOKEN_MALFORMED");
  });
});
