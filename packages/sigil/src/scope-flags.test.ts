/** Every flag of a scope, as it is typed: what it makes, and which typing is refused. */
import { compileScope, SCOPE_FLAGS as LIBRARY_FLAGS } from "l8nt/caveats";
import { describe, expect, test } from "vitest";
import { readArguments } from "./arguments.ts";
import { readScope, SCOPE_FLAGS } from "./scope-flags.ts";

const KEY = `02${"ab".repeat(32)}`;
const read = (...argv: string[]) => readScope(readArguments(argv, SCOPE_FLAGS, 0));
const caveats = (...argv: string[]) =>
  compileScope(read(...argv), { now: 1_767_225_600, nonce: "0011223344556677" });

/** By flag: a value that makes a caveat, and one that is refused. */
const EXAMPLES: Readonly<Record<string, readonly [good: string, caveat: string, bad: string]>> = {
  agent: ["booker", "agent=booker.0011223344556677", "flight booker"],
  purpose: ["book flights", "purpose=book flights", ""],
  endpoint: ["GET https://a.example/x", "endpoints=GET https://a.example/x", "https://a.example/"],
  service: ["loop", "services=loop:0", "Loop"],
  capability: ["loop:out", "loop_capabilities=out", "out"],
  model: ["gpt-5*", "model=gpt-5*", "gpt 5"],
  "expires-at": ["2030-01-01T00:00:00Z", "valid_until=1893456000", "tomorrow"],
  "expires-in": ["15m", "valid_until=1767226500", "15"],
  budget: ["5 usd", "budget_usd_micro=5000000", "5"],
  "budget-per-hour": ["50 sat", "budget_msat_per_hour=50000", "-5 sat"],
  "budget-per-day": ["0.5 usd", "budget_usd_micro_per_day=500000", "5 eur"],
  "budget-per-month": ["1 btc", "budget_msat_per_month=100000000000", "0.0001 sat"],
  "max-price": ["0.02 usd", "max_price_usd_micro=20000", "$5"],
  "max-uses": ["3", "max_uses=3", "-1"],
  "max-uses-per-minute": ["3", "max_uses_per_minute=3", "1.5"],
  "max-uses-per-hour": ["3", "max_uses_per_hour=3", "1e3"],
  "max-uses-per-day": ["3", "max_uses_per_day=3", "many"],
  payee: [KEY, `payees=${KEY}`, "02ab"],
  holder: [
    "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "holder=kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "kPrK",
  ],
  ledger: ["https://api.example", "ledger=https://api.example", "api.example"],
  "max-depth": ["1", "max_depth=1", "0x1"],
};

test("every flag has an example, and every example a flag", () => {
  expect(Object.keys(SCOPE_FLAGS).sort()).toEqual(Object.keys(EXAMPLES).sort());
  expect(LIBRARY_FLAGS).toHaveLength(Object.keys(SCOPE_FLAGS).length);
});

describe.each(Object.entries(EXAMPLES))("--%s", (flag, [good, caveat, bad]) => {
  test("makes its caveat", () => {
    expect(caveats(`--${flag}`, good)).toEqual([caveat]);
    expect(caveats(`--${flag}=${good}`)).toEqual([caveat]);
  });

  test("refuses another value, or takes any text", () => {
    if (flag === "purpose") expect(caveats("--purpose=")).toEqual(["purpose="]);
    else expect(() => caveats(`--${flag}=${bad}`)).toThrow(new RegExp(`--${flag}|scope\\.`));
  });
});

test("an amount may be given once for each unit", () => {
  expect(caveats("--budget", "500 sat", "--budget", "5 usd", "--max-price", "1 usd")).toEqual([
    "budget_msat=500000",
    "budget_usd_micro=5000000",
    "max_price_usd_micro=1000000",
  ]);
  expect(() => read("--budget", "5 usd", "--budget", "6 usd")).toThrow(
    "--budget has two amounts in US dollars",
  );
});

test.each([
  ["budget", "1 usd/day", 'write --budget-per-day "1 usd"'],
  ["budget", "50 sat / hour", 'write --budget-per-hour "50 sat"'],
  ["budget-per-day", "1 usd/month", 'write --budget-per-month "1 usd"'],
  ["budget", "1 usd/year", "must be an amount with its unit"],
])("--%s %s is refused with the flag that takes it", (flag, text, said) => {
  expect(() => read(`--${flag}`, text)).toThrow(said);
});
