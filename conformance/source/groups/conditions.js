/** spec/2-caveats.md §2, §4, §6 and §7: what each condition denies, and what it lets through. */
import { deny, from, judged, NOW, ok, PREIMAGE } from "../lib/world.js";

const spec = from("2-caveats", "2");
const loop = { service: "loop" };
const MACAROON = ["macaroon"];
const row = (name) => spec(`| \`${name}\` |`);
/** A case of these blocks. @param more of what `judged` takes */
const caseOf = (title, blocks, expect, spec, more = {}) =>
  judged({ title, blocks, expect, spec, ...more });
const both = (title, caveats, spec, good, bad, code, more = {}) => [
  ...judged({ title: `${title}: allowed`, blocks: [caveats], ...more, ...good, expect: ok, spec }),
  ...judged({
    title: `${title}: denied`,
    blocks: [caveats],
    ...more,
    ...bad,
    expect: deny(code),
    spec,
  }),
];
const malformed = (caveat, spec) =>
  judged({
    title: `${caveat} cannot be read`,
    blocks: [[caveat]],
    options: { unreadable: [caveat] },
    verifier: loop,
    request: { service: "loop" },
    expect: deny("ERR_CAVEAT_MALFORMED"),
    spec,
  });
const msat = (value) => ({ price: { unit: "msat", value: String(value) } });
const usd = (value) => ({ price: { unit: "usd_micro", value: String(value) } });
const HASH = "cd".repeat(32);
const UNKNOWN = spec("**so does an unknown condition** (`ERR_CAVEAT_UNKNOWN`)");
const INTEGER = spec(
  "An integer is `0` or `[1-9][0-9]{0,18}`: no sign, no leading zero, no blank.",
);
const NAME = "A service name is `[a-z0-9][a-z0-9_-]{0,62}`.";
const MODEL =
  "A name in `model` is one or more visible ASCII characters without `,` and `*`; after it, or alone, a `*` may follow.";
const SOLD = from(
  "2-caveats",
  "6",
)(
  "It denies (`ERR_PRICE`) unless the price of the request now is in this unit and not greater, or the hash of the request now is this hash.",
);

const AGENT = from(
  "2-caveats",
  "4",
)(
  "`agent=name.nonce`: a name of `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`, and 8 to 32 lower-case hex digits (we write 16).",
);
const TWICE = from(
  "2-caveats",
  "7",
)("two `endpoints` allow what both cover, two `valid_until` end at the earlier.");
const EMPTY = spec("An empty list is a list: it allows nothing.");
const FAMILIES = spec(
  "The two families are known to every verifier, and say nothing to one that is another service or has no name.",
);
const UNUSED = spec(
  "A request that uses no model, such as one that lists models, is not denied; one of which the verifier does not know the model is.",
);
const TOLERATED = spec(
  "A service may list foreign conditions that it tolerates, and answers for them.",
);
const SPLIT = spec("A caveat that is not UTF-8, has no `=`, or begins with `=` denies.");
const NODE = "ab".repeat(32);
/** What a treasury says of a payment to a node. */
const paying = (title, payees, payee, expect) =>
  caseOf(`payees: ${title}`, [[`payees=${payees}`]], expect, row("payees"), {
    forms: MACAROON,
    needs: ["treasury"],
    verifier: { kind: "treasury" },
    request: { payee },
  });
const atLoop = (more = {}) => ({ verifier: loop, request: { service: "loop", ...more } });

