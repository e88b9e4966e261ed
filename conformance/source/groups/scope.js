/** spec/2-caveats.md §1: a scope in a person's words, units, and what nobody may mint. */
import { asked, deny, from, NOW } from "../lib/world.js";

const spec = from("2-caveats", "1");
const compile = (title, scope, expect, sentence) =>
  asked({
    title,
    form: "macaroon",
    needs: ["scope"],
    command: { do: "compile", scope, now: NOW },
    expect: Array.isArray(expect) ? { ok: true, caveats: expect } : expect,
    spec: spec(sentence),
  });
const mint = (title, scope, expect, sentence, more = {}) =>
  asked({
    title,
    form: "macaroon",
    needs: ["mint"],
    command: {
      do: "mint",
      scope,
      now: NOW,
      verifier: {
        kind: "service",
        location: "https://api.example",
        secrets: ["000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"],
        ...more,
      },
    },
    expect,
    spec: spec(sentence),
  });
const row = (key) => `| \`${key}\` |`;
const AMOUNT =
  'An amount is text with its unit: `"500 sat"`, `"1000 msat"`, `"0.001 btc"`, `"5 usd"`, `"0.25 usd"`.';
const UNIT =
  "A budget or a price in bitcoin makes the condition of `msat`, one in US dollars that of `usd_micro` (10⁻⁶ US dollar).";
const LISTS =
  'A list gives at most one amount for each unit: `budget: ["500 sat", "5 usd"]` is `budget_msat=500000` and `budget_usd_micro=5000000`.';
const REFUSE =
  "An authority must refuse to mint without `endpoints` or `services`, without an end of validity, and, for a treasury, without a budget of at least one unit (a window is enough).";
const NODE = `02${"ab".repeat(32)}`;
const PLACE = { endpoints: ["GET https://a.example/x"] };

