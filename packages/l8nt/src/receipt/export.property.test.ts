/**
 * An export that was altered in any way is refused at the first line that differs.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { buy } from "../testing/payment-laws.ts";
import { verifyExport } from "./export.ts";
import {
  exported,
  genuineExport,
  NOW,
  otherSigner,
  PUBLIC_KEY,
  paidStore,
  receipt,
  signer,
} from "./fixtures/books.ts";
import { canonical, type JcsValue } from "./jcs.ts";
import { linesOf } from "./lines.ts";
import { readLine } from "./read.ts";
import { lineOf, type Signable, signedBytes } from "./receipt.ts";

const exports = await Promise.all([0, 1, 2, 5].map((count) => genuineExport(count)));
/** Exports of the same key, with other payments. */
const elsewhere = await genuineExport(4);

/** Alters the lines; undefined if there is nothing to alter. */
type Tampering = (
  lines: readonly string[],
  at: number,
  to: number,
  choice: number,
) => readonly string[] | undefined;

const replaced = (lines: readonly string[], at: number, line: string | undefined) =>
  line === undefined ? undefined : lines.with(at, line);

function signedAgain(
  line: string,
  change: (signable: Signable) => Signable,
  by = otherSigner,
): string {
  const read = readLine(line);
  if (typeof read === "string") throw new Error(read);
  const changed = change(read.signed);
  return lineOf(changed, by.sign(signedBytes(changed)));
}

const charactersOf = '0123456789abcdef"{}[],: \\\t\u0000\ufeffé🜚';

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  "a line is removed": (lines, at) => lines.toSpliced(at, 1),
  "lines are removed": (lines, at, to) => lines.toSpliced(Math.min(at, to), Math.abs(at - to) + 1),
  "the end is removed, and the head is kept": (lines, at) =>
    at >= lines.length - 1 ? undefined : [...lines.slice(0, at), lines.at(-1)!],
  "the end is removed with the head": (lines, at) => lines.slice(0, at),
  "two lines change places": (lines, at, to) => lines.with(at, lines[to]!).with(to, lines[at]!),
  "a line is repeated": (lines, at, to) => lines.toSpliced(Math.max(at, to) + 1, 0, lines[at]!),
  // As the first line it would be the beginning of that other chain.
  "a line of another chain of the same key is inserted": (lines, at, _to, choice) =>
    at === 0 ? undefined : lines.toSpliced(at, 0, elsewhere[choice % elsewhere.length]!),
  "a line is replaced by one of another chain of the same key": (lines, at, _to, choice) =>
    at === 0 ? undefined : lines.with(at, elsewhere[choice % elsewhere.length]!),
  "a line is signed by another key": (lines, at) =>
    lines.with(
      at,
      signedAgain(lines[at]!, (one) => ({ ...one, keyId: otherSigner.keyId })),
    ),
  "a line is signed by another key in the name of the first": (lines, at) =>
    lines.with(
      at,
      signedAgain(lines[at]!, (one) => one),
    ),
  "a line is cut off": (lines, at, _to, choice) =>
    lines.with(at, lines[at]!.slice(0, choice % lines[at]!.length)),
  "the file is cut off within a line": (lines, at, _to, choice) => [
    ...lines.slice(0, at),
    lines[at]!.slice(0, choice % lines[at]!.length),
  ],
  "an empty line is inserted": (lines, at, _to, choice) =>
    lines.toSpliced(at + (choice % 2), 0, ""),
  "a character is changed": (lines, at, to, choice) => {
    const line = lines[at]!;
    const index = choice % line.length;
    const character = [...charactersOf][(to + choice) % [...charactersOf].length]!;
    return lines.with(at, line.slice(0, index) + character + line.slice(index + 1));
  },
  "a character is inserted": (lines, at, to, choice) => {
    const line = lines[at]!;
    const index = choice % (line.length + 1);
    const character = [...charactersOf][to % [...charactersOf].length]!;
    return lines.with(at, line.slice(0, index) + character + line.slice(index));
  },
  "a member is repeated": (lines, at, _to, choice) => {
    const members = [...lines[at]!.matchAll(/"[A-Za-z]+":(?:"[^"]*"|\[[^\]]*\]|\d+)/g)].map(
      ([member]) => member,
    );
    return lines.with(at, lines[at]!.replace("{", `{${members[choice % members.length]},`));
  },
  "a member is repeated with another value": (lines, at) =>
    lines.with(at, lines[at]!.replace(/"version":1/, '"version":2,"version":1')),
  "a member is inserted": (lines, at) => lines.with(at, lines[at]!.replace("{", '{"__proto__":1,')),
  "two members change places": (lines, at) =>
    replaced(lines, at, lines[at]!.replace(/("type":"[a-z]+"),("version":1)/, "$2,$1")),
  "a character is escaped": (lines, at) =>
    lines.with(at, lines[at]!.replace('"type"', '"\\u0074ype"')),
  "a number has another text": (lines, at) =>
    lines.with(at, lines[at]!.replace('"version":1', '"version":1.0')),
  "hex is in upper case": (lines, at) =>
    lines.with(
      at,
      lines[at]!.replace(/"signature":"[^"]+"/, (text) =>
        text.toUpperCase().replace("SIGNATURE", "signature"),
      ),
    ),
  "a line ends with a carriage return": (lines, at) => lines.with(at, `${lines[at]}\r`),
};

