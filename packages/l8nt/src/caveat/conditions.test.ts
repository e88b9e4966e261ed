/** Every condition: the values that it reads, and what it prohibits. Hand-written tables. */
import { describe, expect, test } from "vitest";
import { binaryOf, binaryOfUtf8, hexBytes, utf8 } from "../internal/bytes.ts";
import type { Access } from "./access.ts";
import { CaveatChain } from "./chain.ts";
import { readOrigin, targetAt } from "./target.ts";
import { serviceVocabulary, treasuryVocabulary } from "./vocabulary.ts";

const NOW = 1_767_225_600;
const target = targetAt("GET", readOrigin("https://api.example")!, "/a")!;
const access: Access = { now: NOW, target };
const preimage = "00".repeat(32);
// SHA-256 of 32 zero bytes, by sha256sum.
const paymentHash = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
const NODE_A = `02${"ab".repeat(32)}`;
const NODE_B = `03${"cd".repeat(32)}`;

const chain = (...caveats: (string | Uint8Array)[]) =>
  new CaveatChain({
    caveats: caveats.map((caveat) => binaryOf(typeof caveat === "string" ? utf8(caveat) : caveat)),
    vocabulary: treasuryVocabulary(),
    paymentHash,
  });
const codes = (caveats: (string | Uint8Array)[], facts: Partial<Access> = {}) =>
  chain(...caveats)
    .refusals({ ...access, ...facts })
    .map(({ code }) => code);

const INTEGER_CONDITIONS = [
  "budget_msat",
  "budget_msat_per_hour",
  "budget_msat_per_day",
  "budget_msat_per_month",
  "budget_usd_micro",
  "budget_usd_micro_per_hour",
  "budget_usd_micro_per_day",
  "budget_usd_micro_per_month",
  "max_price_msat",
  "max_price_usd_micro",
  "max_uses",
  "max_uses_per_minute",
  "max_uses_per_hour",
  "max_uses_per_day",
  "max_depth",
];

describe("integers are strict decimals [case 21]", () => {
  const wrong = [
    "",
    " ",
    " 1",
    "1 ",
    "1\n",
    "+5",
    "-0",
    "-1",
    "00",
    "01",
    "1.0",
    "1.",
    ".5",
    "1e9",
    "1E9",
    "0x10",
    "0b1",
    "0o7",
    "1_000",
    "1,000",
    "1n",
    "NaN",
    "Infinity",
    "null",
    "true",
    "[]",
    "\uFF11",
    "\u0661",
    "1\0",
    "10000000000000000000",
    "18446744073709551616",
    "9".repeat(400),
    "500 sat",
  ];
  test.each(INTEGER_CONDITIONS)("%s", (condition) => {
    for (const value of wrong)
      expect
        .soft(codes([`${condition}=${value}`]), JSON.stringify(value))
        .toEqual(["ERR_CAVEAT_MALFORMED"]);
    // 2^53 + 1, 2^63 and the largest of nineteen digits are exact.
    for (const value of [
      "0",
      "1",
      "9007199254740993",
      "9223372036854775808",
      "9999999999999999999",
    ])
      expect.soft(codes([`${condition}=${value}`], { target: "self" }), value).toEqual([]);
  });

  test("are counted exactly", () => {
    const { limits } = chain("budget_msat=9007199254740993", "max_uses=9999999999999999999");
    expect(limits.map(({ max }) => max)).toEqual([9007199254740993n, 9999999999999999999n]);
  });

  test.each(["valid_until", "valid_from", "loop_valid_until"])(
    "of %s are strict decimals within the dates that a number can hold",
    (condition) => {
      for (const value of [...wrong, "9007199254740992", "9999999999999999999"])
        expect
          .soft(codes([`${condition}=${value}`]), JSON.stringify(value))
          .toEqual(["ERR_CAVEAT_MALFORMED"]);
      const later = condition === "valid_from" ? "0" : "9007199254740991";
      expect(codes([`${condition}=${later}`])).toEqual([]);
    },
  );
});

