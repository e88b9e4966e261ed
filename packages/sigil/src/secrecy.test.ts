/**
 * What is taken out of a text before it is printed or logged: wallets' URLs of every kind, whole or
 * broken.
 */
import { expect, test } from "vitest";
import { withoutSecrets } from "./secrecy.ts";
import { logger } from "./treasury/log.ts";

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