/** From 1. */
function firstDifference(a: readonly string[], b: readonly string[]): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at + 1;
}

test.each(exports.map((lines) => [lines.length - 1, lines] as const))(
  "a genuine export of %i receipts is valid, and each receipt is reported once",
  async (count, lines) => {
    const seen: number[] = [];
    const verdict = await verifyExport(lines, PUBLIC_KEY, { each: ({ seq }) => seen.push(seq) });
    expect(verdict).toMatchObject({
      holds: true,
      head: { count, at: NOW + 1000, keyId: signer.keyId },
    });
    expect(seen).toEqual(Array.from({ length: count }, (_, at) => at + 1));
  },
);

describe("an export is refused at the first line that differs if", () => {
  test.each(Object.entries(TAMPERINGS))("%s", async (_name, tamper) => {
    let judged = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...exports),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        async (genuine, a, b, choice) => {
          const tampered = tamper(genuine, a % genuine.length, b % genuine.length, choice);
          if (
            tampered === undefined ||
            firstDifference(genuine, tampered) > Math.max(genuine.length, tampered.length)
          )
            return;
          judged++;
          expect(await verifyExport(tampered, PUBLIC_KEY)).toMatchObject({
            holds: false,
            fault: {
              line: firstDifference(genuine, tampered),
              code: expect.stringMatching(/^ERR_RECEIPT_/),
            },
          });
        },
      ),
      { numRuns: 100 },
    );
    // A kind of tampering that never changed a line would prove nothing.
    expect(judged).toBeGreaterThan(20);
  });
});

async function* chunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("a file is valid in chunks of any size, and refused at the line of any changed byte", async () => {
  const genuine = exports.at(-1)!;
  const file = Buffer.from(genuine.map((line) => `${line}\n`).join(""));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(file.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.integer({ min: 1, max: 999 }),
      async (at, change, size) => {
        expect((await verifyExport(linesOf(chunks(file, size)), PUBLIC_KEY)).holds).toBe(true);
        const altered = Buffer.from(file);
        altered[at]! ^= change;
        const line = file.subarray(0, at).toString("latin1").split("\n").length;
        expect(await verifyExport(linesOf(chunks(altered, size)), PUBLIC_KEY)).toMatchObject({
          holds: false,
          fault: { line },
        });
      },
    ),
    { numRuns: 150 },
  );
});

test("a file is valid without its last line feed, and refused with one more", async () => {
  const text = exports[1]!.join("\n");
  const judge = (file: string) => verifyExport(linesOf(chunks(Buffer.from(file), 100)), PUBLIC_KEY);
  expect((await judge(text)).holds).toBe(true);
  expect((await judge(`${text}\n`)).holds).toBe(true);
  expect(await judge(`${text}\n\n`)).toMatchObject({
    holds: false,
    fault: { line: 3, code: "ERR_RECEIPT_HEAD" },
  });
});

test("bytes that are not UTF-8 are refused, and not read as replacement characters", async () => {
  const store = new MemoryStore();
  await buy(store, { lineage: ["\ufffd"] });
  await receipt(store);
  const file = Buffer.from((await exported(store)).join("\n"));
  expect((await verifyExport(linesOf(chunks(file, 100)), PUBLIC_KEY)).holds).toBe(true);
  const altered = Buffer.from(file.toString("latin1").replace("\xef\xbf\xbd", "\xff"), "latin1");
  expect(altered.toString("utf8")).toBe(file.toString("utf8"));
  expect(await verifyExport(linesOf(chunks(altered, 100)), PUBLIC_KEY)).toMatchObject({
    holds: false,
    fault: { line: 1, code: "ERR_RECEIPT_MALFORMED", message: "Line 1: it is not UTF-8." },
  });
});

