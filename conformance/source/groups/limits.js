/** Counted limits and units: spec/2-caveats.md §5, spec/9-public-key.md §7. */
import { deny, from, judged, LOCATION, NOW, ok } from "../lib/world.js";

const spec = from("2-caveats", "5");
const seven = from("9-public-key", "7");
const PLACE = spec(
  "Each limit is counted under the id of its place in the chain (page 1 §6), which covers everything before it.",
);
const PARENT = spec(
  "So children that were derived from one parent share the parent's limit, and appending a caveat gives nobody a fresh counter.",
);
const EVERY = spec(
  "A spend or a use counts against **every** limit on the chain of its own unit, or against none.",
);
const UNITS = spec(
  "A spend of more than 0 is denied with `ERR_BUDGET`, naming `budget_<unit>`, if the chain has no limit on spending in its unit, and either the credential is a treasury's or the chain has a limit on spending in another unit.",
);
const row = (name) => from("2-caveats", "2")(`| \`${name}\` |`);
const LEDGER = `ledger=${LOCATION}`;
const msat = (value) => ({ price: { unit: "msat", value: String(value) } });
const usd = (value) => ({ price: { unit: "usd_micro", value: String(value) } });
const AT = "GET https://api.example/a";
const counted = (given) =>
  judged({
    needs: ["limits"],
    ...given,
    blocks: [[LEDGER, ...given.blocks[0]], ...given.blocks.slice(1)],
    before: (given.before ?? []).map((one) =>
      one.blocks ? { ...one, blocks: [[LEDGER, ...one.blocks[0]], ...one.blocks.slice(1)] } : one,
    ),
  });
const HOLDER = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";
const SECONDS = { minute: 60, hour: 3600, day: 86_400, month: 30 * 86_400 };

const budgets = ["msat", "usd_micro"].flatMap((unit) => {
  const price = unit === "msat" ? msat : usd;
  return ["", "_per_hour", "_per_day", "_per_month"].flatMap((window) => {
    const name = `budget_${unit}${window}`;
    const seconds = SECONDS[window.replace("_per_", "")];
    const before = [{ request: { at: AT, ...price(60) } }];
    const cases = [
      ...counted({
        title: `${name}: the last of it`,
        blocks: [[`${name}=100`]],
        before,
        request: price(40),
        expect: ok,
        spec: row(name),
      }),
      ...counted({
        title: `${name}: one more than is left`,
        blocks: [[`${name}=100`]],
        before,
        request: price(41),
        expect: deny("ERR_BUDGET"),
        spec: row(name),
      }),
    ];
    if (seconds === undefined) return cases;
    return [
      ...cases,
      ...counted({
        title: `${name}: free again`,
        blocks: [[`${name}=100`]],
        before: [{ ...before[0], now: NOW - 2 * seconds }],
        request: price(100),
        expect: ok,
        spec: row(name),
      }),
    ];
  });
});
const uses = ["", "_per_minute", "_per_hour", "_per_day"].flatMap((window) => {
  const name = `max_uses${window}`;
  const seconds = SECONDS[window.replace("_per_", "")];
  return [
    ...counted({
      title: `${name}: the last use`,
      blocks: [[`${name}=3`]],
      before: [{ times: 2 }],
      expect: ok,
      spec: row(name),
    }),
    ...counted({
      title: `${name}: one use too many`,
      blocks: [[`${name}=3`]],
      before: [{ times: 3 }],
      expect: deny("ERR_USES"),
      spec: row(name),
    }),
    ...(seconds === undefined
      ? []
      : counted({
          title: `${name}: free again`,
          blocks: [[`${name}=3`]],
          before: [{ times: 3, now: NOW - 2 * seconds }],
          expect: ok,
          spec: row(name),
        })),
  ];
});

