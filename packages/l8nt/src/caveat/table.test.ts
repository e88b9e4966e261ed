/**
 * Every row of the table of conditions × service, treasury, holder, hand-over, widening and flag.
 * The examples are written by hand, and a row without one fails.
 */
import { describe, expect, test } from "vitest";
import { binaryOfUtf8 } from "../internal/bytes.ts";
import type { Access } from "./access.ts";
import { CaveatChain } from "./chain.ts";
import { compileScope } from "./compile.ts";
import { TABLE } from "./conditions/table.ts";
import { SCOPE_FLAGS } from "./flags.ts";
import { handOverCaveats } from "./hand-over.ts";
import type { Scope } from "./scope.ts";
import { readOrigin, targetAt } from "./target.ts";
import { serviceVocabulary, treasuryVocabulary, type Vocabulary } from "./vocabulary.ts";
import { widenings } from "./wider.ts";
import { caveatWords } from "./words.ts";

const NOW = 1_767_225_600;
// RFC 8037 appendix A.3.
const THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const OTHER_THUMBPRINT = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";
const ORIGIN = "https://api.example";
const access: Access = { now: NOW, target: targetAt("GET", readOrigin(ORIGIN)!, "/a")! };
const KEY = `02${"ab".repeat(32)}`;
const OTHER_KEY = `03${"cd".repeat(32)}`;
const PREIMAGE = "00".repeat(32);
// SHA-256 of 32 zero bytes, by sha256sum.
const HASH = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
const NONCE = "0011223344556677";

interface Example {
  /** Caveats that allow the access, and the facts of it that they need. */
  readonly allows: readonly [caveats: readonly string[], facts?: Partial<Access>];
  /** Caveats that deny the access, and the code. Undefined for a condition that never denies. */
  readonly denies?: readonly [caveats: readonly string[], code: string, facts?: Partial<Access>];
  /** The counted limit, for a condition that never denies by itself. */
  readonly counts?: { kind: "spend" | "uses"; unit?: string; windowSeconds?: number };
  /** What a service denies that a treasury allows. */
  readonly unknownToService?: true;
  /** Whether a holder can tell the denial without the service. */
  readonly certain?: false;
  /** What is handed over besides the end; undefined if the request is relayed. */
  readonly handOver: readonly string[] | undefined;
  /** A caveat, one that it covers, and one that is wider; undefined if none is refused as wider. */
  readonly wider?: readonly [held: string, covered: string, wider: string];
  /** What is typed, and the caveats that it makes; undefined for a condition without a flag. */
  readonly flags: readonly (readonly [flag: string, typed: readonly string[], caveat: string])[];
  readonly words: readonly string[];
}

const amounts = {
  msat: ["msat", "500 sat", 500_000n],
  usd_micro: ["usd", "5 usd", 5_000_000n],
} as const;
const windows = [
  ["", "budget", undefined, "in all"],
  ["_per_hour", "budget-per-hour", 3600, "an hour"],
  ["_per_day", "budget-per-day", 86_400, "a day"],
  ["_per_month", "budget-per-month", 2_592_000, "a month"],
] as const;
const budgets = Object.entries(amounts).flatMap(([unit, [, text, value]]) =>
  windows.map(([suffix, flag, windowSeconds, words]): [string, Example] => {
    const name = `budget_${unit}${suffix}`;
    return [
      name,
      {
        allows: [[`${name}=0`]],
        counts: { kind: "spend", unit, ...(windowSeconds !== undefined && { windowSeconds }) },
        handOver: [],
        wider: [`${name}=10`, `${name}=10`, `${name}=11`],
        flags: [[flag, [text], `${name}=${value}`]],
        words: [`${text} ${words}`],
      },
    ];
  }),
);
const uses = (
  [
    ["", "max-uses", undefined, "in all"],
    ["_per_minute", "max-uses-per-minute", 60, "a minute"],
    ["_per_hour", "max-uses-per-hour", 3600, "an hour"],
    ["_per_day", "max-uses-per-day", 86_400, "a day"],
  ] as const
).map(([suffix, flag, windowSeconds, words]): [string, Example] => {
  const name = `max_uses${suffix}`;
  return [
    name,
    {
      allows: [[`${name}=0`]],
      counts: { kind: "uses", ...(windowSeconds !== undefined && { windowSeconds }) },
      handOver: undefined,
      wider: [`${name}=10`, `${name}=9`, `${name}=11`],
      flags: [[flag, ["3"], `${name}=3`]],
      words: [`3 requests ${words}`],
    },
  ];
});
const prices = (["msat", "usd_micro"] as const).map((unit): [string, Example] => {
  const name = `max_price_${unit}`;
  const [, text, value] = amounts[unit];
  return [
    name,
    {
      allows: [[`${name}=10`], { price: { unit, value: 10n } }],
      denies: [[`${name}=10`], "ERR_PRICE", { price: { unit, value: 11n } }],
      handOver: [],
      wider: [`${name}=10`, `${name}=10`, `${name}=11`],
      flags: [["max-price", [text], `${name}=${value}`]],
      words: [`at most ${text} at once`],
    },
  ];
});

