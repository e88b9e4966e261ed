/** The URL of a wallet: its form, and errors that never repeat it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, expect, test } from "vitest";
import { readWalletUrl, type WalletUrlForm } from "./wallet-url.ts";

const FORM: WalletUrlForm = {
  name: "the bank",
  scheme: "bank",
  form: "bank+https://HOST?key=KEY",
  params: { key: true, cert: false },
};
const folder = mkdtempSync(join(tmpdir(), "l8nt-wallet-url-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = "5ec4e7".repeat(8);
const read = (url: string) => readWalletUrl(url, FORM);

test("a wallet's URL gives the backend's URL without a trailing slash, and its parameters", () => {
  const { base, text, header } = read(`bank+https://bank.example:8080/api/?key=${SECRET}`);
  expect(base).toBe("https://bank.example:8080/api");
  expect(text("key")).toBe(SECRET);
  expect(header("key")).toBe(SECRET);
  expect(text("cert")).toBeUndefined();
});

test("a parameter is read from a file, as text or as bytes, or from the environment", () => {
  const path = join(folder, "a secret");
  writeFileSync(path, `${SECRET}\n`);
  for (const written of [path, `file:${path}`])
    expect(read(`bank+https://bank.example?key=${encodeURIComponent(written)}`).text("key")).toBe(
      SECRET,
    );
  writeFileSync(path, Uint8Array.of(2, 255, 0));
  expect([...(read(`bank+https://bank.example?key=${path}`).value("key") as Uint8Array)]).toEqual([
    2, 255, 0,
  ]);
  process.env.L8NT_TEST_WALLET_KEY = SECRET;
  expect(read("bank+https://bank.example?key=env:L8NT_TEST_WALLET_KEY").text("key")).toBe(SECRET);
  delete process.env.L8NT_TEST_WALLET_KEY;
});

test.each([
  [
    "another wallet",
    `lnd+https://bank.example?key=${SECRET}`,
    /This is not a URL of the bank, which has the form bank\+https/,
  ],
  ["no scheme", `https://bank.example?key=${SECRET}`, /not a URL of the bank/],
  ["another transport", `bank+ftp://bank.example?key=${SECRET}`, /not a URL of the bank/],
  ["no host", `bank+https://?key=${SECRET}`, /not a URL of the bank/],
  [
    "a name and a password",
    `bank+https://alice:${SECRET}@bank.example?key=1`,
    /not a URL of the bank/,
  ],
  ["a fragment", `bank+https://bank.example?key=1#${SECRET}`, /not a URL of the bank/],
  [
    "plain HTTP to another machine",
    `bank+http://bank.example?key=${SECRET}`,
    /plain HTTP to another machine/,
  ],
  [
    "an unknown parameter",
    `bank+https://bank.example?key=1&${SECRET}=1`,
    /has an unknown parameter/,
  ],
  [
    "a prototype's member",
    `bank+https://bank.example?key=1&constructor=${SECRET}`,
    /has an unknown parameter/,
  ],
  ["a parameter given twice", `bank+https://bank.example?key=1&key=${SECRET}`, /one given twice/],
  ["no secret", `bank+https://bank.example?cert=${SECRET}`, /lacks key=/],
  ["an empty secret", "bank+https://bank.example?key=", /lacks key=/],
  [
    "a file that does not exist",
    `bank+https://bank.example?key=/nowhere/${SECRET}`,
    /file that key= .* names does not exist/,
  ],
  [
    "a secret that looks like a path",
    `bank+https://bank.example?key=/${SECRET}`,
    /file that key= .* names does not exist/,
  ],
  [
    "a path with a zero byte",
    `bank+https://bank.example?key=/${SECRET}%00`,
    /file that key= .* names cannot be read/,
  ],
  [
    "plain HTTP to a name under localhost, which a name server may resolve to another machine",
    `bank+http://bank.localhost?key=${SECRET}`,
    /plain HTTP to another machine/,
  ],
  [
    "plain HTTP to a name that looks like loopback",
    `bank+http://127.0.0.1.example?key=${SECRET}`,
    /to another machine/,
  ],
  [
    "plain HTTP to another IPv6 address",
    `bank+http://[::2]?key=${SECRET}`,
    /plain HTTP to another machine/,
  ],
  ["a folder", `bank+https://bank.example?key=${folder}`, /file that key= .* names cannot be read/],
  ["a variable that is not set", `bank+https://bank.example?key=env:${SECRET}`, /that is not set/],
])("a URL with %s is refused, and not repeated", (_, url, message) => {
  let error: unknown;
  try {
    read(url).text("key");
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({
    name: "AdapterError",
    code: "ERR_WALLET",
    message: expect.stringMatching(message),
  });
  // With the cause, because a log may contain all of an error.
  expect(JSON.stringify(error) + String(error) + inspect(error, { depth: 9 })).not.toContain(
    SECRET,
  );
});

test("a file of bytes is refused for a parameter that needs text", () => {
  const path = join(folder, "bytes");
  writeFileSync(path, Uint8Array.of(2, 255, 0));
  expect(() => read(`bank+https://bank.example?key=${path}`).text("key")).toThrow(
    "is empty, or names a file without text",
  );
});

test.each(["é", "a b", "a%0Ab", "a%00b", "env:L8NT_TEST_WALLET_KEY"])(
  "a secret that a header cannot carry is refused before fetch repeats it: %s",
  (added) => {
    process.env.L8NT_TEST_WALLET_KEY = `${SECRET}\n${SECRET}`;
    const url = `bank+https://bank.example?key=${added.startsWith("env:") ? added : SECRET + added}`;
    const refused = () => read(url).header("key");
    expect(refused).toThrow("has characters that a header cannot carry");
    expect(refused).not.toThrow(SECRET);
    delete process.env.L8NT_TEST_WALLET_KEY;
  },
);

test("printing a read URL shows none of its secrets", () => {
  expect(inspect(read(`bank+https://bank.example?key=${SECRET}`), { depth: 9 })).not.toContain(
    SECRET,
  );
});
