/**
 * What each reason against a credential is answered with, on a route that is for sale and on one
 * that is not. spec/3-challenge.md §5.
 */
import { expect, test } from "vitest";
import type { Verified } from "../credential/index.ts";
import { ERRORS } from "../error-codes.ts";
import {
  type BudgetCode,
  type DenialCode,
  type Refusal,
  type TokenCode,
  TokenError,
} from "../errors.ts";
import { Authority } from "../l402/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall } from "./index.ts";

/** The status, and what `WWW-Authenticate` has: an invoice to pay, or the scheme alone. */
type Answer = "402 challenge" | "401 bare" | "400" | "403" | "503";
type Row = readonly [sold: Answer, notSold: Answer];

const SALE_HELPS: Row = ["402 challenge", "401 bare"];
const SALE_IS_OF_ELSEWHERE: Row = ["402 challenge", "403"];
const NO_SALE_HELPS: Row = ["403", "403"];
const UNREADABLE: Row = ["401 bare", "401 bare"];

/** A code that is new takes a row, or the types do not agree. */
const TOKENS: Readonly<Record<TokenCode, Row>> = {
  ERR_TOKEN_MISSING: SALE_HELPS,
  ERR_TOKEN_FORGED: SALE_HELPS,
  ERR_TOKEN_PREIMAGE: SALE_HELPS,
  ERR_TOKEN_ROOT: SALE_HELPS,
  ERR_TOKEN_MALFORMED: UNREADABLE,
  ERR_TOKEN_TOO_LARGE: UNREADABLE,
  ERR_TOKEN_THIRD_PARTY: UNREADABLE,
  ERR_TOKEN_AMBIGUOUS: ["400", "400"],
  ERR_TOKEN_ISSUER: SALE_HELPS,
  ERR_TOKEN_KEY: SALE_HELPS,
  ERR_TOKEN_ALGORITHM: UNREADABLE,
  ERR_TOKEN_DATALOG: UNREADABLE,
  ERR_TOKEN_SEALED: UNREADABLE,
};

/** From a caveat of the root, and from one of an agent below it. */
const DENIALS: Readonly<Record<DenialCode | BudgetCode, readonly [root: Row, agent: Row]>> = {
  ERR_EXPIRED: [SALE_HELPS, SALE_HELPS],
  ERR_REVOKED: [SALE_HELPS, SALE_HELPS],
  ERR_BUDGET: [SALE_HELPS, SALE_HELPS],
  ERR_USES: [SALE_HELPS, SALE_HELPS],
  ERR_PRICE: [SALE_HELPS, NO_SALE_HELPS],
  ERR_ENDPOINT: [SALE_IS_OF_ELSEWHERE, NO_SALE_HELPS],
  ERR_SERVICE: [SALE_IS_OF_ELSEWHERE, NO_SALE_HELPS],
  ERR_CAPABILITY: [SALE_IS_OF_ELSEWHERE, NO_SALE_HELPS],
  ERR_MODEL: [SALE_IS_OF_ELSEWHERE, NO_SALE_HELPS],
  ERR_NOT_YET_VALID: [SALE_IS_OF_ELSEWHERE, NO_SALE_HELPS],
  ERR_REVOCATION_UNKNOWN: [
    ["503", "503"],
    ["503", "503"],
  ],
  ERR_AGENT_UNKNOWN: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_SCOPE_WIDER: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_FROZEN: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_PAYEE: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_HOLDER: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_LEDGER: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_DEPTH: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_PREIMAGE_CAVEAT: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_CHECK: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_CAVEAT_UNKNOWN: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_CAVEAT_MALFORMED: [NO_SALE_HELPS, NO_SALE_HELPS],
  ERR_IN_FLIGHT: [NO_SALE_HELPS, NO_SALE_HELPS],
};

const location = "https://api.example";
const genuine = new Authority({
  secret: "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8",
  location,
});
const credential = genuine.minter.mint({ endpoints: [`GET ${location}/**`], expiresIn: "1h" });

/** Answers a request whose credential is judged by `authenticate`. */
async function answered(
  isSold: boolean,
  authenticate: () => Verified,
  authorization: string | undefined = `L402 ${credential}`,
): Promise<Answer> {
  const verifier = { ...genuine.verifier, known: () => undefined, authenticate };
  const authority = Object.create(genuine, {
    verifier: { value: verifier },
    readSecret: { value: () => {} },
    derivedKeys: { value: (purpose: string) => genuine.derivedKeys(purpose) },
    ...Object.fromEntries(
      (["location", "kind", "vocabulary"] as const).map((name) => [name, { value: genuine[name] }]),
    ),
  }) as Authority;
  const paywall = new Paywall({ authority, invoicer: new FakeInvoicer() });
  const route = paywall.route(isSold ? { price: "1 sat" } : {});
  const decision = await route.authorize({
    ...{ method: "GET", target: "/a", authorization },
    headers: () => new Headers(),
  });
  if (decision.granted) throw new Error("it was granted");
  const field = decision.response.headers.get("www-authenticate") ?? "";
  const what = field.includes("invoice=") ? " challenge" : field === "" ? "" : " bare";
  return `${decision.status}${what}` as Answer;
}

test.each(Object.keys(ERRORS.TokenError) as TokenCode[])("%s", async (code) => {
  const fail = (): never => {
    throw new TokenError(code, "It is no good.");
  };
  const field = code === "ERR_TOKEN_MISSING" ? "Bearer key" : undefined;
  const row = [await answered(true, fail, field), await answered(false, fail, field)];
  expect(row).toEqual(TOKENS[code]);
});

const DENIAL_CODES = [...Object.keys(ERRORS.DeniedError), ...Object.keys(ERRORS.BudgetError)];

test.each(DENIAL_CODES as (DenialCode | BudgetCode)[])(
  "%s, of the root and of an agent",
  async (code) => {
    const verified = genuine.verifier.authenticate(credential.toString());
    const deny = (agent?: string) => (): Verified => {
      const node = { id: "00".repeat(16), ...(agent !== undefined && { agent }) };
      const refusal: Refusal = { code, condition: "c", node, have: "this", need: "that" };
      return Object.create(verified, {
        judge: { value: () => [refusal] },
        chain: { value: verified.chain },
        limits: { value: [] },
        holders: { value: [] },
        paymentHash: { value: verified.paymentHash },
        credential: { value: verified.credential },
      }) as Verified;
    };
    const rows = [];
    for (const agent of [undefined, "scout"])
      rows.push([await answered(true, deny(agent)), await answered(false, deny(agent))]);
    expect(rows).toEqual(DENIALS[code]);
  },
);