const EXAMPLES: Readonly<Record<string, Example>> = {
  agent: {
    allows: [["agent=booker.00000000"]],
    handOver: [],
    flags: [["agent", ["booker"], `agent=booker.${NONCE}`]],
    words: [],
  },
  purpose: {
    allows: [["purpose=x"]],
    handOver: [],
    flags: [["purpose", ["book flights"], "purpose=book flights"]],
    words: ["for: book flights"],
  },
  endpoints: {
    allows: [["endpoints=GET https://api.example/**;GET https://b.example/a"]],
    denies: [["endpoints=GET https://b.example/**"], "ERR_ENDPOINT"],
    handOver: ["endpoints=GET https://api.example/**"],
    wider: [
      "endpoints=GET https://a.example/x/**",
      "endpoints=GET https://a.example/x/y",
      "endpoints=GET https://a.example/**",
    ],
    flags: [
      [
        "endpoint",
        ["GET https://a.example/x", "* https://b.example/**"],
        "endpoints=GET https://a.example/x;* https://b.example/**",
      ],
    ],
    words: ["GET https://a.example/x", "* https://b.example/**"],
  },
  services: {
    allows: [["services=loop:0,pool:1"], { service: "pool" }],
    denies: [["services=loop:0"], "ERR_SERVICE", { service: "pool" }],
    certain: false,
    handOver: undefined,
    wider: ["services=loop:0,pool:0", "services=loop:0", "services=loop:0,faraday:0"],
    flags: [["service", ["loop", "pool:1"], "services=loop:0,pool:1"]],
    words: ["service loop:0", "service pool:1"],
  },
  _capabilities: {
    allows: [["loop_capabilities=out"], { service: "loop", capability: "out" }],
    denies: [["loop_capabilities=out"], "ERR_CAPABILITY", { service: "loop", capability: "in" }],
    certain: false,
    handOver: undefined,
    wider: ["loop_capabilities=out,in", "loop_capabilities=in", "loop_capabilities=in,quote"],
    flags: [["capability", ["loop:out", "loop:in"], "loop_capabilities=out,in"]],
    words: ["at loop: out", "at loop: in"],
  },
  model: {
    allows: [["model=gpt-5*,o4-mini"], { model: "gpt-5.4" }],
    denies: [["model=gpt-5*,o4-mini"], "ERR_MODEL", { model: "o4-mini-high" }],
    certain: false,
    handOver: undefined,
    wider: ["model=gpt-5*,o4-mini", "model=gpt-5.4*,o4-mini", "model=gpt-*"],
    flags: [["model", ["gpt-5*", "o4-mini"], "model=gpt-5*,o4-mini"]],
    words: ["model gpt-5*", "model o4-mini"],
  },
  valid_from: {
    allows: [[`valid_from=${NOW}`]],
    denies: [[`valid_from=${NOW + 1}`], "ERR_NOT_YET_VALID"],
    handOver: [`valid_from=${NOW}`],
    flags: [],
    words: ["from 2026-01-01 00:00:00 UTC (in 0 s)"],
  },
  valid_until: {
    allows: [[`valid_until=${NOW + 9}`]],
    denies: [[`valid_until=${NOW}`], "ERR_EXPIRED"],
    handOver: [],
    flags: [
      ["expires-in", ["15m"], `valid_until=${NOW + 900}`],
      ["expires-at", ["2030-01-01T00:00:00Z"], "valid_until=1893456000"],
    ],
    words: ["until 2030-01-01 00:00:00 UTC (in 4 y)"],
  },
  _valid_until: {
    allows: [[`loop_valid_until=${NOW + 9}`], { service: "loop" }],
    denies: [[`loop_valid_until=${NOW}`], "ERR_EXPIRED", { service: "loop" }],
    certain: false,
    handOver: undefined,
    flags: [],
    words: ["at loop until 2026-01-01 00:00:09 UTC (in 9 s)"],
  },
  ...Object.fromEntries([...budgets, ...prices, ...uses]),
  sold_price: {
    allows: [
      [`sold_price=10 msat ${HASH}`],
      { price: { unit: "msat", value: 11n }, pricedRequest: () => HASH },
    ],
    denies: [
      [`sold_price=10 msat ${HASH}`],
      "ERR_PRICE",
      { price: { unit: "msat", value: 11n }, pricedRequest: () => PREIMAGE },
    ],
    certain: false,
    handOver: undefined,
    flags: [],
    words: ["at most 0.01 sat at once, or the request that was sold at this price"],
  },
  payees: {
    allows: [[`payees=${KEY}`], { payee: KEY }],
    denies: [[`payees=${KEY}`], "ERR_PAYEE", { payee: OTHER_KEY }],
    unknownToService: true,
    handOver: [],
    wider: [`payees=${KEY}`, "payees=", `payees=${KEY},${OTHER_KEY}`],
    flags: [["payee", [KEY, OTHER_KEY], `payees=${KEY},${OTHER_KEY}`]],
    words: [`pays only ${KEY}`, `pays only ${OTHER_KEY}`],
  },
  holder: {
    allows: [[`holder=${THUMBPRINT}`], { holder: THUMBPRINT }],
    denies: [[`holder=${THUMBPRINT}`], "ERR_HOLDER", { holder: null }],
    handOver: [`holder=${THUMBPRINT}`],
    wider: [`holder=${THUMBPRINT}`, `holder=${THUMBPRINT}`, `holder=${OTHER_THUMBPRINT}`],
    flags: [["holder", [THUMBPRINT], `holder=${THUMBPRINT}`]],
    words: [`only with requests signed by the key ${THUMBPRINT}`],
  },
  ledger: {
    allows: [[`ledger=${ORIGIN}`], { ledger: ORIGIN }],
    denies: [[`ledger=${ORIGIN}`], "ERR_LEDGER", { ledger: "https://treasury.example" }],
    handOver: [],
    wider: [`ledger=${ORIGIN}`, `ledger=${ORIGIN}`, "ledger=https://other.example"],
    flags: [["ledger", [ORIGIN], `ledger=${ORIGIN}`]],
    words: [`counted at ${ORIGIN} alone`],
  },
  max_depth: {
    allows: [["max_depth=1", "agent=a.00000000"]],
    denies: [["max_depth=0", "agent=a.00000000"], "ERR_DEPTH"],
    handOver: [],
    wider: ["max_depth=2", "max_depth=2", "max_depth=3"],
    flags: [["max-depth", ["1"], "max_depth=1"]],
    words: ["at most 1 delegation below"],
  },
  preimage: {
    allows: [[`preimage=${PREIMAGE}`]],
    denies: [[`preimage=${"11".repeat(32)}`], "ERR_PREIMAGE_CAVEAT"],
    handOver: undefined,
    flags: [],
    words: ["names the payment that it belongs to"],
  },
};

