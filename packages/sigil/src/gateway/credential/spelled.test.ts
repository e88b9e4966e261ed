/** A credential is found in every spelling, and nothing else is taken for one. */
import fc from "fast-check";
import type { Scope } from "l8nt";
import { Minter as BiscuitMinter, seal } from "l8nt/biscuit";
import { Authority } from "l8nt/l402";
import { describe, expect, test } from "vitest";
import { SECRET } from "../fixtures/town.ts";
import { hasCredential } from "./spelled.ts";

const minted = (location: string) =>
  new Authority({ secret: SECRET, location, service: "a" }).minter
    .mint({ endpoints: [`* ${location}/**`], expiresIn: "1h" })
    .delegate({ agent: "scout" });
const credential = minted("http://gateway.example");
const TEXT = credential.toString();
const [MACAROON = ""] = TEXT.split(":");
const KEY = credential.toKey();
const url = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const hex = (char: string) => char.charCodeAt(0).toString(16).padStart(2, "0");
const all = (write: (char: string) => string) => (text: string) =>
  text.replace(/./gs, (char) => write(char));

const mintedBiscuit = (keyId: number, scope: Scope = {}) =>
  new BiscuitMinter({ privateKey: "11".repeat(32), issuer: "https://t.example", keyId }).mint({
    ...{ endpoints: ["* http://gateway.example/**"], expiresIn: "1h" },
    ...scope,
  });
const biscuit = mintedBiscuit(0);
const [TOKEN = ""] = biscuit.toString().split(":");

const FORMS = {
  "a public-key text": biscuit.toString(),
  "a public-key text in base64url": url(biscuit.toString()),
  "a public-key token alone": TOKEN,
  "a public-key token in base64url": url(TOKEN),
  "a public-key token that is sealed": seal(biscuit.delegate({ agent: "a" })).toString(),
  "a public-key token with a high number": mintedBiscuit(4_294_967_295).toString(),
  "a public-key token with a long first block": mintedBiscuit(7, {
    models: Array.from({ length: 40 }, (_, at) => `model-${at}`),
  }).toString(),
  "the public-key form's key form": biscuit.toKey(),
  "the same without its prefix": biscuit.toKey().slice("sk-sigil-".length),
  "the text": TEXT,
  "the text in base64url": url(TEXT),
  "the macaroon alone": MACAROON,
  "the macaroon in base64url": url(MACAROON),
  "the key form": KEY,
  "the key form without its prefix": KEY.slice("sk-sigil-".length),
  "a long location": minted(`http://gateway.example/${"a".repeat(300)}`).toString(),
} as const;
const WRITTEN: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "in a pair": (text) => `a=b; session=${text}; c=d`,
  "percent-encoded": encodeURIComponent,
  "percent-encoded twice": (text) => encodeURIComponent(encodeURIComponent(`=${text}=`)),
  "with every character percent-encoded": all((char) => `%${hex(char)}`),
  "in escapes of JSON": all((char) => `\\u00${hex(char).toUpperCase()}`),
  "in escapes of JavaScript": all((char) => `\\x${hex(char)}`),
  "with slashes as PHP writes them": (text) => text.replaceAll("/", "\\/"),
  "in numbers of HTML": all((char) => `&#${char.charCodeAt(0)};`),
  "in hexadecimal numbers of HTML": all((char) => `&#x${hex(char)};`),
  "as the user of a basic field": (text) => `Basic ${btoa(`${text}:`)}`,
  "in base64, one byte on": (text) => btoa(`x${text}`),
  "in base64url, two bytes on": (text) => url(btoa(`{"${text}"}`)),
  "behind a C": (text) => `C${text}`,
  "behind an E": (text) => `E${text}`,
  "behind letters that begin a macaroon": (text) => `sid=AgAg${text}`,
  "in base64, behind a C": (text) => btoa(`C${text}`),
  "on lines of 76 characters": (text) => text.replace(/.{76}/g, "$&\r\n "),
  "on lines, percent-encoded": (text) => encodeURIComponent(text.replace(/.{76}/g, "$&\r\n")),
  "on lines in JSON": (text) => JSON.stringify({ a: text.replace(/.{64}/g, "$&\n") }),
  "in base64 on lines": (text) => btoa(text).replace(/.{76}/g, "$&\n"),
  "in hex": (text) => Buffer.from(text).toString("hex"),
  "in hex of capitals, half a byte on": (text) =>
    `0${Buffer.from(text).toString("hex").toUpperCase()}`,
};