export default [
  compile("purpose", { purpose: "book flights" }, ["purpose=book flights"], row("purpose")),
  compile(
    "endpoints",
    { endpoints: ["GET https://a.example/x/*", "POST https://b.example/y"] },
    ["endpoints=GET https://a.example/x/*;POST https://b.example/y"],
    row("endpoints"),
  ),
  compile(
    "services",
    { services: ["loop:0", "pool:1"] },
    ["services=loop:0,pool:1"],
    row("services"),
  ),
  compile(
    "capabilities",
    { capabilities: { loop: ["out", "in"] } },
    ["loop_capabilities=out,in"],
    row("capabilities"),
  ),
  compile("models", { models: ["gpt-5*", "o4-mini"] }, ["model=gpt-5*,o4-mini"], row("models")),
  ...[
    ["30s", 30],
    ["15m", 900],
    ["1h", 3600],
    ["7d", 604_800],
  ].map(([text, seconds]) =>
    compile(
      `expiresIn ${text}`,
      { expiresIn: text },
      [`valid_until=${NOW + seconds}`],
      row("expiresIn"),
    ),
  ),
  compile(
    "ledger",
    { ledger: "https://api.example" },
    ["ledger=https://api.example"],
    row("ledger"),
  ),
  compile(
    "budgetPerHour",
    { budgetPerHour: "50 sat" },
    ["budget_msat_per_hour=50000"],
    row("budgetPerHour"),
  ),
  compile(
    "budgetPerDay",
    { budgetPerDay: "100 sat" },
    ["budget_msat_per_day=100000"],
    row("budgetPerDay"),
  ),
  compile(
    "budgetPerMonth",
    { budgetPerMonth: "900 sat" },
    ["budget_msat_per_month=900000"],
    row("budgetPerMonth"),
  ),
  compile("maxPrice", { maxPrice: "10 sat" }, ["max_price_msat=10000"], row("maxPrice")),
  compile("maxUses", { maxUses: 100 }, ["max_uses=100"], row("maxUses")),
  compile(
    "maxUsesPerMinute",
    { maxUsesPerMinute: 100 },
    ["max_uses_per_minute=100"],
    row("maxUsesPerMinute"),
  ),
  compile(
    "maxUsesPerHour",
    { maxUsesPerHour: 100 },
    ["max_uses_per_hour=100"],
    row("maxUsesPerHour"),
  ),
  compile("maxUsesPerDay", { maxUsesPerDay: 100 }, ["max_uses_per_day=100"], row("maxUsesPerDay")),
  compile("payees", { payees: [NODE] }, [`payees=${NODE}`], row("payees")),
  compile("maxDepth", { maxDepth: 1 }, ["max_depth=1"], row("maxDepth")),
  compile("500 sat", { budget: "500 sat" }, ["budget_msat=500000"], AMOUNT),
  compile("1000 msat", { budget: "1000 msat" }, ["budget_msat=1000"], AMOUNT),
  compile("0.001 btc", { budget: "0.001 btc" }, ["budget_msat=100000000"], AMOUNT),
  compile("5 usd", { budget: "5 usd" }, ["budget_usd_micro=5000000"], AMOUNT),
  compile("0.25 usd", { maxPrice: "0.25 usd" }, ["max_price_usd_micro=250000"], UNIT),
  compile("0.000001 usd", { maxPrice: "0.000001 usd" }, ["max_price_usd_micro=1"], UNIT),
  compile(
    "two units",
    { budget: ["500 sat", "5 usd"] },
    ["budget_msat=500000", "budget_usd_micro=5000000"],
    LISTS,
  ),
  compile("one unit twice", { budget: ["500 sat", "1000 msat"] }, deny(), LISTS),
  ...["500", "500 sats per day", "-1 sat", "0.5 msat", "0.0000001 usd", "1e3 sat", "5 eur", ""].map(
    (text) => compile(`"${text}" is no amount`, { budget: text }, deny(), AMOUNT),
  ),
  ...["1", "1w", "-1h", "1.5h", ""].map((text) =>
    compile(`"${text}" is no duration`, { expiresIn: text }, deny(), row("expiresIn")),
  ),
  compile(
    "the order of the table",
    {
      maxDepth: 1,
      maxUses: 2,
      maxPrice: "1 sat",
      budget: "3 sat",
      expiresIn: "1h",
      endpoints: ["GET https://a.example/x"],
      purpose: "p",
    },
    [
      "purpose=p",
      "endpoints=GET https://a.example/x",
      `valid_until=${NOW + 3600}`,
      "budget_msat=3000",
      "max_price_msat=1000",
      "max_uses=2",
      "max_depth=1",
    ],
    "`l8nt` compiles a scope to caveats, in the order of this table.",
  ),
  compile(
    "an unknown key",
    { budgets: "1 sat" },
    deny(),
    "`l8nt` compiles a scope to caveats, in the order of this table.",
  ),
  compile(
    "an entry that is none",
    { endpoints: ["GET https://a.example"] },
    deny(),
    row("endpoints"),
  ),
  compile("an agent that looks like a node id", { agent: "ab".repeat(16) }, deny(), row("agent")),
  mint("everything that it needs", { ...PLACE, expiresIn: "1h" }, { ok: true }, REFUSE),
  mint(
    "services in place of endpoints",
    { services: ["loop:0"], expiresIn: "1h" },
    { ok: true },
    REFUSE,
  ),
  mint("no endpoints", { expiresIn: "1h" }, deny(), REFUSE),
  mint("no end", PLACE, deny(), REFUSE),
  mint(
    "a treasury, with a budget",
    { ...PLACE, expiresIn: "1h", budget: "1 sat" },
    { ok: true },
    REFUSE,
    { kind: "treasury" },
  ),
  mint(
    "a treasury, with a window",
    { ...PLACE, expiresIn: "1h", budgetPerDay: "1 sat" },
    { ok: true },
    REFUSE,
    { kind: "treasury" },
  ),
  mint("a treasury, without a budget", { ...PLACE, expiresIn: "1h" }, deny(), REFUSE, {
    kind: "treasury",
  }),
];