describe("ledger", () => {
  const origin = "https://api.example";
  test.each<[string, string | null | undefined, string[]]>([
    ["the same", origin, []],
    ["another one", "https://treasury.example", ["ERR_LEDGER"]],
    ["one of another port", `${origin}:8443`, ["ERR_LEDGER"]],
    ["one behind a path", `${origin}/v1`, ["ERR_LEDGER"]],
    ["a verifier without one", null, ["ERR_LEDGER"]],
    ["a holder, who does not know the verifier", undefined, []],
  ])("%s", (_name, ledger, refused) => {
    expect(codes([`ledger=${origin}`], { ledger })).toEqual(refused);
    expect(codes([`ledger=${origin}`], { ledger, target: "self" })).toEqual(refused);
  });

  test.each([
    "",
    "api.example",
    "https://api.example/",
    "https://API.example",
    "https://api.example:443",
    "https://u@api.example",
    "https://api.example/a/",
    "https://api.example/a?b",
    "https://api.example/A%2fB",
    "https://api.example/%61",
    "https://api.example?",
    "ftp://api.example",
    " https://api.example",
    "https://api.example,https://b.example",
    "null",
  ])("ledger=%j is malformed", (value) => {
    expect(codes([`ledger=${value}`], { ledger: origin })).toEqual(["ERR_CAVEAT_MALFORMED"]);
  });

  test.each([
    "http://127.0.0.1:8402",
    "https://[::1]",
    "https://api.example:8443",
    "https://api.example/v1",
  ])("ledger=%s", (value) => expect(codes([`ledger=${value}`], { ledger: value })).toEqual([]));
});

describe("time", () => {
  test.each([
    [`valid_until=${NOW + 1}`, []],
    [`valid_until=${NOW}`, ["ERR_EXPIRED"]],
    [`valid_until=${NOW - 1}`, ["ERR_EXPIRED"]],
    ["valid_until=0", ["ERR_EXPIRED"]],
    [`valid_from=${NOW - 1}`, []],
    [`valid_from=${NOW}`, []],
    [`valid_from=${NOW + 1}`, ["ERR_NOT_YET_VALID"]],
  ])("%s at %s", (caveat, refused) => {
    expect(codes([caveat])).toEqual(refused);
  });

  test("allows a request a fraction of a second before the end", () => {
    expect(codes([`valid_until=${NOW}`], { now: NOW - 0.001 })).toEqual([]);
    expect(codes([`valid_from=${NOW}`], { now: NOW - 0.001 })).toEqual(["ERR_NOT_YET_VALID"]);
  });

  test("denies a credential with an end or a beginning on a broken clock [case 109]", () => {
    expect(codes([`valid_until=${NOW}`], { now: Number.NaN })).toEqual(["ERR_EXPIRED"]);
    expect(codes([`valid_from=${NOW}`], { now: Number.NaN })).toEqual(["ERR_NOT_YET_VALID"]);
  });

  test("is judged for `self` requests too", () => {
    expect(codes(["valid_until=1", "endpoints=", "services="], { target: "self" })).toEqual([
      "ERR_EXPIRED",
    ]);
  });
});

