/**
 * Laws of what a handler sees of the fields of a request: an API's own, and never the credential.
 * spec/3-challenge.md §4 and §5.
 */
import assert from "node:assert/strict";
import { Credential } from "../l402/index.ts";
import { formatMacaroonField } from "../l402/macaroon-field.ts";
import type { GivenHeaders } from "../service/index.ts";
import type { PaywallLaws, Reply, RouteTerms } from "./paywall-laws.ts";

type Lines = readonly (readonly [name: string, value: string])[];

/** Each way to present a credential, and what is left of it for a handler. */
const PRESENTED: Record<string, (text: string) => { lines: Lines; own?: string | undefined }> = {
  "in Authorization": (text) => ({ lines: [["Authorization", `L402 ${text}`]] }),
  "in other cases": (text) => ({ lines: [["AUTHORIZATION", `lSaT  ${text}`]] }),
  "on two lines": (text) => ({
    lines: [
      ["authorization", `LSAT ${text}`],
      ["Authorization", `L402 ${text}`],
    ],
  }),
  "in Macaroon": (text) => ({ lines: [["Macaroon", hexOf(text)]] }),
  "in Grpc-Metadata-Macaroon": (text) => ({
    lines: [["Grpc-Metadata-Macaroon", hexOf(text).toUpperCase()]],
  }),
  "several times": (text) => ({
    lines: [["authorization", `L402 ${text}, L402 ${text}`]],
  }),
  "in both fields of gRPC clients": (text) => ({
    lines: [
      ["macaroon", hexOf(text)],
      ["grpc-metadata-macaroon", hexOf(text)],
      ["macaroon", hexOf(text)],
    ],
  }),
  "in Macaroon, beside the API's Bearer": (text) => ({
    lines: [
      ["authorization", "Bearer key"],
      ["macaroon", hexOf(text)],
    ],
    own: "Bearer key",
  }),
  "in Macaroon, before the API's Basic": (text) => ({
    lines: [
      ["macaroon", hexOf(text)],
      ["authorization", "Basic a2V5Og=="],
    ],
    own: "Basic a2V5Og==",
  }),
  "on a line before the API's Bearer": (text) => ({
    lines: [
      ["authorization", `L402 ${text}`],
      ["authorization", "Bearer key"],
    ],
    own: "Bearer key",
  }),
  "on a line after the API's Basic": (text) => ({
    lines: [
      ["authorization", "Basic a2V5Og=="],
      ["authorization", `L402 ${text}`],
    ],
    own: "Basic a2V5Og==",
  }),
  "on one line, before the API's Bearer": (text) => ({
    lines: [["authorization", `L402 ${text}, Bearer key`]],
    own: "Bearer key",
  }),
  "on one line, after the API's Digest": (text) => ({
    lines: [["authorization", `Digest username="a", realm="b",LSAT ${text}`]],
    own: 'Digest username="a", realm="b"',
  }),
};

const hexOf = (text: string): string => formatMacaroonField(Credential.parse(text));

/** Fields that a handler sees as they were sent. */
const OTHERS: Lines = [
  ["Idempotency-Key", '"one"'],
  ["X-Macaroon", "almond"],
  ["Accept", "text/plain"],
];

const pairsOf = (given: GivenHeaders): [string, string][] =>
  given instanceof Headers
    ? [...given]
    : Object.entries(given).map(([name, value]) => [name, [value].flat().join(", ")]);

export function fieldLaws({ law }: PaywallLaws): void {
  for (const terms of [
    { price: "10 sat" },
    { price: "10 sat", grants: { validFor: "1h" } },
    { price: "0 sat" },
  ] satisfies RouteTerms[])
    for (const [how, present] of Object.entries(PRESENTED)) {
      const handle = (_: unknown, __: unknown, fields?: () => readonly GivenHeaders[]): Reply => ({
        status: 200,
        body: JSON.stringify(fields?.().map(pairsOf)),
      });
      law(
        `a handler behind ${JSON.stringify(terms)} sees no credential that came ${how}, and all else`,
        [
          { ...terms, handle },
          { path: "/sold", price: "10 sat", grants: { endpoints: ["GET /*"], validFor: "1h" } },
        ],
        async (world) => {
          const text = await world.buy("/sold");
          const { lines, own } = present(text);
          const response = await world.ask("/paid", [], { fields: [...OTHERS, ...lines] });
          assert.equal(response.status, 200, response.body);
          const [macaroon = "", preimage = ""] = text.split(":");
          const hex = Buffer.from(macaroon, "base64").toString("hex").slice(0, 40);
          for (const secret of [macaroon, preimage, hex])
            assert.ok(!response.body.toLowerCase().includes(secret.toLowerCase()), response.body);
          const views = JSON.parse(response.body) as [string, string][][];
          assert.ok(views.length > 0);
          for (const view of views) {
            const fields = new Headers(view);
            assert.equal(fields.get("authorization"), own ?? null);
            assert.ok(!fields.has("macaroon") && !fields.has("grpc-metadata-macaroon"));
            for (const [name, value] of OTHERS) assert.equal(fields.get(name), value);
          }
        },
      );
    }

  for (const [how, present] of Object.entries(PRESENTED))
    law(
      `a price by the API's own Authorization is the same with a credential ${how}`,
      {
        price: ({ headers }) => (headers.get("authorization")?.endsWith("key") ? "1 sat" : "9 sat"),
        grants: { uses: 2 },
      },
      async (world) => {
        const { own } = present(await world.buy("/paid"));
        const before: Lines = own === undefined ? [] : [["authorization", own]];
        const { lines } = present(await world.buy("/paid", { fields: before }));
        assert.equal((await world.ask("/paid", [], { fields: lines })).status, 200);
        assert.equal(world.grants.at(-1)?.price.value, own === "Bearer key" ? 1_000n : 9_000n);
      },
    );
}