describe.each(Object.entries(FORMS))("%s is found", (_form, text) => {
  test.each(Object.entries(WRITTEN))("%s", (_how, write) => {
    expect(hasCredential(write(text))).toBe(true);
  });
});

const BYTES = { macaroon: Buffer.from(MACAROON, "base64"), token: Buffer.from(TOKEN, "base64") };
describe.each(Object.entries(BYTES))("the bytes of a %s are found", (_form, bytes) => {
  test.each([
    ["in hex", bytes.toString("hex")],
    ["in hex behind other digits", `id=abc${bytes.toString("hex").toUpperCase()}`],
    ["in base64 of hex", btoa(bytes.toString("hex"))],
    ...[1, 2, 3, 4].map((length): [string, string] => [
      `in base64 behind ${length} other bytes`,
      Buffer.concat([Buffer.alloc(length, 7), bytes]).toString("base64"),
    ]),
  ])("%s", (_how, text) => {
    expect(hasCredential(text)).toBe(true);
  });
});

test.each([
  ["a token in JSON", `Bearer ${btoa('{"alg":"HS256"}')}.${url(btoa("x".repeat(400)))}.abc`],
  ["a macaroon that is none of L402", btoa(`\x02\x01\x08http://a\x02\x05abcde${"x".repeat(120)}`)],
  ["what only begins like one", "AgEIaHR0cDovL2E".repeat(50)],
  ["what only begins like a token of the other form", `CAAS${"EgoK".repeat(200)}`],
  [
    "a Protocol Buffers message",
    Buffer.from(`\x12\x90\x02\x0a\x80\x02${"a".repeat(256)}\x1a\x04abcd`, "latin1").toString(
      "base64",
    ),
  ],
  ["hex", "0241".repeat(400)],
  [
    "a long text",
    "It begins like one, CAAS or AgE or EgoK, and goes on for many words. ".repeat(40),
  ],
  ["a cookie", "theme=dark; id=AgE0123; csrftoken=Zm9vYmFy"],
  ["an unfinished escape", `%${"%4".repeat(90)}\\u00 &#x; &amp; \\`],
])("%s is let through", (_what, text) => {
  expect(hasCredential(text)).toBe(false);
});

test("no other text is taken for one, and none takes long", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 2_000 }),
    fc.base64String({ maxLength: 4_000 }),
    fc.stringMatching(/^(?:AgE|%25|\\u00|&#x|sk-){0,400}$/),
  );
  fc.assert(fc.property(text, (one) => hasCredential(one) === one.includes("sk-sigil-")));
});

test.each([
  ["a macaroon's version", btoa("\x02")],
  ["a macaroon's location", "AgEI"],
  ["a key's number", "CAAS"],
  ["a first block", "EgoK"],
  ["base64 of base64", btoa(btoa("\x08\x00\x12"))],
  ["hex", "0801120a"],
  ["an escape", "%25"],
  ["lines", "CAAS\r\n"],
])("a text of nothing but %s takes linear time", (_what, one) => {
  const millis = (length: number) => {
    const text = one.repeat(length / one.length);
    const from = process.cpuUsage();
    expect(hasCredential(text)).toBe(false);
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1000;
  };
  millis(8192);
  // In quadratic time, a text of 16 times the length would take 256 times as long.
  expect(millis(131_072)).toBeLessThan(48 * (millis(8192) + 2));
});