describe("every caveat holds, and a repeated one replaces nothing [case 17]", () => {
  test.each<[string[], string[], Partial<Access>?]>([
    [["valid_until=1", `valid_until=${NOW + 9}`], ["ERR_EXPIRED"]],
    [[`valid_until=${NOW + 9}`, "valid_until=1"], ["ERR_EXPIRED"]],
    [["endpoints=", "endpoints=* https://*:*/**"], ["ERR_ENDPOINT"]],
    [["endpoints=* https://*:*/**", "endpoints=GET https://b.example/**"], ["ERR_ENDPOINT"]],
    [
      ["max_price_msat=10", "max_price_msat=1000"],
      ["ERR_PRICE"],
      { price: { unit: "msat", value: 11n } },
    ],
    [
      ["max_price_msat=1000", "max_price_msat=10"],
      ["ERR_PRICE"],
      { price: { unit: "msat", value: 11n } },
    ],
    [["max_depth=0", "max_depth=9", "agent=a.00000000"], ["ERR_DEPTH"]],
    [["services=a:0", "services=a:0,b:0"], ["ERR_SERVICE"], { service: "b" }],
    [
      ["a_capabilities=x", "a_capabilities=x,y"],
      ["ERR_CAPABILITY"],
      { service: "a", capability: "y" },
    ],
    [["model=gpt-5.4", "model=*"], ["ERR_MODEL"], { model: "o4" }],
    [[`payees=${NODE_A}`, `payees=${NODE_A},${NODE_B}`], ["ERR_PAYEE"], { payee: NODE_B }],
    [
      ["valid_until=1", "valid_until=2"],
      ["ERR_EXPIRED", "ERR_EXPIRED"],
    ],
  ])("%j refuses with %j", (caveats, refused, facts) => {
    expect(codes(caveats, facts)).toEqual(refused);
  });

  test("both limits are counted, root first", () => {
    expect(chain("budget_msat=5", "budget_msat=1000000").limits.map(({ max }) => max)).toEqual([
      5n,
      1_000_000n,
    ]);
  });

  test("the earliest end is the end", () => {
    expect(chain("valid_until=9", "valid_until=5", "valid_until=7").validUntil).toBe(5);
    expect(chain().validUntil).toBeUndefined();
  });
});

