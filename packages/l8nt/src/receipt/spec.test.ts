/**
 * The tables and the worked example of spec/6-receipts.md, run against the code; signatures also
 * against Node's OpenSSL.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { verifyExport } from "./export.ts";
import { ReceiptSigner } from "./key.ts";
import { pathClass } from "./path-class.ts";
import { readLine } from "./read.ts";
import { lineOf, receiptOf, signedBytes } from "./receipt.ts";

const page = readFileSync(new URL("../../../../spec/6-receipts.md", import.meta.url), "utf8");
const sectionOf = (start: string) => page.split(/^## /m).find((part) => part.startsWith(start))!;
const example = sectionOf("7. ");
const shown = (what: string) =>
  new RegExp(`^\\| ${what} \\| \`([0-9a-f]+)\` \\|$`, "m").exec(example)![1]!;
const [signedText = "", exportText = ""] = [...example.matchAll(/^```\n(.*?)\n```$/gms)].map(
  ([, text]) => text,
);
const lines = exportText.split("\n");
const publicKey = shown("public key");

const sha256 = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex");

test("§2: each path has the class that the page states", () => {
  const rows = [...sectionOf("2. ").matchAll(/^\| `(.+?)` \| `(.+?)` \|$/gm)];
  expect(rows).toHaveLength(6);
  for (const [, path, expected] of rows) expect(pathClass(path!)).toBe(expected);
});

test("§1, §4: receipts and heads have exactly the members that the page lists", () => {
  const named = (section: string) =>
    [...sectionOf(section).matchAll(/^\| (`.+?) \|/gm)]
      .flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!))
      .sort();
  expect(Object.keys(JSON.parse(lines[0]!))).toEqual(named("1. "));
  expect(Object.keys(JSON.parse(lines.at(-1)!))).toEqual(named("4. "));
});

test("§7: Node verifies every signature over the text without it, and finds every hash", () => {
  const key = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey, "hex").toString("base64url") },
    format: "jwk",
  });
  let previous = "0".repeat(64);
  for (const [at, line] of lines.entries()) {
    const { signature, ...members } = JSON.parse(line);
    // The members of our own lines are sorted already.
    const message = JSON.stringify(members);
    if (at === 0) expect(message).toBe(signedText);
    expect(verify(null, Buffer.from(message), key, Buffer.from(signature, "hex"))).toBe(true);
    expect(members.previous ?? members.last).toBe(previous);
    previous = sha256(line);
  }
  expect(lines.slice(0, 2).map(sha256)).toEqual([
    shown("hash of the first receipt"),
    shown("hash of the second"),
  ]);
  expect(shown("key id")).toBe(sha256(Buffer.from(publicKey, "hex")).slice(0, 16));
});

test("§7: this library makes the same export of these payments, and it is valid", async () => {
  const signer = await ReceiptSigner.fromSeed(Buffer.from(shown("seed"), "hex"));
  expect(signer.publicKey).toBe(publicKey);
  const read = readLine(lines[0]!);
  if (typeof read === "string" || read.signed.type !== "receipt") throw new Error("not a receipt");
  const { seq, previous, keyId, type: _, version: __, ...rest } = read.signed;
  const receipt = receiptOf(
    {
      ...rest,
      path: "/forecast/1042",
      settledAt: rest.settledAt + 0.25,
      intent: "",
      invoice: "",
      payee: "",
      maxFee: { unit: "msat", value: 100n },
      attemptId: "",
      order: "",
      request: "",
      anyPath: false,
      limitIds: [],
      token: "",
      enforced: undefined,
      createdAt: rest.settledAt - 1,
      status: "used",
      delivered: true,
    },
    { seq, previous, keyId },
  );
  expect(lineOf(receipt, signer.sign(signedBytes(receipt)))).toBe(lines[0]);
  expect(await verifyExport(lines, publicKey)).toEqual({
    holds: true,
    head: {
      type: "head",
      version: 1,
      count: 2,
      last: shown("hash of the second"),
      keyId: signer.keyId,
      at: 1893459600,
    },
  });
});
