/**
 * What is taken out of a text before it is printed or logged: wallets' URLs of every kind, whole or
 * broken.
 */

import { Minter, seal } from "l8nt/biscuit";
import { Authority } from "l8nt/l402";
import { expect, test } from "vitest";
import { withoutCredentials, withoutSecrets } from "./secrecy.ts";
import { hidden, logger } from "./treasury/log.ts";

// Short, and of no alphabet of its own: nothing but its place tells that it is a secret.
const SECRET = "hunter2-Short";

const URLS = [
  `lnd+https://node.example:8080?macaroon=${SECRET}&cert=/a/b`,
  `cln+https://node.example:3010?rune=${SECRET}`,
  `phoenixd+http://127.0.0.1:9740?password=${SECRET}`,
  `lnbits+https://bank.example?key=${SECRET}`,
  `nostr+walletconnect://abc?relay=wss%3A%2F%2Frelay.example&secret=${SECRET}`,
  `nostr+walletconnect:abc?relay=wss://relay.example&secret=${SECRET}`,
  `dev+http://127.0.0.1:1/alice?key=${SECRET}`,
  `LND+HTTPS://node.example?macaroon=${SECRET}`,
  `lnd+https//node.example?macaroon=${SECRET}`,
  `node.example?cert=/a/b&rune=${SECRET}`,
];

test.each(URLS)("nothing of its secret is left (%#)", (url) => {
  for (const around of [
    url,
    `open '${url}'`,
    `Error: "${url}" is no URL`,
    `${url}\n    at open (file.ts:1)`,
  ]) {
    const shown = withoutSecrets(around);
    expect(shown).not.toContain(SECRET);
    expect(shown).toContain("(not shown)");
  }
  const lines: string[] = [];
  logger("info", { write: (line: string) => void lines.push(line) }).warn(
    { what: url },
    `it says ${url}`,
  );
  expect(lines.join("")).not.toContain(SECRET);
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: "warn" });
});

test("what is no wallet's URL stays as it is", () => {
  for (const text of [
    "GET https://api.example/a?page=2&sort=key",
    "a+b",
    "10 sat + 1 sat of fee: paid",
  ])
    expect(withoutSecrets(text)).toBe(text);
});

const scope = { endpoints: ["GET https://api.example/**"], expiresIn: "1h" } as const;
const minter = (keyId: number) =>
  new Minter({ privateKey: "11".repeat(32), issuer: "https://treasury.example", keyId });
const authority = new Authority({
  secret: "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8",
  location: "https://api.example",
});

test.each([
  ["a macaroon", authority.minter.mint(scope)],
  ["a token of the public-key form", minter(0).mint(scope)],
  ["one with a key's number", minter(4_000_000_000).mint(scope)],
  ["one that is sealed", seal(minter(1).mint(scope).delegate({ agent: "a" }))],
])("%s is taken out in every form", (_name, credential) => {
  const whole = credential.toString();
  const encoded = encodeURIComponent(whole);
  for (const text of [
    ...[whole, credential.toKey(), encoded],
    ...[
      encodeURIComponent(whole.split(":")[0]!),
      encoded.replace(/%../g, (one) => one.toLowerCase()),
    ],
  ]) {
    const token = text.split(/:|%3a/i)[0]!.replace("sk-sigil-", "");
    for (const hide of [withoutCredentials, withoutSecrets, hidden]) {
      const shown = hide(`before ${text} after`);
      expect(shown).toMatch(/^before .*\(not shown\).* after$/);
      expect(shown).not.toContain(token.slice(0, 40));
      expect(shown).not.toContain(token.slice(-40));
      expect(shown).not.toContain(whole.split(":")[1]!);
    }
  }
});

test("names and paths that begin as a token does stay as they are", () => {
  const text = "GET /CAPITALS/EgyptianMuseums/CAtalogue-of-all-the-long-names-there-are: Egypt";
  expect(withoutCredentials(text)).toBe(text);
  expect(hidden(text)).toBe(text);
});
