/** Where a key may be read from, and from where it may not. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { splitCommand } from "./output.ts";
import { place } from "./place.ts";
import { readSecret, type SecretOptions } from "./reference.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-vault-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KEY = "vendor-key_1";
/** What a reference gives, as a request would carry it. */
const read = async (reference: string, options?: SecretOptions) =>
  place(await readSecret(reference, options), { kind: "header", name: "x-api-key" }).headers[0]![1];

let files = 0;
function file(content: string | Buffer, mode = 0o600): string {
  const path = join(folder, String(files++));
  writeFileSync(path, content);
  chmodSync(path, mode);
  return `file:${path}`;
}

describe("env:", () => {
  const env = { KEY, _k: "lower", EMPTY: "", "A-B": "odd" };
  test.each([
    ["env:KEY", KEY],
    ["env:_k", "lower"],
    ["env:EMPTY", /is empty/],
    ["env:OTHER", /variable OTHER is not set/],
    ["env:OPENAI_API_KEY_2", /variable OPENAI_API_KEY_2 is not set/],
    ["env:AKIAIOSFODNN7EXAMPLE", /variable that it names is not set/],
    ["env:sk_live_abcdef", /variable that it names is not set/],
    ["env:", /is not set/],
    ["env:A-B", /is not set/],
    ["env:toString", /is not set/],
    ["KEY", /must say where the key is/],
    ["ENV:KEY", /must say where the key is/],
    ["constructor:KEY", /must say where the key is/],
    ["", /must say where the key is/],
  ])("%s", async (reference, expected) => {
    if (typeof expected === "string") expect(await read(reference, { env })).toBe(expected);
    else await expect(read(reference, { env })).rejects.toThrow(expected);
  });
});

describe("file:", () => {
  test.each([
    [0o600, true],
    [0o400, true],
    [0o700, true],
    [0o640, false],
    [0o620, false],
    [0o610, false],
    [0o604, false],
    [0o602, false],
    [0o601, false],
    [0o644, false],
    [0o777, false],
  ])("of mode %o is read: %s", async (mode, isRead) => {
    const reference = file(KEY, mode);
    if (isRead) expect(await read(reference)).toBe(KEY);
    else await expect(read(reference)).rejects.toThrow("chmod 600");
  });

  test("what a link leads to is judged", async () => {
    const [good, bad] = [file(KEY), file(KEY, 0o644)];
    for (const [name, to] of Object.entries({ good, bad }))
      symlinkSync(to.slice("file:".length), join(folder, name));
    expect(await read(`file:${join(folder, "good")}`)).toBe(KEY);
    await expect(read(`file:${join(folder, "bad")}`)).rejects.toThrow("chmod 600");
  });

  test.runIf(process.getuid?.() === 0)("of another user is refused", async () => {
    const reference = file(KEY);
    chownSync(reference.slice("file:".length), 12_345, 0);
    await expect(read(reference)).rejects.toThrow("belongs to another user");
  });

  test("a folder, a pipe, a relative path and nothing are refused", async () => {
    mkdirSync(join(folder, "folder"));
    execFileSync("mkfifo", ["-m", "600", join(folder, "pipe")]);
    await expect(read(`file:${join(folder, "folder")}`)).rejects.toThrow("no regular file");
    await expect(read(`file:${join(folder, "pipe")}`)).rejects.toThrow("no regular file");
    await expect(read("file:key")).rejects.toThrow("absolute path");
    await expect(read(`file:${join(folder, "none")}`)).rejects.toThrow("cannot be read (ENOENT)");
  });

  test.each([
    [`${KEY}\n`, KEY],
    [`${KEY}\r\n`, KEY],
    ["Token a b", "Token a b"],
    ["x".repeat(8192), "x".repeat(8192)],
    [`${"x".repeat(8192)}\r\n`, "x".repeat(8192)],
    ["\n", /is empty/],
    [`${KEY}\n\n`, /cannot stand in a header field/],
    [`a\nb`, /cannot stand in a header field/],
    [`a\r\nx-evil: 1`, /cannot stand in a header field/],
    ["a\0b", /cannot stand in a header field/],
    ["a\tb", /cannot stand in a header field/],
    [" a", /cannot stand in a header field/],
    ["a ", /cannot stand in a header field/],
    ["schlüssel", /cannot stand in a header field/],
    [Buffer.from([0x61, 0xff]), /cannot stand in a header field/],
    ["\ufeffa", /cannot stand in a header field/],
    ["x".repeat(8193), /longer than 8192/],
    ["x".repeat(100_000), /longer than 8192/],
  ])("content %#", async (content, expected) => {
    if (typeof expected === "string") expect(await read(file(content))).toBe(expected);
    else await expect(read(file(content))).rejects.toThrow(expected);
  });
});

describe("cmd:", () => {
  test.each([
    ["printf %s key", ["printf", "%s", "key"]],
    ["  a   b ", ["a", "b"]],
    ['"/opt/my tools/key" get', ["/opt/my tools/key", "get"]],
    ['a ""', ["a", ""]],
    ["a $(b) ; c", ["a", "$(b)", ";", "c"]],
    ["a 'b c'", ["a", "'b", "c'"]],
    ["a\\ b", ["a\\", "b"]],
    ["", undefined],
    ["   ", undefined],
    ['"" a', undefined],
    ['a "b', undefined],
    ['a b"c d"', undefined],
    ['a "b"c', undefined],
    ["a\0b", undefined],
  ])("%j", (command, words) => {
    expect(splitCommand(command)).toEqual(words);
  });

  const never = { timer: () => () => {} };

  test("what a program prints is the key, and no shell reads the words", async () => {
    expect(await read("cmd:printf %s\\n a;b$(c)", never)).toBe("a;b$(c)");
    expect(await read('cmd:printf "%s %s" a b', never)).toBe("a b");
  });

  test("a program that fails, prints too much or nothing, or is none, gives no key", async () => {
    await expect(read("cmd:false", never)).rejects.toThrow("ended with status 1");
    await expect(read('cmd:sh -c "kill -TERM $$"', never)).rejects.toThrow("was ended by SIGTERM");
    await expect(read("cmd:yes", never)).rejects.toThrow("printed more than");
    await expect(read("cmd:true", never)).rejects.toThrow("the key is empty");
    await expect(read("cmd:/no/such/program", never)).rejects.toThrow("cannot be run (ENOENT)");
    await expect(read("cmd: ", never)).rejects.toThrow("needs a program");
  });

  test("a program that does not end is stopped, with what it started", async () => {
    const pipe = join(folder, "alive");
    execFileSync("mkfifo", [pipe]);
    // Its other end is open in every process that runs, and opened by the first of them.
    const alive = createReadStream(pipe);
    const isOpen = once(alive, "open");
    const isEnded = once(alive.resume(), "end");
    let expire = () => {};
    const reading = read(`cmd:sh -c "exec 3>${pipe}; sleep 1000 & wait"`, {
      timeoutMs: 7000,
      timer: (ms, callback) => {
        expect(ms).toBe(7000);
        expire = callback;
        return () => {};
      },
    });
    await isOpen;
    expire();
    await expect(reading).rejects.toThrow("has not ended within 7 seconds");
    await isEnded;
  });
});
