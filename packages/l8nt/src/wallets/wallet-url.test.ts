/** What a wallet's URL may hold, and what is said of one that is wrong: never what is in it. */
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

test("gives the backend's URL without a slash at its end, and what stands in it", () => {
  const { base, text, header } = read(`bank+https://bank.example:8080/api/?key=${SECRET}`);
  expect(base).toBe("https://bank.example:8080/api");
  expect(text("key")).toBe(SECRET);
  expect(header("key")).toBe(SECRET);
  expect(text("cert")).toBeUndefined();
});

test("takes a secret from a file, as text or as bytes, or from the environment", () => {
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
    /This is no URL of the bank: it is bank\+https/,
  ],
  ["no scheme", `https://bank.example?key=${SECRET}`, /no URL of the bank/],
  ["another transport", `bank+ftp://bank.example?key=${SECRET}`, /no URL of the bank/],
  ["no host", `bank+https://?key=${SECRET}`, /no URL of the bank/],
  [
    "a name and a password",
    `bank+https://alice:${SECRET}@bank.example?key=1`,
    /no URL of the bank/,
  ],
  ["a fragment", `bank+https://bank.example?key=1#${SECRET}`, /no URL of the bank/],
  [
    "plain HTTP elsewhere",
    `bank+http://bank.example?key=${SECRET}`,
    /plain HTTP beyond this machine/,
  ],
  [
    "a parameter that is not known",
    `bank+https://bank.example?key=1&${SECRET}=1`,
    /parameter that is not known/,
  ],
  [
    "a prototype's member",
    `bank+https://bank.example?key=1&constructor=${SECRET}`,
    /parameter that is not known/,
  ],
  ["a parameter given twice", `bank+https://bank.example?key=1&key=${SECRET}`, /given twice/],
  ["no secret", `bank+https://bank.example?cert=${SECRET}`, /lacks key=/],
  ["an empty secret", "bank+https://bank.example?key=", /lacks key=/],
  [
    "a file that is not there",
    `bank+https://bank.example?key=/nowhere/${SECRET}`,
    /names as key= is not there/,
  ],
  [
    "a secret that begins like a path",
    `bank+https://bank.example?key=/${SECRET}`,
    /names as key= is not there/,
  ],
  [
    "a path with a zero byte",
    `bank+https://bank.example?key=/${SECRET}%00`,
    /as key= cannot be read/,
  ],
  [
    "plain HTTP to a name that only a name server says is this machine",
    `bank+http://bank.localhost?key=${SECRET}`,
    /plain HTTP beyond this machine/,
  ],
  [
    "plain HTTP to what looks like loopback",
    `bank+http://127.0.0.1.example?key=${SECRET}`,
    /beyond this machine/,
  ],
  [
    "plain HTTP to another IPv6 address",
    `bank+http://[::2]?key=${SECRET}`,
    /plain HTTP beyond this machine/,
  ],
  ["a folder", `bank+https://bank.example?key=${folder}`, /as key= cannot be read/],
  ["a name that is not set", `bank+https://bank.example?key=env:${SECRET}`, /where it is not set/],
])("refuses %s, and repeats nothing of it", (_, url, message) => {
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
  // With its cause: whoever logs an error may log all of it.
  expect(JSON.stringify(error) + String(error) + inspect(error, { depth: 9 })).not.toContain(
    SECRET,
  );
});

test("refuses a file of bytes where a text is needed", () => {
  const path = join(folder, "bytes");
  writeFileSync(path, Uint8Array.of(2, 255, 0));
  expect(() => read(`bank+https://bank.example?key=${path}`).text("key")).toThrow(
    "is empty, or no text",
  );
});

test.each(["é", "a b", "a%0Ab", "a%00b", "env:L8NT_TEST_WALLET_KEY"])(
  "refuses what cannot stand in a header before fetch repeats it: %s",
  (added) => {
    process.env.L8NT_TEST_WALLET_KEY = `${SECRET}\n${SECRET}`;
    const url = `bank+https://bank.example?key=${added.startsWith("env:") ? added : SECRET + added}`;
    const refused = () => read(url).header("key");
    expect(refused).toThrow("characters in it that cannot be");
    expect(refused).not.toThrow(SECRET);
    delete process.env.L8NT_TEST_WALLET_KEY;
  },
);

test("shows nothing of what it holds when it is printed", () => {
  expect(inspect(read(`bank+https://bank.example?key=${SECRET}`), { depth: 9 })).not.toContain(
    SECRET,
  );
});
