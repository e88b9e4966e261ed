/** A key shows itself nowhere but in the request that it is placed in. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { KeyPlace } from "../presets/preset.ts";
import { place } from "./place.ts";
import { readSecret } from "./reference.ts";
import { Secret } from "./secret.ts";
import { Vault } from "./vault.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-secret-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KEY = "vendor-key-canary";

test.each<[string, (secret: Secret) => unknown]>([
  ["String", String],
  ["a template", (secret) => `${secret}`],
  ["join", (secret) => [secret].join()],
  ["JSON", (secret) => JSON.stringify({ secret })],
  ["inspect", (secret) => inspect({ a: [secret] }, { depth: null, showHidden: true })],
  [
    "inspect without its own",
    (secret) => inspect(secret, { customInspect: false, showHidden: true }),
  ],
  ["format", (secret) => format("%s %o %j %O", secret, secret, secret, secret)],
  ["an error", (secret) => inspect(new Error(`no ${secret}`, { cause: secret }))],
  ["its keys", (secret) => JSON.stringify(Reflect.ownKeys(secret))],
  ["a copy", (secret) => inspect({ ...secret })],
  ["a clone", (secret) => inspect(structuredClone({ secret: { ...secret } }))],
  ["serialize", (secret) => serialize({ ...secret }).toString("latin1")],
])("%s does not show it", (_, show) => {
  expect(String(show(new Secret(KEY)))).not.toContain(KEY);
});

test.each<[string, string, KeyPlace, ReturnType<typeof place>]>([
  // RFC 6750 §2.1.
  [
    "bearer",
    "mF_9.B5f-4.1JqM",
    { kind: "bearer" },
    { headers: [["authorization", "Bearer mF_9.B5f-4.1JqM"]], query: undefined },
  ],
  // RFC 7617 §2.
  [
    "basic with a password",
    "Aladdin:open sesame",
    { kind: "basic" },
    { headers: [["authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]], query: undefined },
  ],
  // As curl writes `-u sk_test_1:`.
  [
    "basic",
    "sk_test_1",
    { kind: "basic" },
    { headers: [["authorization", "Basic c2tfdGVzdF8xOg=="]], query: undefined },
  ],
  [
    "header",
    "a b",
    { kind: "header", name: "X-Api-Key" },
    { headers: [["x-api-key", "a b"]], query: undefined },
  ],
  [
    "query",
    "a+b/c=&d e",
    { kind: "query", name: "key" },
    { headers: [], query: "key=a%2Bb%2Fc%3D%26d%20e" },
  ],
])("%s", (_, key, where, expected) => {
  expect(place(new Secret(key), where)).toEqual(expected);
});

test.each<[string, KeyPlace, string]>([
  ["a b", { kind: "bearer" }, "white space"],
  ["a", { kind: "header", name: "" }, "no name of a header field"],
  ["a", { kind: "header", name: "x key" }, "no name of a header field"],
  ["a", { kind: "header", name: "x\r\ny" }, "no name of a header field"],
  ["a", { kind: "header", name: "x:y" }, "no name of a header field"],
  ["a", { kind: "query", name: "" }, "query parameter"],
  ["a", { kind: "query", name: "a&b" }, "query parameter"],
  ["a", { kind: "query", name: "a=b" }, "query parameter"],
])("%j cannot stand in %j", (key, where, message) => {
  expect(() => place(new Secret(key), where)).toThrow(message);
});

test("no message of 500 failures shows the key, nor what was given in place of a reference", async () => {
  const kinds = [
    ...["bare", "env", "env value", "file", "file mode", "file value", "cmd"],
    ...["header name", "query name", "bearer", "vault"],
  ] as const;
  const path = join(folder, "key");
  const failure = async (kind: (typeof kinds)[number], key: string, bad: string) => {
    const write = (content: string, mode: number) => {
      writeFileSync(path, content);
      chmodSync(path, mode);
      return `file:${path}`;
    };
    switch (kind) {
      case "bare":
        return readSecret(key);
      case "env":
      case "file":
        return readSecret(`${kind}:${key}`, { env: {} });
      case "env value":
        return readSecret("env:K", { env: { K: `${key}${bad}${key}` } });
      case "file mode":
        return readSecret(write(key, 0o644));
      case "file value":
        return readSecret(write(`${key}${bad}${key}`, 0o600));
      case "cmd":
        return readSecret(`cmd:/nowhere/${key} ${key}`);
      case "header name":
        return place(new Secret(key), { kind: "header", name: `${key} ${key}` });
      case "query name":
        return place(new Secret(key), { kind: "query", name: `${key}&` });
      case "bearer":
        return place(new Secret(`${key} ${key}`), { kind: "bearer" });
      case "vault":
        return Vault.open({ openai: "env:K", other: `env:${key}` }, { env: { K: key } });
    }
  };
  const keys = fc.stringMatching(/^[A-Za-z0-9_+/-]{12,80}$/).map((text) => `sk-${text}`);
  let failures = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...kinds),
      keys,
      fc.constantFrom("\n", "\r\nx: y", "\0", "\u00e9", "\t", "x".repeat(9000)),
      async (kind, key, bad) => {
        const error: unknown = await failure(kind, key, bad).then(
          () => expect.fail(`${kind} did not fail`),
          (reason: unknown) => reason,
        );
        failures++;
        const { message, stack = "", name } = error as Error;
        const shown = inspect(error, { depth: null, showHidden: true });
        for (const text of [message, stack, name, String(error), JSON.stringify(error), shown])
          expect(text).not.toContain(key);
      },
    ),
    { numRuns: 600 },
  );
  expect(failures).toBeGreaterThanOrEqual(500);
});

test("what a failing program prints is in no message", async () => {
  for (const command of [
    `sh -c "echo ${KEY}; echo ${KEY} >&2; exit 3"`,
    `sh -c "echo ${KEY}; echo ${KEY}"`,
    `sh -c "while :; do echo ${KEY}; done"`,
  ]) {
    const error: unknown = await readSecret(`cmd:${command}`).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(KEY);
  }
});