describe("unknown denies [case 19]", () => {
  test.each([
    "account=treasury",
    "budget=+1000",
    "Endpoints=* https://*/**",
    "ENDPOINTS=x",
    "valid_until2=9",
    "valid-until=9",
    " valid_until=9999999999",
    "valid_until =9999999999",
    "valid_until\0=9999999999",
    "\uFEFFvalid_until=9999999999",
    "valid_unti\u200bl=9999999999",
    "val\u202eid_until=9999999999",
    "vаlid_until=9999999999",
    "valid_until<9999999999",
    "valid_until>=9999999999",
    "valid_until!=1",
    "valid_until:=1",
    "if_present:valid_until=1",
    "__proto__=1",
    "constructor=1",
    "toString=x",
    "hasOwnProperty=x",
    "_capabilities=x",
    "_valid_until=9999999999",
    "Loop_capabilities=x",
    "a b_capabilities=x",
    "v2:endpoints=x",
    "loop_out_monthly_volume_sats=200000000",
  ])("%j", (caveat) => {
    const refusals = chain(caveat).refusals(access);
    expect(refusals.map(({ code }) => code)).toHaveLength(1);
    expect(refusals[0]!.code).toMatch(/^ERR_CAVEAT_(?:UNKNOWN|MALFORMED)$/);
    expect(codes([caveat], { target: "self" })).toHaveLength(1);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test.each<[string, string | Uint8Array]>([
    ["nothing", ""],
    ["no equals sign", "valid_until"],
    ["an equals sign first", "=valid_until=9999999999"],
    ["blank", " "],
    ["bytes that are not UTF-8 [case 14]", Uint8Array.of(0xff, 0xfe)],
    [
      "a known condition with bytes that are not UTF-8 [case 14]",
      Uint8Array.of(...utf8("purpose="), 0xc3),
    ],
    ["an overlong equals sign [case 14]", Uint8Array.of(...utf8("purpose"), 0xc0, 0xbd, 0x61)],
    ["JSON", '{"valid_until":9999999999}'],
  ])("%s denies", (_what, caveat) => {
    const [code, ...more] = codes([caveat]);
    expect(code).toMatch(/^ERR_CAVEAT_(?:UNKNOWN|MALFORMED)$/);
    expect(more).toEqual([]);
  });

  test("a refusal never repeats a value or an unusual name", () => {
    for (const caveat of [
      "sécret=hidden",
      `${preimage}=hidden`,
      `${"a".repeat(65)}=hidden`,
      "max_uses=hidden",
      "x\r\ny=hidden",
    ]) {
      const text = JSON.stringify(chain(caveat).refusals(access));
      expect(text).not.toContain("hidden");
      expect(text).not.toContain("sécret");
      expect(text).not.toContain(preimage);
      expect(text).not.toContain("\\r");
    }
  });

  test("a service tolerates a condition that it names, and no other", () => {
    const tolerant = new CaveatChain({
      caveats: [binaryOfUtf8("loop_out_monthly_volume_sats=1")],
      vocabulary: serviceVocabulary(["loop_out_monthly_volume_sats"]),
      paymentHash,
    });
    expect(tolerant.refusals(access)).toEqual([]);
    const other = new CaveatChain({
      caveats: [binaryOfUtf8("other=1")],
      vocabulary: serviceVocabulary(["x"]),
      paymentHash,
    });
    expect(other.refusals(access)).toHaveLength(1);
  });

  test("tolerating a known condition does not switch it off", () => {
    const vocabulary = serviceVocabulary(["valid_until", "endpoints", "a_capabilities"]);
    const judged = new CaveatChain({
      caveats: [binaryOfUtf8("valid_until=1"), binaryOfUtf8("endpoints=")],
      vocabulary,
      paymentHash,
    });
    expect(judged.refusals(access).map(({ code }) => code)).toEqual([
      "ERR_EXPIRED",
      "ERR_ENDPOINT",
    ]);
  });

  test("a service denies `payees`, because only a treasury sees the payee", () => {
    const judged = new CaveatChain({
      caveats: [binaryOfUtf8(`payees=${NODE_A}`)],
      vocabulary: serviceVocabulary(),
      paymentHash,
    });
    expect(judged.refusals(access).map(({ code }) => code)).toEqual(["ERR_CAVEAT_UNKNOWN"]);
  });
});

describe("an empty list allows nothing [case 22]", () => {
  test.each<[string, string, Partial<Access>]>([
    ["endpoints=", "ERR_ENDPOINT", {}],
    ["services=", "ERR_SERVICE", { service: "a" }],
    ["a_capabilities=", "ERR_CAPABILITY", { service: "a", capability: "x" }],
    ["a_capabilities=", "ERR_CAPABILITY", { service: "a", capability: "" }],
    ["payees=", "ERR_PAYEE", { payee: NODE_A }],
    ["model=", "ERR_MODEL", { model: "gpt-5.4" }],
    ["model=", "ERR_MODEL", { model: "" }],
  ])("%s", (caveat, code, facts) => {
    expect(codes([caveat], facts)).toEqual([code]);
  });

  test.each<[string, Partial<Access>]>([
    ["services=*", { service: "a" }],
    ["services=*:0", { service: "a" }],
    ["payees=*", { payee: NODE_A }],
    ["endpoints=*", {}],
  ])("%s: a star is literal in a list without patterns", (caveat, facts) => {
    expect(codes([caveat], facts)).toEqual(["ERR_CAVEAT_MALFORMED"]);
  });
});

describe("services and capabilities, as in L402", () => {
  test.each<[string, Partial<Access>, string[]]>([
    ["services=loop:0", { service: "loop" }, []],
    ["services=pool:1,loop:0", { service: "loop" }, []],
    ["services=loop:0", { service: "Loop" }, ["ERR_SERVICE"]],
    ["services=loop:0", { service: "loo" }, ["ERR_SERVICE"]],
    ["services=loop:0", {}, ["ERR_SERVICE"]],
    // As aperture names a path whose price is dynamic.
    ["services=loop/v1/quote:0", { service: "loop" }, ["ERR_SERVICE"]],
    ["services=Loop/v1.2/~quote:0,loop:0", { service: "loop" }, []],
    ["services=loop", { service: "loop" }, ["ERR_CAVEAT_MALFORMED"]],
    ["services=loop:", { service: "loop" }, ["ERR_CAVEAT_MALFORMED"]],
    ["services=loop:-1", { service: "loop" }, ["ERR_CAVEAT_MALFORMED"]],
    ["services=loop:0:0", { service: "loop" }, ["ERR_CAVEAT_MALFORMED"]],
    ["services=loop:0,", { service: "loop" }, ["ERR_CAVEAT_MALFORMED"]],
    ["services=loop:0, pool:0", { service: "pool" }, ["ERR_CAVEAT_MALFORMED"]],
    ["services= loop:0", { service: "loop" }, ["ERR_CAVEAT_MALFORMED"]],
    ["loop_capabilities=out,in", { service: "loop", capability: "in" }, []],
    ["loop_capabilities=out,in", { service: "loop", capability: "ou" }, ["ERR_CAPABILITY"]],
    ["loop_capabilities=out,in", { service: "loop" }, ["ERR_CAPABILITY"]],
    ["loop_capabilities=out,in", { service: "loop", capability: "out,in" }, ["ERR_CAPABILITY"]],
    ["loop_capabilities=out", { service: "pool", capability: "in" }, []],
    ["loop_valid_until=1", { service: "loop" }, ["ERR_EXPIRED"]],
    ["loop_valid_until=1", { service: "pool" }, []],
    ["lightning_loop_valid_until=1", { service: "lightning_loop" }, ["ERR_EXPIRED"]],
    ["lightning_loop_valid_until=1", { service: "loop" }, []],
  ])("%s, asked for %j: %j", (caveat, facts, refused) => {
    expect(codes([caveat], facts)).toEqual(refused);
  });

  test("a capability with a line break or a comma is malformed", () => {
    for (const value of ["a\r\nb", "a b", "a,,b", "é", "\u001b[2J", "a\0"])
      expect
        .soft(codes([`loop_capabilities=${value}`], { service: "loop", capability: "a" }), value)
        .toEqual(["ERR_CAVEAT_MALFORMED"]);
  });
});

describe("models", () => {
  test.each<[string, string | null | undefined, boolean]>([
    ["gpt-5.4", "gpt-5.4", true],
    ["gpt-5.4", "gpt-5.4-mini", false],
    ["gpt-5.4", "GPT-5.4", false],
    ["gpt-5*", "gpt-5", true],
    ["gpt-5*", "gpt-5.4-mini", true],
    ["gpt-5*", "gpt-4", false],
    ["gpt-5*", " gpt-5", false],
    ["o4,gpt-5*", "o4", true],
    ["*", "anything/at:all", true],
    ["meta-llama/Llama-4", "meta-llama/Llama-4", true],
    ["ft:gpt-5:org:name:id", "ft:gpt-5:org:name:id", true],
    // A regular expression would let it pass.
    ["gpt-5.4", "gpt-5x4", false],
    ["gpt-5.4", "", false],
    // The service knows that no model is used, or it knows nothing.
    ["gpt-5.4", null, true],
    ["*", undefined, false],
  ])("model=%s, asked for %j: %j", (value, model, isAllowed) => {
    expect(codes([`model=${value}`], { model })).toEqual(isAllowed ? [] : ["ERR_MODEL"]);
  });

  test.each(["a*b", "**", "a,,b", "a b", "a\nb", "é", ",", "*a"])("%j is malformed", (value) => {
    expect(codes([`model=${value}`], { model: "a" })).toEqual(["ERR_CAVEAT_MALFORMED"]);
  });

  test("says nothing about the credential's own affairs", () => {
    expect(codes(["model=gpt-5.4"], { target: "self" })).toEqual([]);
  });
});

describe("price, payee and preimage", () => {
  const HASH = "3f".repeat(32);
  const dear = (request: string | undefined): Partial<Access> => ({
    price: { unit: "msat", value: 11n },
    pricedRequest: () => request,
  });
  test.each<[string, Partial<Access>, string[]]>([
    ["max_price_msat=10", { price: { unit: "msat", value: 10n } }, []],
    ["max_price_msat=10", { price: { unit: "msat", value: 11n } }, ["ERR_PRICE"]],
    ["max_price_msat=0", { price: { unit: "msat", value: 0n } }, []],
    ["max_price_msat=0", { price: { unit: "msat", value: 1n } }, ["ERR_PRICE"]],
    ["max_price_usd_micro=20000", { price: { unit: "usd_micro", value: 20_000n } }, []],
    ["max_price_usd_micro=20000", { price: { unit: "usd_micro", value: 20_001n } }, ["ERR_PRICE"]],
    ["max_price_msat=0", { price: { unit: "usd_micro", value: 1n } }, []],
    ["max_price_usd_micro=0", { price: { unit: "msat", value: 1n } }, []],
    ["sold_price=10 msat", { price: { unit: "msat", value: 10n } }, []],
    ["sold_price=10 msat", { price: { unit: "msat", value: 11n } }, ["ERR_PRICE"]],
    ["sold_price=10 usd_micro", { price: { unit: "usd_micro", value: 10n } }, []],
    ["sold_price=10 usd_micro", { price: { unit: "msat", value: 1n } }, ["ERR_PRICE"]],
    ["sold_price=10 msat", { price: { unit: "usd_micro", value: 0n } }, ["ERR_PRICE"]],
    [`sold_price=10 msat ${HASH}`, dear(HASH), []],
    [`sold_price=10 usd_micro ${HASH}`, dear(HASH), []],
    [`sold_price=10 msat ${HASH}`, dear("00".repeat(32)), ["ERR_PRICE"]],
    [`sold_price=10 msat ${HASH}`, dear(undefined), ["ERR_PRICE"]],
    ["sold_price=10 msat", dear(undefined), ["ERR_PRICE"]],
    [`sold_price=10 msat ${HASH}`, { target: "self", ...dear(undefined) }, []],
    ...["10", "10 ", "10 sat", "010 msat", "-1 msat", "10  msat", `10 msat ${HASH.toUpperCase()}`]
      .concat([`10 msat ${HASH.slice(1)}`, `10 msat ${HASH} x`, `10 msat\n${HASH}`, " 10 msat"])
      .map((value): [string, Partial<Access>, string[]] => [
        `sold_price=${value}`,
        { target: "self" },
        ["ERR_CAVEAT_MALFORMED"],
      ]),
    [`payees=${NODE_A}`, { payee: NODE_A }, []],
    [`payees=${NODE_A}`, { payee: NODE_B }, ["ERR_PAYEE"]],
    [`payees=${NODE_A.toUpperCase()}`, { payee: NODE_A }, ["ERR_CAVEAT_MALFORMED"]],
    [`payees=${NODE_A},`, { payee: NODE_A }, ["ERR_CAVEAT_MALFORMED"]],
    [`payees=04${NODE_A.slice(2)}`, { payee: NODE_A }, ["ERR_CAVEAT_MALFORMED"]],
    [`payees=${NODE_A.slice(2)}`, { payee: NODE_A }, ["ERR_CAVEAT_MALFORMED"]],
    [`preimage=${preimage}`, {}, []],
    [`preimage=${"11".repeat(32)}`, {}, ["ERR_PREIMAGE_CAVEAT"]],
    [`preimage=${preimage.slice(1)}`, {}, ["ERR_CAVEAT_MALFORMED"]],
    [`preimage=${preimage}0`, {}, ["ERR_CAVEAT_MALFORMED"]],
    [`preimage=${preimage.slice(1)}g`, {}, ["ERR_CAVEAT_MALFORMED"]],
    ["preimage=", {}, ["ERR_CAVEAT_MALFORMED"]],
    [`preimage=${paymentHash}`, {}, ["ERR_PREIMAGE_CAVEAT"]],
  ])("%s, %o: %j", (caveat, facts, refused) => {
    expect(codes([caveat], facts)).toEqual(refused);
  });

  test("hashes are compared in full", () => {
    expect(hexBytes(paymentHash)).toHaveLength(32);
  });
});

describe("agents, depth and purpose", () => {
  test("an agent opens a node; what follows belongs to it", () => {
    const read = chain(
      "purpose=root",
      "agent=a.00000000",
      "max_uses=1",
      "agent=b.0011223344556677",
      "valid_until=1",
    );
    expect(read.lineage).toEqual(["a", "b"]);
    expect(read.nodes.map(({ agent }) => agent)).toEqual([undefined, "a", "b"]);
    expect(read.texts.map(({ condition, node }) => [condition, node.agent])).toEqual([
      ["purpose", undefined],
      ["agent", "a"],
      ["max_uses", "a"],
      ["agent", "b"],
      ["valid_until", "b"],
    ]);
    expect(read.node.agent).toBe("b");
    expect(read.limits[0]!.node.agent).toBe("a");
  });

  test.each([
    "",
    "a",
    "a.",
    ".00000000",
    "a.0000000",
    `a.${"0".repeat(33)}`,
    "a.0000000G",
    "a.0000000A",
    "a b.00000000",
    "-a.00000000",
    "_a.00000000",
    "a.b.00000000",
    "é.00000000",
    "a.00000000\n",
    "a/../b.00000000",
    `${"a".repeat(65)}.00000000`,
    "a.00000000;max_depth=9",
  ])("agent=%j is malformed, denies, and opens no node", (value) => {
    const read = chain(`agent=${value}`);
    expect(codes([`agent=${value}`])).toEqual(["ERR_CAVEAT_MALFORMED"]);
    expect(read.nodes).toHaveLength(1);
    expect(read.lineage).toEqual([]);
  });

  test("a name gives its bearer no rights [case 18]", () => {
    const named = [
      "agent=treasury.00000000",
      "purpose=account=treasury;budget=+1000",
      "endpoints=GET https://b.example/**",
    ];
    expect(codes(named)).toEqual(["ERR_ENDPOINT"]);
    expect(codes(["account=treasury"])).toEqual(["ERR_CAVEAT_UNKNOWN"]);
    expect(codes(["budget=+1000"])).toEqual(["ERR_CAVEAT_UNKNOWN"]);
    expect(chain(...named).limits).toEqual([]);
  });

  test.each<[string[], string[]]>([
    [["max_depth=0"], []],
    [["max_depth=0", "agent=a.00000000"], ["ERR_DEPTH"]],
    [["agent=a.00000000", "max_depth=0"], []],
    [["max_depth=1", "agent=a.00000000"], []],
    [["max_depth=1", "agent=a.00000000", "agent=b.00000000"], ["ERR_DEPTH"]],
    [["max_depth=2", "agent=a.00000000", "max_depth=0", "agent=b.00000000"], ["ERR_DEPTH"]],
    // An unreadable `agent` caveat counts too, and also denies by itself.
    [
      ["max_depth=0", "agent=x"],
      ["ERR_CAVEAT_MALFORMED", "ERR_DEPTH"],
    ],
  ])("%j: %j [case 24]", (caveats, refused) => {
    expect(codes(caveats)).toEqual(refused);
  });

  test("a chain of every caveat that fits is judged in full [case 24]", () => {
    const deep = Array.from({ length: 64 }, (_, at) => `agent=a${at}.00000000`);
    expect(codes(deep)).toEqual([]);
    expect(chain(...deep).lineage).toHaveLength(64);
    expect(codes(["max_depth=62", ...deep.slice(1)])).toEqual(["ERR_DEPTH"]);
    expect(codes(["max_depth=63", ...deep.slice(1)])).toEqual([]);
  });
});

test("the counted limits say what they count, and in which unit", () => {
  const { limits } = chain(...INTEGER_CONDITIONS.map((name) => `${name}=7`));
  expect(
    limits.map(({ condition, kind, unit, max, windowSeconds }) => [
      condition,
      kind,
      unit,
      max,
      windowSeconds,
    ]),
  ).toEqual([
    ["budget_msat", "spend", "msat", 7n, undefined],
    ["budget_msat_per_hour", "spend", "msat", 7n, 3600],
    ["budget_msat_per_day", "spend", "msat", 7n, 86_400],
    ["budget_msat_per_month", "spend", "msat", 7n, 30 * 86_400],
    ["budget_usd_micro", "spend", "usd_micro", 7n, undefined],
    ["budget_usd_micro_per_hour", "spend", "usd_micro", 7n, 3600],
    ["budget_usd_micro_per_day", "spend", "usd_micro", 7n, 86_400],
    ["budget_usd_micro_per_month", "spend", "usd_micro", 7n, 30 * 86_400],
    ["max_uses", "uses", undefined, 7n, undefined],
    ["max_uses_per_minute", "uses", undefined, 7n, 60],
    ["max_uses_per_hour", "uses", undefined, 7n, 3600],
    ["max_uses_per_day", "uses", undefined, 7n, 86_400],
  ]);
});