test("a head that miscounts is refused, even if the key's holder signed it", async () => {
  const lines = exports[2]!;
  const wrong = signedAgain(lines.at(-1)!, (head) => ({ ...head, count: 3 }) as Signable, signer);
  expect(await verifyExport([...lines.slice(0, -1), wrong], PUBLIC_KEY)).toMatchObject({
    holds: false,
    fault: { line: 3, code: "ERR_RECEIPT_HEAD" },
  });
});

test("an export of more receipts than the store returns at once has every line once", async () => {
  const store = new MemoryStore();
  const texts = Array.from({ length: 1001 }, (_, at) => `receipt ${at}`);
  await store.appendReceipts(
    texts.map((text, at) => ({ seq: at + 1, paymentHash: `${at}`, hash: `${at}`, text })),
  );
  const lines = await exported(store);
  expect(lines.slice(0, -1)).toEqual(texts);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: "head", count: 1001 });
});

test.each([1000, 65_537])(
  "a line without an end is refused in chunks of %i bytes, without waiting for its end",
  async (size) => {
    let sent = 0;
    async function* endless() {
      for (;;) {
        sent += size;
        yield new Uint8Array(size).fill(0x7b);
      }
    }
    expect(await verifyExport(linesOf(endless()), PUBLIC_KEY)).toMatchObject({
      holds: false,
      fault: { line: 1, code: "ERR_RECEIPT_MALFORMED" },
    });
    expect(sent).toBeLessThan(140_000);
  },
);

test("a line that is not a receipt is refused, and the error does not quote it", async () => {
  const secret = "ab".repeat(32);
  for (const line of [
    secret,
    `"${secret}"`,
    `{"${secret}":1}`,
    `{"type":"${secret}"}`,
    "[".repeat(60_000),
    "null",
    "[]",
  ]) {
    const verdict = await verifyExport([line], PUBLIC_KEY);
    expect(verdict).toMatchObject({
      holds: false,
      fault: { line: 1, code: "ERR_RECEIPT_MALFORMED" },
    });
    expect(JSON.stringify(verdict)).not.toContain(secret);
  }
});

describe("the amounts of a receipt", () => {
  const [genuine = ""] = exports[1]!;
  /** Signed by the key's holder, so that only the form can be wrong. */
  const verdictOn = (amount: unknown, fee: unknown) => {
    const { signature: _, ...members } = JSON.parse(genuine);
    const text = canonical({ ...members, amount, fee } as JcsValue);
    const signature = signer.sign(new TextEncoder().encode(text));
    return verifyExport([canonical({ ...JSON.parse(text), signature })], PUBLIC_KEY);
  };
  const sats = { unit: "msat", value: "10000" };

  test.each([
    ["msat", sats, { unit: "msat", value: "0" }],
    ["US dollars", { unit: "usd_micro", value: "20000" }, { unit: "usd_micro", value: "5" }],
  ])("in %s are read", async (_, amount, fee) => {
    // Only the missing head is wrong.
    expect(await verdictOn(amount, fee)).toMatchObject({ fault: { code: "ERR_RECEIPT_HEAD" } });
  });

  test.each<[string, unknown, unknown]>([
    ["in two units", sats, { unit: "usd_micro", value: "17" }],
    ["in an unknown unit", { unit: "eur", value: "1" }, { unit: "eur", value: "1" }],
    ["without a unit", { value: "1" }, sats],
    ["as a number", { unit: "msat", value: 10000 }, sats],
    ["as text alone", "10000", "17"],
    ["below zero", { unit: "msat", value: "-1" }, sats],
    ["with a leading zero", { unit: "msat", value: "010" }, sats],
    ["with an unknown member", { ...sats, note: "x" }, sats],
  ])("%s are refused", async (_, amount, fee) => {
    expect(await verdictOn(amount, fee)).toMatchObject({
      holds: false,
      fault: { line: 1, code: "ERR_RECEIPT_MALFORMED" },
    });
  });
});

test("a second receipt for one payment is refused, even if the key's holder signed it", async () => {
  const store = await paidStore(1);
  const [paid] = await store.unreceipted(1);
  const answers = [[paid!, paid!], []];
  const book = {
    lastReceipt: () => store.lastReceipt(),
    unreceipted: async () => answers.shift()!,
    appendReceipts: store.appendReceipts.bind(store),
  };
  await receipt(book);
  expect(await verifyExport(await exported(store), PUBLIC_KEY)).toMatchObject({
    holds: false,
    fault: { line: 2, code: "ERR_RECEIPT_REPEATED" },
  });
});

test("another key verifies nothing", async () => {
  expect(await verifyExport(exports[1]!, otherSigner.publicKey)).toMatchObject({
    holds: false,
    fault: { line: 1, code: "ERR_RECEIPT_KEY" },
  });
  await expect(verifyExport(exports[1]!, "no key")).rejects.toThrow(TypeError);
});