export default [
  ...both(
    "an agent opens a node and denies nothing",
    ["agent=booker.0011223344556677"],
    row("agent"),
    {},
    { blocks: [["agent=booker.0011223344556677"], ["valid_until=1"]] },
    "ERR_EXPIRED",
  ),
  ...both(
    "a purpose denies nothing",
    ["purpose=book flights = yes"],
    row("purpose"),
    {},
    { blocks: [["purpose=x", `valid_until=${NOW}`]] },
    "ERR_EXPIRED",
  ),
  ...both(
    "services",
    ["services=loop:0,pool:1"],
    row("services"),
    atLoop(),
    { verifier: { service: "other" }, request: { service: "other" } },
    "ERR_SERVICE",
  ),
  ...caseOf(
    "services: denied by a verifier without a name",
    [["services=loop:0"]],
    deny("ERR_SERVICE"),
    row("services"),
  ),
  ...caseOf(
    "services: the tier is not judged",
    [["services=loop:7"]],
    ok,
    row("services"),
    atLoop(),
  ),
  ...caseOf(
    "services: a name that aperture joins with a path",
    [["services=weather/today:0,loop:0"]],
    ok,
    spec("because aperture joins name and path where prices are dynamic (`weather/today:0`)."),
    atLoop(),
  ),
  ...caseOf("services: an empty list", [["services="]], deny("ERR_SERVICE"), EMPTY, atLoop()),
  ...["services=loop", "services=loop:01", "services=loop:0,", "services=lo*p:0"].flatMap((one) =>
    malformed(one, row("services")),
  ),
  ...both(
    "capabilities",
    ["loop_capabilities=in,out"],
    row("<service>_capabilities"),
    atLoop({ capability: "in" }),
    atLoop({ capability: "swap" }),
    "ERR_CAPABILITY",
  ),
  ...caseOf(
    "capabilities: a request without one",
    [["loop_capabilities=in"]],
    deny("ERR_CAPABILITY"),
    row("<service>_capabilities"),
    atLoop(),
  ),
  ...caseOf(
    "capabilities: an empty list",
    [["loop_capabilities="]],
    deny("ERR_CAPABILITY"),
    EMPTY,
    atLoop({ capability: "in" }),
  ),
  ...caseOf(
    "capabilities of another service say nothing",
    [["pool_capabilities=in"]],
    ok,
    FAMILIES,
    atLoop(),
  ),
  ...caseOf(
    "capabilities say nothing to a verifier without a name",
    [["pool_capabilities=in", "pool_valid_until=1"]],
    ok,
    FAMILIES,
  ),
  ...caseOf(
    "a service name begins with a letter or digit",
    [["-a_capabilities=in"]],
    deny("ERR_CAVEAT_UNKNOWN"),
    spec(NAME),
    { options: { unreadable: ["-a_capabilities=in"] } },
  ),
  ...caseOf(
    "a service name has 63 characters",
    [[`${"a".repeat(63)}_capabilities=in`]],
    ok,
    spec(NAME),
  ),
  ...caseOf(
    "a service name has not 64 characters",
    [[`${"a".repeat(64)}_capabilities=in`]],
    deny("ERR_CAVEAT_UNKNOWN"),
    spec(NAME),
    { options: { unreadable: [`${"a".repeat(64)}_capabilities=in`] } },
  ),
  ...both(
    "model",
    ["model=gpt-5*,o4-mini"],
    row("model"),
    { request: { model: "o4-mini" } },
    { request: { model: "o4-mini-high" } },
    "ERR_MODEL",
  ),
  ...both(
    "model with a star",
    ["model=gpt-5*"],
    spec(MODEL),
    { request: { model: "gpt-5.4" } },
    { request: { model: "GPT-5.4" } },
    "ERR_MODEL",
  ),
  ...caseOf("model: a star alone", [["model=*"]], ok, spec(MODEL), { request: { model: "any" } }),
  ...caseOf("model: a request that uses none", [["model=o4"]], ok, UNUSED, {
    request: { model: null },
  }),
  ...caseOf("model: not known", [["model=*"]], deny("ERR_MODEL"), UNUSED),
  ...["model=a*b", "model=a,,b", "model=a b"].flatMap((one) => malformed(one, spec(MODEL))),
  ...both(
    "valid_from",
    [`valid_from=${NOW}`],
    row("valid_from"),
    {},
    { now: NOW - 1 },
    "ERR_NOT_YET_VALID",
  ),
  ...both(
    "valid_until",
    [`valid_until=${NOW + 1}`],
    row("valid_until"),
    {},
    { now: NOW + 1 },
    "ERR_EXPIRED",
  ),
  ...both(
    "a service's end",
    [`loop_valid_until=${NOW + 1}`],
    row("<service>_valid_until"),
    atLoop(),
    { now: NOW + 1, verifier: loop, request: { service: "loop" } },
    "ERR_EXPIRED",
  ),
  ...caseOf(
    "the end of another service says nothing",
    [["pool_valid_until=1"]],
    ok,
    row("<service>_valid_until"),
    atLoop(),
  ),
  ...[
    "valid_until=01",
    "valid_until=",
    "valid_until=9007199254740992",
    "valid_until=1e9",
    "valid_from=-1",
  ].flatMap((one) => malformed(one, spec("Times are integers up to 2^53 − 1."))),
  ...caseOf(
    "the last time",
    [["valid_until=9007199254740991"]],
    ok,
    spec("Times are integers up to 2^53 − 1."),
  ),
  ...both(
    "ledger",
    ["ledger=https://api.example"],
    row("ledger"),
    {},
    { blocks: [["ledger=https://other.example"]] },
    "ERR_LEDGER",
  ),
  ...caseOf(
    "ledger: a verifier that counts nothing",
    [["ledger=https://api.example"]],
    deny("ERR_LEDGER"),
    row("ledger"),
    { verifier: { ledger: null } },
  ),
  ...[
    "ledger=https://api.example/",
    "ledger=https://API.example",
    "ledger=https://api.example:443",
  ].flatMap((one) => malformed(one, row("ledger"))),
  ...both(
    "max_price_msat",
    ["max_price_msat=1000"],
    row("max_price_msat"),
    { request: msat(1000) },
    { request: msat(1001) },
    "ERR_PRICE",
  ),
  ...both(
    "max_price_usd_micro",
    ["max_price_usd_micro=1000"],
    row("max_price_usd_micro"),
    { request: usd(1000) },
    { request: usd(1001) },
    "ERR_PRICE",
  ),
  ...caseOf(
    "max_price: another unit",
    [["max_price_msat=0"]],
    ok,
    spec("`max_price_<unit>` says nothing about a price in another unit."),
    { request: usd(7) },
  ),
  ...caseOf(
    "max_price: a price that is not known",
    [["max_price_msat=0"]],
    ok,
    row("max_price_msat"),
  ),
  ...[
    "max_price_msat=01",
    "max_price_msat=+1",
    "max_price_msat=1 ",
    "max_price_msat=",
    "max_price_msat=10000000000000000000",
  ].flatMap((one) => malformed(one, INTEGER)),
  ...caseOf("the greatest integer", [["max_price_msat=9999999999999999999"]], ok, INTEGER, {
    request: msat(5),
    needs: ["counted"],
  }),
  ...caseOf("zero is an integer", [["max_price_msat=0"]], ok, INTEGER, { request: msat(0) }),
  ...both(
    "sold_price",
    ["sold_price=1000 msat"],
    SOLD,
    { request: msat(1000) },
    { request: msat(1001) },
    "ERR_PRICE",
  ),
  ...both(
    "sold_price with a hash",
    [`sold_price=1000 msat ${HASH}`],
    SOLD,
    { request: { ...msat(2000), hash: HASH } },
    { request: { ...msat(2000), hash: "ef".repeat(32) } },
    "ERR_PRICE",
  ),
  ...caseOf("sold_price: another unit", [["sold_price=1000 msat"]], deny("ERR_PRICE"), SOLD, {
    request: usd(1),
  }),
  ...caseOf(
    "sold_price: another unit, of this request",
    [[`sold_price=1000 msat ${HASH}`]],
    ok,
    SOLD,
    { request: { ...usd(1), hash: HASH } },
  ),
  ...[
    "sold_price=1000",
    "sold_price=1000 sat",
    "sold_price=1000 msat CD",
    "sold_price=1000  msat",
  ].flatMap((one) => malformed(one, from("2-caveats", "6")("hash = 64( DIGIT / %x61-66 )"))),
  ...both(
    "preimage",
    [`preimage=${PREIMAGE.toUpperCase()}`],
    row("preimage"),
    { needs: ["counted"] },
    { blocks: [[`preimage=${"00".repeat(32)}`]] },
    "ERR_PREIMAGE_CAVEAT",
  ),
  ...malformed("preimage=00", row("preimage")),
  ...both(
    "max_depth",
    ["max_depth=1", "agent=a.00000001"],
    row("max_depth"),
    { needs: ["counted"] },
    { blocks: [["max_depth=1", "agent=a.00000001"], ["agent=b.00000002"]] },
    "ERR_DEPTH",
  ),
  ...caseOf(
    "max_depth counts what follows it alone",
    [["agent=a.00000001", "max_depth=0"]],
    ok,
    row("max_depth"),
    { needs: ["counted"] },
  ),
  ...paying("a treasury pays this node", `02${NODE}`, `02${NODE}`, ok),
  ...paying("a treasury does not pay another", `02${NODE}`, `03${NODE}`, deny("ERR_PAYEE")),
  ...caseOf(
    "payees: not known to a service",
    [[`payees=02${"ab".repeat(32)}`]],
    deny("ERR_CAVEAT_UNKNOWN"),
    spec("a service denies it as unknown."),
  ),
  ...paying("04 begins no node", `04${NODE}`, `03${NODE}`, deny("ERR_CAVEAT_MALFORMED")),
  ...["loop_out_monthly_volume_sats=200000000", "Endpoints=x", "valid_until =1", "foo="].flatMap(
    (one) =>
      caseOf(`${one} is unknown`, [[one]], deny("ERR_CAVEAT_UNKNOWN"), UNKNOWN, {
        options: { unreadable: [one] },
      }),
  ),
  ...caseOf("a foreign condition that is tolerated", [["volume=1"]], ok, TOLERATED, {
    verifier: { tolerate: ["volume"] },
    needs: ["tolerate", "counted"],
  }),
  ...caseOf(
    "a foreign condition that is not tolerated",
    [["volume=1"]],
    deny("ERR_CAVEAT_UNKNOWN"),
    TOLERATED,
    { verifier: { tolerate: ["other"] }, needs: ["tolerate"] },
  ),
  ...["no equals sign", "=value", ""].flatMap((one) =>
    caseOf(`"${one}" is no caveat`, [[one]], deny("ERR_CAVEAT_MALFORMED"), SPLIT, {
      options: { unreadable: [one] },
    }),
  ),
  ...caseOf(
    "a caveat that is not UTF-8",
    [[Buffer.from([0x70, 0x3d, 0xff])]],
    deny("ERR_CAVEAT_MALFORMED"),
    SPLIT,
    { forms: MACAROON },
  ),
  ...caseOf(
    "a caveat is split at the first =",
    [["purpose=a=b"]],
    ok,
    spec("A caveat is UTF-8, `condition=value`, split at the first `=`."),
  ),
  ...[
    "agent=booker",
    "agent=booker.0011",
    "agent=booker.00112233445566AA",
    "agent=-a.00000001",
    `agent=${"a".repeat(65)}.00000001`,
    `agent=a.${"0".repeat(33)}`,
  ].flatMap((one) =>
    caseOf(`${one} is no agent`, [[one]], deny("ERR_CAVEAT_MALFORMED"), AGENT, { forms: MACAROON }),
  ),
  ...[`agent=${"a".repeat(64)}.00000001`, `agent=a.${"0".repeat(32)}`].flatMap((one) =>
    caseOf(`${one} is an agent`, [[one]], ok, AGENT),
  ),
  ...caseOf(
    "a verifier takes a name that looks like a node id",
    [[`agent=${"ab".repeat(16)}.00000001`]],
    ok,
    from(
      "2-caveats",
      "4",
    )(
      "A writer refuses a name of 32 hex digits, which people would take for a node id. A verifier takes it.",
    ),
  ),
  ...caseOf(
    "two endpoints allow what both cover",
    [["endpoints=GET https://api.example/**"], ["endpoints=GET https://api.example/a"]],
    ok,
    TWICE,
  ),
  ...caseOf(
    "a wider second endpoint widens nothing",
    [["endpoints=GET https://api.example/b"], ["endpoints=* https://api.example/**"]],
    deny("ERR_ENDPOINT"),
    TWICE,
  ),
  ...caseOf(
    "a later second end changes nothing",
    [[`valid_until=${NOW}`], [`valid_until=${NOW + 100}`]],
    deny("ERR_EXPIRED"),
    TWICE,
  ),
  ...caseOf(
    "an earlier second end holds",
    [[`valid_until=${NOW + 100}`], [`valid_until=${NOW}`]],
    deny("ERR_EXPIRED"),
    TWICE,
  ),
  ...caseOf(
    "all caveats must hold, the last too",
    [
      ["purpose=a", "endpoints=GET https://api.example/a"],
      [`valid_until=${NOW + 9}`],
      ["max_price_msat=1"],
    ],
    deny("ERR_PRICE"),
    from("2-caveats", "0")("A verifier judges every caveat on its own, and **all must hold**."),
    { request: msat(2) },
  ),
  ...caseOf(
    "all caveats hold",
    [
      ["purpose=a", "endpoints=GET https://api.example/a"],
      [`valid_until=${NOW + 9}`],
      ["max_price_msat=2"],
    ],
    ok,
    from("2-caveats", "0")("A verifier judges every caveat on its own, and **all must hold**."),
    { request: msat(2) },
  ),
];
