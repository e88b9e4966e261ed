/** `sigil receipts verify`: its sums, the faults that it finds, and its exit codes. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportReceipts, ReceiptClerk, ReceiptSigner } from "l8nt/receipts";
import { MemoryStore } from "l8nt/stores/memory";
import { afterAll, beforeAll, expect, test } from "vitest";
import { msat } from "../../packages/l8nt/src/amount.ts";
import { sigil } from "./support/sigil.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-receipts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 2030-01-01 00:00:00 UTC */
const NEW_YEAR = 1_893_456_000;
const PAYMENTS = [
  {
    lineage: ["planner", "scout"],
    origin: "https://api.example",
    amount: msat(10_000n),
    fee: msat(17n),
  },
  { lineage: [], origin: "https://maps.example", amount: msat(1500n), fee: msat(0n) },
  {
    lineage: ["planner"],
    origin: "https://api.example",
    amount: msat(2_000_000n),
    fee: msat(983n),
  },
  { lineage: ["planner"], origin: "https://maps.example", amount: msat(1000n), fee: msat(1n) },
  {
    lineage: ["\u001b[31mred"],
    origin: "https://maps.example",
    amount: msat(1000n),
    fee: msat(1n),
  },
];

let publicKey: string;
let keyId: string;
let lines: string[];
let empty: string;

beforeAll(async () => {
  const signer = await ReceiptSigner.fromSeed(new Uint8Array(32).fill(7));
  ({ publicKey, keyId } = signer);
  const linesIn = async (store: MemoryStore) => {
    const found: string[] = [];
    for await (const line of exportReceipts(store, signer, () => NEW_YEAR + 3600)) found.push(line);
    return found;
  };
  const store = new MemoryStore();
  [empty = ""] = await linesIn(store);
  for (const [at, { fee, ...facts }] of PAYMENTS.entries()) {
    const reservation = { id: `${at}`, at: NEW_YEAR, amount: msat(0n), uses: 0n, counted: [] };
    const paymentHash = `${at}`.padStart(64, "0");
    await store.begin(reservation, {
      ...facts,
      paymentHash,
      intent: `${at}`,
      nodeIds: ["root", ...facts.lineage],
      method: "GET",
      path: `/orders/${at}`,
      invoice: "",
      payee: "",
      maxFee: msat(1000n),
      attemptId: `${at}`,
      order: `${at}`,
      request: "",
      anyPath: false,
      limitIds: [],
      token: "",
      enforced: undefined,
      createdAt: NEW_YEAR,
      status: "open",
      delivered: false,
    });
    await store.settle(paymentHash, `${at}`, {
      status: "paid",
      preimage: "ab".repeat(32),
      fee,
      at: NEW_YEAR + 10 * at,
    });
  }
  const clerk = new ReceiptClerk({
    book: store,
    signer,
    alarm: (error) => expect.unreachable(String(error)),
  });
  clerk.wake();
  await clerk.idle();
  lines = await linesIn(store);
});

const verify = (args: readonly string[], input?: string) =>
  sigil(["receipts", ...args], {}, input === undefined ? {} : { input });

const fileOf = (texts: readonly string[]) => texts.map((line) => `${line}\n`).join("");

