/** Whatever is logged, printed or serialised: no preimage, and no macaroon together with one. */
import { Console } from "node:console";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import bolt11 from "../../../../spec/vectors/bolt11.json" with { type: "json" };
import {
  credentialText,
  GOLDEN_TERMS,
  LOCATION,
  NOW,
  OTHER_SECRET,
  PREIMAGE,
  packetOf,
  SECRET,
} from "../../../../test/fuzz/golden.ts";
import type { Access } from "../caveat/index.ts";
import { readOrigin, targetAt } from "../caveat/index.ts";
import { Authority } from "./authority.ts";
import { readAuthorization } from "./authorization.ts";
import { Challenge } from "./challenge.ts";
import { Credential, macaroonOf } from "./credential.ts";
import { verify } from "./fixtures/verdict.ts";
import { Identifier } from "./identifier.ts";

const access: Access = {
  now: NOW,
  target: targetAt("POST", readOrigin(LOCATION)!, "/a")!,
  price: { unit: "msat", value: 10n ** 15n },
};
const authorityOf = () =>
  new Authority({ secret: SECRET, location: LOCATION, kind: "spending", clock: () => NOW });

const plainBigints = (_key: string, value: unknown) =>
  typeof value === "bigint" ? `${value}` : value;

/** Everything that a logger might do with a value. */
function renderings(value: unknown): string[] {
  const printed: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      printed.push(String(chunk));
      done();
    },
  });
  const console = new Console(stream, stream);
  console.log(value);
  console.log("%o %O", value, value);
  console.error({ nested: [{ value }] });
  console.table([{ value }]);
  return [
    ...printed,
    JSON.stringify(value, plainBigints) ?? "",
    JSON.stringify({ nested: [value] }, plainBigints),
    inspect(value),
    inspect(value, {
      depth: null,
      showHidden: true,
      getters: true,
      maxArrayLength: null,
      maxStringLength: null,
    }),
    inspect({ nested: [value] }, { depth: null }),
    ...(value instanceof Error
      ? [value.message, String(value), value.stack ?? "", inspect(value.cause, { depth: null })]
      : []),
  ];
}

const forms = (hex: string) => {
  const bytes = Buffer.from(hex, "hex");
  return [
    hex,
    hex.toUpperCase(),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    bytes.join(", "),
    bytes.join(","),
  ];
};

function expectSilence(
  value: unknown,
  preimages: readonly string[],
  secrets: readonly string[] = [SECRET],
): void {
  for (const text of renderings(value)) {
    const plain = text.replace(/\s+/g, " ");
    for (const secret of [...preimages, ...secrets])
      for (const form of forms(secret)) if (plain.includes(form)) expect.fail("a secret was shown");
  }
}

const preimageOf = (credential: Credential) => credential.toString().slice(-64);

describe("what is shown of a credential", () => {
  test.each(GOLDEN_TERMS.map((terms, at) => [at, terms] as const))(
    "golden credential %i: described, not shown",
    (_at, terms) => {
      const credential = Credential.parse(credentialText(terms));
      const verified = authorityOf().verifier.authenticate(credential);
      for (const value of [
        credential,
        verified,
        verified.credential,
        credential.body,
        credential.chain,
        verified.chain,
        credential.caveats,
        verified.node,
        verified.nodes,
      ])
        expectSilence(value, [PREIMAGE]);
      // Neither is the signature, which is the half that its holder needs.
      const signature = Buffer.from(macaroonOf(credential).signature).toString("hex");
      for (const value of [credential, verified]) expectSilence(value, [PREIMAGE], [signature]);
      expect(JSON.parse(JSON.stringify(credential))).toMatchObject({
        credential: "(not shown)",
        location: credential.location,
      });
      expect(JSON.parse(JSON.stringify(verified))).toMatchObject({
        credential: "(not shown)",
        nodes: verified.nodes.map(({ id }) => ({ id })),
      });
    },
  );

  test("a credential minted here, narrowed or delegated: described, not shown", () => {
    const minted = authorityOf().minter.mint({
      endpoints: ["GET https://api.example/**"],
      expiresIn: "1h",
      budget: "5 sat",
    });
    const child = minted
      .delegate({ agent: "a", maxUses: 3 })
      .append([`preimage=${preimageOf(minted)}`]);
    for (const credential of [minted, child]) {
      expectSilence(credential, [preimageOf(credential)]);
      expectSilence(authorityOf().verifier.authenticate(credential), [preimageOf(credential)]);
      expectSilence(verify(authorityOf(), credential, access), [preimageOf(credential)]);
    }
  });

  test("an authority shows no secret and no credential that it verified", () => {
    const authority = authorityOf();
    authority.verifier.authenticate(credentialText());
    authority.rotate(OTHER_SECRET);
    expectSilence(authority, [PREIMAGE], [SECRET, OTHER_SECRET]);
  });

  test("a challenge has no preimage to show", () => {
    const challenge = authorityOf().minter.challenge(
      { endpoints: [], expiresIn: "1h", budget: "1 sat" },
      bolt11.valid[0]!.invoice,
    );
    expectSilence(challenge, [PREIMAGE]);
    expectSilence(Challenge.parse(Challenge.format(challenge)), [PREIMAGE]);
  });
});