export default [
  ...budgets,
  ...uses,
  ...counted({
    title: "a limit of 0 lets nothing through",
    blocks: [["max_uses=0"]],
    expect: deny("ERR_USES"),
    spec: row("max_uses"),
  }),
  ...counted({
    title: "a price of 0 spends nothing",
    blocks: [["budget_msat=0"]],
    request: msat(0),
    expect: ok,
    spec: row("budget_msat"),
  }),
  ...counted({
    title: "a refused use counts nothing",
    blocks: [["max_uses=1", "endpoints=GET https://api.example/a"]],
    before: [{ request: "GET https://api.example/b" }],
    expect: ok,
    spec: EVERY,
  }),
  ...counted({
    title: "what one limit refuses counts against no other",
    blocks: [["budget_msat=100", "max_price_msat=1000"], ["max_uses=2"]],
    before: [{ request: { at: AT, ...msat(200) }, times: 2 }],
    request: msat(100),
    expect: ok,
    spec: EVERY,
  }),
  ...counted({
    title: "two limits: the lower one denies",
    blocks: [["max_uses=5"], ["max_uses=1"]],
    before: [{}],
    expect: deny("ERR_USES"),
    spec: EVERY,
  }),
  ...counted({
    title: "two limits: both have room",
    blocks: [["max_uses=5"], ["max_uses=2"]],
    before: [{}],
    expect: ok,
    spec: EVERY,
  }),
  ...counted({
    title: "siblings share their parent's limit",
    blocks: [["max_uses=1"], ["agent=a.00000001"]],
    before: [{ blocks: [["max_uses=1"], ["agent=b.00000002"]] }],
    expect: deny("ERR_USES"),
    spec: PARENT,
  }),
  ...counted({
    title: "siblings have a part of their parent's limit each",
    blocks: [["max_uses=2"], ["agent=a.00000001"]],
    before: [{ blocks: [["max_uses=2"], ["agent=b.00000002"]] }],
    expect: ok,
    spec: PARENT,
  }),
  ...counted({
    title: "appending a caveat gives no fresh counter",
    blocks: [["max_uses=1"], ["purpose=again"]],
    before: [{ blocks: [["max_uses=1"]] }],
    expect: deny("ERR_USES"),
    spec: PARENT,
  }),
  ...counted({
    title: "a child's use counts against its parent",
    blocks: [["max_uses=1"]],
    before: [{ blocks: [["max_uses=1"], ["agent=a.00000001"]] }],
    expect: deny("ERR_USES"),
    spec: PARENT,
  }),
  ...counted({
    title: "a child's own limit is its own",
    blocks: [["max_uses=9"], ["agent=a.00000001", "max_uses=1"]],
    before: [{ blocks: [["max_uses=9"], ["agent=b.00000002", "max_uses=1"]] }],
    expect: ok,
    spec: PLACE,
  }),
  ...counted({
    title: "a child's own limit ends",
    blocks: [["max_uses=9"], ["agent=a.00000001", "max_uses=1"]],
    before: [{}],
    expect: deny("ERR_USES"),
    spec: PLACE,
  }),
  ...counted({
    title: "own affairs touch no limit",
    blocks: [["max_uses=1"]],
    before: [{}],
    request: "self",
    expect: ok,
    spec: from("2-caveats", "2")("counted limits are not touched, and everything else is judged."),
  }),
  ...counted({
    title: "a budget in another unit alone",
    blocks: [["budget_msat=100"]],
    request: usd(1),
    expect: deny("ERR_BUDGET"),
    spec: UNITS,
  }),
  ...counted({
    title: "a budget in both units",
    blocks: [["budget_msat=100", "budget_usd_micro=5"]],
    request: usd(5),
    expect: ok,
    spec: UNITS,
  }),
  ...counted({
    title: "a spend counts in its own unit alone",
    blocks: [["budget_msat=100", "budget_usd_micro=5"]],
    before: [{ request: { at: AT, ...usd(5) } }],
    request: msat(100),
    expect: ok,
    spec: EVERY,
  }),
  ...counted({
    title: "no budget at all: a pass",
    blocks: [["purpose=pass"]],
    request: msat(100),
    expect: ok,
    spec: spec(
      "and an access credential without any budget (one use, a pass for a time) stays good.",
    ),
  }),
  ...[
    ["without a budget", "purpose=x", deny("ERR_BUDGET")],
    ["with a budget", "budget_msat=1", ok],
  ].flatMap(([title, caveat, expect]) =>
    judged({
      title: `a treasury's credential ${title}`,
      blocks: [[caveat]],
      forms: ["macaroon"],
      needs: ["treasury", "limits"],
      verifier: { kind: "treasury" },
      request: msat(1),
      expect,
      spec: UNITS,
    }),
  ),
  // Without a ledger
  ...judged({
    title: "an authority of macaroons counts without a ledger caveat",
    blocks: [["max_uses=1"]],
    forms: ["macaroon"],
    needs: ["limits"],
    expect: ok,
    spec: seven(
      "An authority of macaroons judges it in the same way, and counts limits without it as page 5 says.",
    ),
  }),
  ...[
    "max_uses=5",
    "max_uses_per_day=5",
    "budget_msat=500",
    "budget_usd_micro_per_month=5",
  ].flatMap((limit) =>
    judged({
      title: `${limit} without a ledger`,
      blocks: [[limit]],
      forms: ["biscuit"],
      expect: deny(limit.startsWith("max") ? "ERR_USES" : "ERR_BUDGET"),
      spec: seven(
        "Otherwise the verifier denies, with the code of the limit (`ERR_BUDGET`, `ERR_USES`).",
      ),
    }),
  ),
  ...judged({
    title: "a ledger in the block of the limit, behind it",
    blocks: [["max_uses=5", LEDGER]],
    forms: ["biscuit"],
    needs: ["limits"],
    expect: ok,
    spec: seven("A counted limit needs a `ledger` caveat in its own block or in one before it."),
  }),
  ...judged({
    title: "a ledger in a block before",
    blocks: [[LEDGER], ["max_uses=5"]],
    forms: ["biscuit"],
    needs: ["limits"],
    expect: ok,
    spec: seven("A counted limit needs a `ledger` caveat in its own block or in one before it."),
  }),
  ...judged({
    title: "a ledger below the limit",
    blocks: [["max_uses=5"], [LEDGER]],
    forms: ["biscuit"],
    expect: deny("ERR_USES"),
    spec: seven("A `ledger` that a holder appends below a limit does not count for it."),
  }),
  ...judged({
    title: "a ledger of another service, own affairs",
    blocks: [["ledger=https://other.example"]],
    request: "self",
    expect: deny("ERR_LEDGER"),
    spec: seven(
      "denies (`ERR_LEDGER`, 403) at every verifier but the one whose own location that is, and for its own affairs too.",
    ),
  }),
  ...judged({
    title: "two ledgers, of which one is another's",
    blocks: [[LEDGER], ["ledger=https://other.example"]],
    expect: deny("ERR_LEDGER"),
    spec: seven(
      "denies (`ERR_LEDGER`, 403) at every verifier but the one whose own location that is, and for its own affairs too.",
    ),
  }),
  ...[
    ["a holder's request", { holder: HOLDER }, ok],
    ["another holder's request", { holder: HOLDER.replace("poq", "AAA") }, deny("ERR_HOLDER")],
    ["a request without the holder's signature", undefined, deny("ERR_HOLDER")],
  ].flatMap(([title, request, expect]) =>
    judged({
      title,
      blocks: [[`holder=${HOLDER}`]],
      ...(request && { request }),
      needs: ["holder"],
      expect,
      spec: from(
        "9-public-key",
        "9",
      )("It exists in both forms; all `holder` caveats of a chain must hold,"),
    }),
  ),
];
