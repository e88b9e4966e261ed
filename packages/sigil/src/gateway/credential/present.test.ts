/** Which credential a request presents, by what stands beside it. spec/3-challenge.md §4. */
import { Credential } from "l8nt";
import { Authority } from "l8nt/l402";
import { describe, expect, test } from "vitest";
import { openIssuer } from "../fixtures/issuer.ts";
import { SECRET } from "../fixtures/town.ts";
import { PRESETS } from "../presets/index.ts";
import { presentedKey } from "./present.ts";
import { presentedToSale } from "./presented-sale.ts";

const location = "http://gateway.example";
const authority = new Authority({ secret: SECRET, location });
const mint = () => authority.minter.mint({ endpoints: [`* ${location}/**`], expiresIn: "1h" });
const [macaroon, other] = [mint(), mint()];
const biscuit = openIssuer().mint();

/** What it is sent as, and which it is. */
const FORMS: Readonly<Record<string, readonly [string, Credential]>> = {
  "a macaroon, L402": [`L402 ${macaroon}`, macaroon],
  "a macaroon, LSAT": [`lsat  ${macaroon}`, macaroon],
  "a macaroon's key form, L402": [`L402 ${macaroon.toKey()}`, macaroon],
  "a macaroon's key form, Bearer": [`Bearer ${macaroon.toKey()}`, macaroon],
  "a public-key one, L402": [`L402 ${biscuit}`, biscuit],
  "a public-key one, Bearer": [`Bearer ${biscuit}`, biscuit],
  "a public-key one's key form, L402": [`L402 ${biscuit.toKey()}`, biscuit],
  "a public-key one's key form, Bearer": [`Bearer ${biscuit.toKey()}`, biscuit],
};

type Write = (sent: string) => readonly string[];
/** Lines of `Authorization`; a text with a colon is a line of another field. */
const linesOf = (values: readonly string[]) =>
  values.flatMap((value) =>
    value.startsWith("api-key:") ? ["Api-Key", value.slice(8)] : ["Authorization", value],
  );

const { credentialPlaces: places } = PRESETS.get("openai")!;
/** What is read, by routes that sell and by those that do not. */
async function read(values: readonly string[]): Promise<readonly string[]> {
  const lines = linesOf(values);
  const codeOf = (error: unknown) => (error as { code: string }).code;
  const shown = (text: string | undefined): string => {
    try {
      return Credential.parse(text!).toString();
    } catch {
      return String(text);
    }
  };
  const attempt = async (found: () => string | undefined | Promise<string | undefined>) => {
    try {
      return shown(await found());
    } catch (error) {
      return codeOf(error);
    }
  };
  return [
    await attempt(() => presentedKey(places, lines, "")),
    await attempt(() => presentedToSale(places, lines, "", authority.verifier)),
  ];
}

/** That credential, whatever scheme it is sent in. */
const TAKEN: Readonly<Record<string, Write>> = {
  alone: (sent) => [sent],
  "beside Basic": (sent) => [`Basic YTpi, ${sent}`],
  "before Basic": (sent) => [`${sent}, Basic YTpi`],
  "beside a scheme with parameters": (sent) => [`Digest username="a, b", realm="c", ${sent}`],
  "beside an unknown scheme": (sent) => [`Frob abc, ${sent}`],
  "twice in one line": (sent) => [`${sent}, ${sent}`],
  "on two lines": (sent) => [sent, sent],
  "on a line of its own": (sent) => ["Basic YTpi", sent],
  "with blanks": (sent) => [`Frob abc ,\t ${sent}  `],
};

/** That credential, if it is in the scheme L402: a key beside it is the API's own. */
const TAKEN_BY_SCHEME: Readonly<Record<string, Write>> = {
  "beside Bearer": (sent) => [`Bearer sk-none, ${sent}`],
  "before Bearer": (sent) => [`${sent}, Bearer sk-none`],
  "beside Bearer and Basic": (sent) => [`Basic YTpi, ${sent}, Bearer sk-none`],
  "beside Bearer on another line": (sent) => ["Bearer sk-none", sent],
  "beside a key in another field": (sent) => [sent, "api-key:sk-none"],
};

/** Two credentials, in whatever scheme. */
const TWO: Readonly<Record<string, Write>> = {
  "another one, L402": (sent) => [`${sent}, L402 ${other}`],
  "another one before it": (sent) => [`L402 ${other}, ${sent}`],
  "another one, Bearer": (sent) => [`Bearer ${other.toKey()}, ${sent}`],
  "another one, Bearer, that is broken": (sent) => [`Bearer sk-sigil-abc, ${sent}`],
  "another one on another line": (sent) => [sent, `L402 ${other}`],
  "another one on another line, Bearer": (sent) => [`Bearer ${other.toKey()}`, sent],
  "another one in another field": (sent) => [sent, `api-key:${other.toKey()}`],
};

describe.each(Object.entries(FORMS))("%s", (_form, [sent, credential]) => {
  const text = credential.toString();
  const isByScheme = !sent.startsWith("Bearer");

  test.each(Object.entries(TAKEN))("is read %s", async (_how, write) => {
    expect(await read(write(sent))).toEqual([text, text]);
  });

  test.each(Object.entries(TAKEN_BY_SCHEME))("%s", async (_how, write) => {
    const expected = isByScheme ? text : "ERR_TOKEN_AMBIGUOUS";
    expect(await read(write(sent))).toEqual([expected, expected]);
  });

  test.each(Object.entries(TWO))("is refused beside %s", async (_how, write) => {
    expect(await read(write(sent))).toEqual(["ERR_TOKEN_AMBIGUOUS", "ERR_TOKEN_AMBIGUOUS"]);
  });

  test("is one with the same one in another scheme or field", async () => {
    for (const values of [
      [`L402 ${text}, Bearer ${credential.toKey()}`],
      [sent, `api-key:${credential.toKey()}`],
    ])
      expect(await read(values)).toEqual([text, text]);
  });
});

test.each<[string, readonly string[], readonly [string, string]]>([
  ["nothing", [], ["undefined", "undefined"]],
  ["the API's own key", ["Bearer sk-none"], ["sk-none", "undefined"]],
  ["the API's own key beside Basic", ["Bearer sk-none, Basic YTpi"], ["sk-none", "undefined"]],
  ["another scheme", ["Frob abc"], ["undefined", "undefined"]],
  ["what cannot be read in ours", ["Bearer x, L402 abc"], ["abc", "abc"]],
  ["no text in ours", ["Bearer x, L402 a b"], ["ERR_TOKEN_MALFORMED", "ERR_TOKEN_MALFORMED"]],
  [
    "a list of macaroons",
    [`L402 ${macaroon.toString().split(":")[0]},${macaroon}`],
    ["ERR_TOKEN_AMBIGUOUS", "ERR_TOKEN_AMBIGUOUS"],
  ],
  [
    "one in a quoted value of another scheme",
    [`Frob a="b, L402 ${macaroon}"`],
    ["undefined", "undefined"],
  ],
])("of %s", async (_what, values, expected) => {
  expect(await read(values)).toEqual(expected);
});