const labelOf = (row: (typeof TABLE)[number]) => ("suffix" in row ? row.suffix : row.name);
const ROWS = TABLE.map((row) => ({ label: labelOf(row), example: EXAMPLES[labelOf(row)]! }));

const chainOf = (caveats: readonly string[], vocabulary: Vocabulary) =>
  new CaveatChain({ caveats: caveats.map(binaryOfUtf8), vocabulary, paymentHash: HASH });
const codes = (chain: CaveatChain, facts: Partial<Access> = {}) =>
  chain.refusals({ ...access, ...facts }).map(({ code }) => code);

test("every row has an example, and every example a row", () => {
  expect(ROWS.map(({ label }) => label).sort()).toEqual(Object.keys(EXAMPLES).sort());
});

describe.each(ROWS)("$label", ({ example, label }) => {
  const { allows, denies, counts, handOver, wider, flags, words } = example;

  test.each(["treasury", "service"] as const)("a %s allows, and denies", (who) => {
    const vocabulary = who === "service" ? serviceVocabulary() : treasuryVocabulary();
    const unknown = who === "service" && example.unknownToService;
    expect(codes(chainOf(allows[0], vocabulary), allows[1])).toEqual(
      unknown ? ["ERR_CAVEAT_UNKNOWN"] : [],
    );
    if (denies === undefined) expect(counts !== undefined || flags.length > 0).toBe(true);
    else
      expect(codes(chainOf(denies[0], vocabulary), denies[2])).toEqual([
        unknown ? "ERR_CAVEAT_UNKNOWN" : denies[1],
      ]);
  });

  test("it gives the ledger the expected limit, and no other", () => {
    const [limit, ...more] = chainOf(allows[0], treasuryVocabulary()).limits;
    expect(more).toEqual([]);
    if (counts === undefined) expect(limit).toBeUndefined();
    else expect(limit).toMatchObject({ ...counts, max: 0n });
    expect(limit?.windowSeconds).toBe(counts?.windowSeconds);
  });

  test("a holder can foretell a denial that does not depend on the service's name", () => {
    if (denies === undefined)
      return expect(codes(chainOf(allows[0], treasuryVocabulary()))).toEqual([]);
    const chain = chainOf(denies[0], treasuryVocabulary());
    const certain = chain.certainRefusals({ ...access, ...denies[2] }).map(({ code }) => code);
    expect(certain).toEqual(example.certain === false ? [] : [denies[1]]);
  });

  test("a hand-over drops it, writes it for the service, or becomes a relay", () => {
    const chain = chainOf(allows[0], treasuryVocabulary());
    const options = { origin: readOrigin(ORIGIN)!, until: NOW + 300, nonces: [NONCE] };
    const end = label === "valid_until" ? `valid_until=${NOW + 9}` : `valid_until=${NOW + 300}`;
    const enforced = ["endpoints", "valid_from", "valid_until", "holder"];
    expect(handOverCaveats(chain, { ...options, enforced })).toEqual(
      handOver === undefined
        ? undefined
        : label === "holder"
          ? [end, ...handOver]
          : [...handOver, end],
    );
    // A service that enforces less than is needed gets no hand-over.
    for (const missing of (handOver ?? []).concat(end).map((caveat) => caveat.split("=")[0]))
      expect(
        handOverCaveats(chain, {
          ...options,
          enforced: enforced.filter((name) => name !== missing),
        }),
      ).toBeUndefined();
  });

  test("a wider scope is refused, and a narrower one is not", () => {
    const [held, covered, over] = wider ?? [allows[0][0]!, allows[0][0]!, undefined];
    const own = [
      { condition: held.slice(0, held.indexOf("=")), value: held.slice(held.indexOf("=") + 1) },
    ];
    expect(widenings(own, [covered])).toEqual([]);
    if (over === undefined) return;
    const [refusal, ...more] = widenings(own, [over]);
    expect(refusal).toMatchObject({ code: "ERR_SCOPE_WIDER", condition: own[0]!.condition });
    expect(more).toEqual([]);
  });

  test("its flags compile to it", () => {
    for (const [name, typed, caveat] of flags) {
      const flag = SCOPE_FLAGS.find((one) => one.name === name)!;
      const value = flag.read(typed, `--${name}`, NOW);
      expect(compileScope({ [flag.key]: value } as Scope, { now: NOW, nonce: NONCE })).toEqual([
        caveat,
      ]);
      expect(typed.length > 1 && flag.repeatable !== true).toBe(false);
    }
  });

  test("its words describe it, and say that a malformed value denies", () => {
    const caveat = flags[0] !== undefined && label !== "valid_until" ? flags[0][2] : allows[0][0]!;
    const shown = label === "valid_until" ? "valid_until=1893456000" : caveat;
    const [condition, value] = [
      shown.slice(0, shown.indexOf("=")),
      shown.slice(shown.indexOf("=") + 1),
    ];
    expect(caveatWords({ condition: condition!, value: value! }, NOW)).toEqual(words);
  });
});

test("every flag belongs to one row at least, and every field of a scope without one is known", () => {
  const shown = new Set(ROWS.flatMap(({ example }) => example.flags.map(([name]) => name)));
  expect(SCOPE_FLAGS.map(({ name }) => name).sort()).toEqual([...shown].sort());
});