describe("what is shown by errors", () => {
  const text = credentialText({
    caveats: ["endpoints=GET https://api.example/a", "valid_until=1", "max_price_msat=1", "zzz=1"],
  });
  const packet = packetOf();
  const altered = Buffer.from(packet);
  altered[altered.length - 1]! ^= 1;
  const root = Credential.parse(credentialText());
  const full = root.append(Array.from({ length: 64 }, () => "max_uses=1"));

  const attempts: [string, () => unknown][] = [
    ["denied", () => verify(authorityOf(), text, access)],
    [
      "denied for a preimage caveat",
      () =>
        verify(authorityOf(), credentialText({ caveats: [`preimage=${OTHER_SECRET}`] }), access),
    ],
    [
      "denied for a preimage caveat that is malformed",
      () => verify(authorityOf(), credentialText({ caveats: [`preimage=${PREIMAGE}0`] }), access),
    ],
    [
      "denied for a condition named by the preimage",
      () => verify(authorityOf(), credentialText({ caveats: [`${PREIMAGE}=1`] }), access),
    ],
    [
      "denied for a service named by the preimage",
      () =>
        verify(authorityOf(), credentialText({ caveats: [`${PREIMAGE}_valid_until=x`] }), access),
    ],
    ["forged", () => verify(authorityOf(), `${altered.toString("base64")}:${PREIMAGE}`, access)],
    [
      "under another secret",
      () => verify(authorityOf(), credentialText({ secret: OTHER_SECRET }), access),
    ],
    [
      "for another payment",
      () => verify(authorityOf(), `${packet.toString("base64")}:${OTHER_SECRET}`, access),
    ],
    ["malformed", () => Credential.parse(`${credentialText()}0`)],
    [
      "malformed in its macaroon",
      () => Credential.parse(`${packet.subarray(1).toString("base64")}:${PREIMAGE}`),
    ],
    [
      "malformed in its preimage",
      () => Credential.parse(`${packet.toString("base64")}:${PREIMAGE.slice(0, 63)}g`),
    ],
    ["too large", () => Credential.parse(credentialText().padEnd(9000, "0"))],
    ["too long a chain", () => full.append(["max_uses=1"])],
    ["ambiguous", () => readAuthorization(`L402 ${credentialText()}, L402 ${text}`)],
    ["unreadable", () => readAuthorization(`L402 ${credentialText()} x`)],
    [
      "a credential for a challenge",
      () => Challenge.parse(`L402 macaroon="${credentialText()}", invoice="lnbc1"`),
    ],
    [
      "a credential for an invoice",
      () =>
        Challenge.format({
          macaroon: macaroonOf(root),
          identifier: Identifier.decode(macaroonOf(root).identifier),
          invoice: credentialText(),
          enforced: [],
        }),
    ],
    ["a scope that is none", () => root.attenuate({ budgt: 1 } as never)],
    ["a credential for a scope", () => root.attenuate(credentialText() as never)],
    ["a credential for a scope, as an object", () => root.attenuate(root as never)],
    [
      "a secret that is too short",
      () => new Authority({ secret: SECRET.slice(2), location: LOCATION }),
    ],
    ["a secret for a location", () => new Authority({ secret: SECRET, location: SECRET })],
  ];
  test.each(attempts)("%s", (_what, attempt) => {
    let outcome: unknown;
    try {
      outcome = attempt();
    } catch (error) {
      outcome = error;
    }
    const verdict = outcome as { error?: unknown };
    expect(verdict.error ?? outcome).toBeInstanceOf(Error);
    // The preimage in `OTHER_SECRET` stands for one that somebody presented.
    expectSilence(verdict.error ?? outcome, [PREIMAGE, OTHER_SECRET], [SECRET, SECRET.slice(2)]);
  });
});