test("a genuine file is accepted, and prints count, times and sums by topmost agent and origin", async () => {
  const file = join(folder, "genuine.jsonl");
  writeFileSync(file, fileOf(lines));
  const { code, stdout, stderr } = await verify(["verify", file, "--public-key", publicKey]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toBe(
    [
      `5 receipts are genuine, and none is missing; signed by key ${keyId}, exported 2030-01-01 01:00:00 UTC`,
      "first 2030-01-01 00:00:00 UTC, last 2030-01-01 00:00:40 UTC",
      "  the root       https://maps.example  1 payment   1.5 sat, fees 0 sat",
      "  \\u{1b}[31mred  https://maps.example  1 payment   1 sat, fees 0.001 sat",
      "  planner        https://api.example   2 payments  2,010 sat, fees 1 sat",
      "  planner        https://maps.example  1 payment   1 sat, fees 0.001 sat",
      "",
    ].join("\n"),
  );
});

test("--json prints the same facts, from stdin", async () => {
  const { code, stdout } = await verify(
    ["verify", "-", "--json", "--public-key", publicKey],
    fileOf(lines),
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    holds: true,
    receipts: 5,
    keyId,
    exportedAt: NEW_YEAR + 3600,
    firstAt: NEW_YEAR,
    lastAt: NEW_YEAR + 40,
    sums: [
      {
        agent: null,
        origin: "https://maps.example",
        payments: 1,
        amount: { unit: "msat", value: "1500" },
        fee: { unit: "msat", value: "0" },
      },
      {
        agent: "\u001b[31mred",
        origin: "https://maps.example",
        payments: 1,
        amount: { unit: "msat", value: "1000" },
        fee: { unit: "msat", value: "1" },
      },
      {
        agent: "planner",
        origin: "https://api.example",
        payments: 2,
        amount: { unit: "msat", value: "2010000" },
        fee: { unit: "msat", value: "1000" },
      },
      {
        agent: "planner",
        origin: "https://maps.example",
        payments: 1,
        amount: { unit: "msat", value: "1000" },
        fee: { unit: "msat", value: "1" },
      },
    ],
  });
});

test("an export without receipts is signed too", async () => {
  const { code, stdout } = await verify(["verify", "--public-key", publicKey], `${empty}\n`);
  expect([code, stdout]).toEqual([
    0,
    `The export is genuine and has no receipts; signed by key ${keyId}, exported 2030-01-01 01:00:00 UTC\n`,
  ]);
});

test.each<
  [
    what: string,
    line: number,
    tamper: (genuine: readonly string[]) => readonly string[],
    says: RegExp,
  ]
>([
  ["altered amount", 3, (all) => all.with(2, all[2]!.replace("2000000", "1000000")), /altered/],
  ["first one removed", 1, (all) => all.slice(1), /missing/],
  ["one in the middle removed", 3, (all) => all.toSpliced(2, 1), /missing/],
  ["removed end", 5, (all) => all.toSpliced(4, 1), /head counts 5 receipts, and 4/],
  ["removed end and head", 4, (all) => all.slice(0, 3), /ends before its head/],
  ["nothing at all", 1, () => [], /ends before its head/],
])("%s: one line that names line %i, and exit code 1", async (_what, line, tamper, says) => {
  const { code, stdout, stderr } = await verify(
    ["verify", "--public-key", publicKey],
    fileOf(tamper(lines)),
  );
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(new RegExp(`^sigil: Line ${line}: [^\\n]+ \\(ERR_RECEIPT_[A-Z]+\\)\\n$`));
  expect(stderr).toMatch(says);
});

test("a fault as JSON has its line, and no sums of the lines before", async () => {
  const { code, stdout } = await verify(
    ["verify", "--json", "--public-key", publicKey],
    fileOf(lines.toSpliced(1, 1)),
  );
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    holds: false,
    error: { code: "ERR_RECEIPT_CHAIN", line: 2, message: expect.stringMatching(/^Line 2: /) },
  });
});

test("receipts signed by another key are refused", async () => {
  const { x } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
  const another = Buffer.from(x!, "base64url").toString("hex");
  const { code, stderr } = await verify(["verify", "--public-key", another], fileOf(lines));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^sigil: Line 1: .+ \(ERR_RECEIPT_KEY\)\n$/);
});

test.each<[what: string, args: readonly string[], says: RegExp]>([
  ["no verb", [], /sigil receipts verify/],
  ["a mistyped verb", ["verfy"], /Did you mean verify\?/],
  ["no key", ["verify"], /--public-key HEX/],
  ["half a key", ["verify", "--public-key", "abcd"], /64 hex digits/],
  [
    "a file that there is not",
    ["verify", "/nowhere/at-all", "--public-key", "KEY"],
    /cannot be read/,
  ],
  ["a folder", ["verify", "/", "--public-key", "KEY"], /cannot be read/],
  ["two files", ["verify", "a", "b", "--public-key", "KEY"], /at most 2 arguments/],
])("%s is a usage error, and repeats nothing", async (_what, args, says) => {
  const { code, stdout, stderr } = await verify(
    args.map((arg) => (arg === "KEY" ? publicKey : arg)),
  );
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/nowhere|abcd/);
});
