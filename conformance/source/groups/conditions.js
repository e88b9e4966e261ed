/** spec/2-caveats.md §2, §4, §6 and §7: what each condition denies, and what it lets through. */
import { deny, from, judged, NOW, ok, PREIMAGE } from "../lib/world.js";

const spec = from("2-caveats", "2");
const loop = { service: "loop" };
const MACAROON = ["macaroon"];
const row = (name) => spec(`| \`${name}\` |`);
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
    { verifier: loop, request: { service: "loop" } },
    { verifier: { service: "other" }, request: { service: "other" } },
    "ERR_SERVICE",
  ),
  ...judged({
    title: "services: denied by a verifier without a name",
    blocks: [["services=loop:0"]],
    expect: deny("ERR_SERVICE"),
    spec: row("services"),
  }),
  ...judged({
    title: "services: the tier is not judged",
    blocks: [["services=loop:7"]],
    verifier: loop,
    request: { service: "loop" },
    expect: ok,
    spec: row("services"),
  }),
  ...judged({
    title: "services: a name that aperture joins with a path",
    blocks: [["services=weather/today:0,loop:0"]],
    verifier: loop,
    request: { service: "loop" },
    expect: ok,
    spec: spec(
      "because aperture joins name and path where prices are dynamic (`weather/today:0`).",
    ),
  }),
  ...judged({
    title: "services: an empty list",
    blocks: [["services="]],
    verifier: loop,
    request: { service: "loop" },
    expect: deny("ERR_SERVICE"),
    spec: spec("An empty list is a list: it allows nothing."),
  }),
  ...["services=loop", "services=loop:01", "services=loop:0,", "services=lo*p:0"].flatMap((one) =>
    malformed(one, row("services")),
  ),
  ...both(
    "capabilities",
    ["loop_capabilities=in,out"],
    row("<service>_capabilities"),
    { verifier: loop, request: { service: "loop", capability: "in" } },
    { verifier: loop, request: { service: "loop", capability: "swap" } },
    "ERR_CAPABILITY",
  ),
  ...judged({
    title: "capabilities: a request without one",
    blocks: [["loop_capabilities=in"]],
    verifier: loop,
    request: { service: "loop" },
    expect: deny("ERR_CAPABILITY"),
    spec: row("<service>_capabilities"),
  }),
  ...judged({
    title: "capabilities: an empty list",
    blocks: [["loop_capabilities="]],
    verifier: loop,
    request: { service: "loop", capability: "in" },
    expect: deny("ERR_CAPABILITY"),
    spec: spec("An empty list is a list: it allows nothing."),
  }),
  ...judged({
    title: "capabilities of another service say nothing",
    blocks: [["pool_capabilities=in"]],
    verifier: loop,
    request: { service: "loop" },
    expect: ok,
    spec: spec(
      "The two families are known to every verifier, and say nothing to one that is another service or has no name.",
    ),
  }),
  ...judged({
    title: "capabilities say nothing to a verifier without a name",
    blocks: [["pool_capabilities=in", "pool_valid_until=1"]],
    expect: ok,
    spec: spec(
      "The two families are known to every verifier, and say nothing to one that is another service or has no name.",
    ),
  }),
  ...judged({
    title: "a service name begins with a letter or digit",
    blocks: [["-a_capabilities=in"]],
    options: { unreadable: ["-a_capabilities=in"] },
    expect: deny("ERR_CAVEAT_UNKNOWN"),
    spec: spec(NAME),
  }),
  ...judged({
    title: "a service name has 63 characters",
    blocks: [[`${"a".repeat(63)}_capabilities=in`]],
    expect: ok,
    spec: spec(NAME),
  }),
  ...judged({
    title: "a service name has not 64 characters",
    blocks: [[`${"a".repeat(64)}_capabilities=in`]],
    options: { unreadable: [`${"a".repeat(64)}_capabilities=in`] },
    expect: deny("ERR_CAVEAT_UNKNOWN"),
    spec: spec(NAME),
  }),
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
  ...judged({
    title: "model: a star alone",
    blocks: [["model=*"]],
    request: { model: "any" },
    expect: ok,
    spec: spec(MODEL),
  }),
  ...judged({
    title: "model: a request that uses none",
    blocks: [["model=o4"]],
    request: { model: null },
    expect: ok,
    spec: spec(
      "A request that uses no model, such as one that lists models, is not denied; one of which the verifier does not know the model is.",
    ),
  }),
  ...judged({
    title: "model: not known",
    blocks: [["model=*"]],
    expect: deny("ERR_MODEL"),
    spec: spec(
      "A request that uses no model, such as one that lists models, is not denied; one of which the verifier does not know the model is.",
    ),
  }),
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
    { verifier: loop, request: { service: "loop" } },
    { now: NOW + 1, verifier: loop, request: { service: "loop" } },
    "ERR_EXPIRED",
  ),
  ...judged({
    title: "the end of another service says nothing",
    blocks: [["pool_valid_until=1"]],
    verifier: loop,
    request: { service: "loop" },
    expect: ok,
    spec: row("<service>_valid_until"),
  }),
  ...[
    "valid_until=01",
    "valid_until=",
    "valid_until=9007199254740992",
    "valid_until=1e9",
    "valid_from=-1",
  ].flatMap((one) => malformed(one, spec("Times are integers up to 2^53 − 1."))),
  ...judged({
    title: "the last time",
    blocks: [["valid_until=9007199254740991"]],
    expect: ok,
    spec: spec("Times are integers up to 2^53 − 1."),
  }),
  ...both(
    "ledger",
    ["ledger=https://api.example"],
    row("ledger"),
    {},
    { blocks: [["ledger=https://other.example"]] },
    "ERR_LEDGER",
  ),
  ...judged({
    title: "ledger: a verifier that counts nothing",
    blocks: [["ledger=https://api.example"]],
    verifier: { ledger: null },
    expect: deny("ERR_LEDGER"),
    spec: row("ledger"),
  }),
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
  ...judged({
    title: "max_price: another unit",
    blocks: [["max_price_msat=0"]],
    request: usd(7),
    expect: ok,
    spec: spec("`max_price_<unit>` says nothing about a price in another unit."),
  }),
  ...judged({
    title: "max_price: a price that is not known",
    blocks: [["max_price_msat=0"]],
    expect: ok,
    spec: row("max_price_msat"),
  }),
  ...[
    "max_price_msat=01",
    "max_price_msat=+1",
    "max_price_msat=1 ",
    "max_price_msat=",
    "max_price_msat=10000000000000000000",
  ].flatMap((one) => malformed(one, INTEGER)),
  ...judged({
    title: "the greatest integer",
    blocks: [["max_price_msat=9999999999999999999"]],
    request: msat(5),
    needs: ["counted"],
    expect: ok,
    spec: INTEGER,
  }),
  ...judged({
    title: "zero is an integer",
    blocks: [["max_price_msat=0"]],
    request: msat(0),
    expect: ok,
    spec: INTEGER,
  }),
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
  ...judged({
    title: "sold_price: another unit",
    blocks: [["sold_price=1000 msat"]],
    request: usd(1),
    expect: deny("ERR_PRICE"),
    spec: SOLD,
  }),
  ...judged({
    title: "sold_price: another unit, of this request",
    blocks: [[`sold_price=1000 msat ${HASH}`]],
    request: { ...usd(1), hash: HASH },
    expect: ok,
    spec: SOLD,
  }),
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
  ...judged({
    title: "max_depth counts what follows it alone",
    blocks: [["agent=a.00000001", "max_depth=0"]],
    needs: ["counted"],
    expect: ok,
    spec: row("max_depth"),
  }),
  ...judged({
    title: "payees: a treasury pays this node",
    blocks: [[`payees=02${"ab".repeat(32)}`]],
    forms: MACAROON,
    needs: ["treasury"],
    verifier: { kind: "treasury" },
    request: { payee: `02${"ab".repeat(32)}` },
    expect: ok,
    spec: row("payees"),
  }),
  ...judged({
    title: "payees: a treasury does not pay another",
    blocks: [[`payees=02${"ab".repeat(32)}`]],
    forms: MACAROON,
    needs: ["treasury"],
    verifier: { kind: "treasury" },
    request: { payee: `03${"ab".repeat(32)}` },
    expect: deny("ERR_PAYEE"),
    spec: row("payees"),
  }),
  ...judged({
    title: "payees: not known to a service",
    blocks: [[`payees=02${"ab".repeat(32)}`]],
    expect: deny("ERR_CAVEAT_UNKNOWN"),
    spec: spec("a service denies it as unknown."),
  }),
  ...judged({
    title: "payees: 04 begins no node",
    blocks: [[`payees=04${"ab".repeat(32)}`]],
    forms: MACAROON,
    needs: ["treasury"],
    verifier: { kind: "treasury" },
    request: { payee: `03${"ab".repeat(32)}` },
    expect: deny("ERR_CAVEAT_MALFORMED"),
    spec: row("payees"),
  }),
  ...["loop_out_monthly_volume_sats=200000000", "Endpoints=x", "valid_until =1", "foo="].flatMap(
    (one) =>
      judged({
        title: `${one} is unknown`,
        blocks: [[one]],
        options: { unreadable: [one] },
        expect: deny("ERR_CAVEAT_UNKNOWN"),
        spec: UNKNOWN,
      }),
  ),
  ...judged({
    title: "a foreign condition that is tolerated",
    blocks: [["volume=1"]],
    verifier: { tolerate: ["volume"] },
    needs: ["tolerate", "counted"],
    expect: ok,
    spec: spec("A service may list foreign conditions that it tolerates, and answers for them."),
  }),
  ...judged({
    title: "a foreign condition that is not tolerated",
    blocks: [["volume=1"]],
    verifier: { tolerate: ["other"] },
    needs: ["tolerate"],
    expect: deny("ERR_CAVEAT_UNKNOWN"),
    spec: spec("A service may list foreign conditions that it tolerates, and answers for them."),
  }),
  ...["no equals sign", "=value", ""].flatMap((one) =>
    judged({
      title: `"${one}" is no caveat`,
      blocks: [[one]],
      options: { unreadable: [one] },
      expect: deny("ERR_CAVEAT_MALFORMED"),
      spec: spec("A caveat that is not UTF-8, has no `=`, or begins with `=` denies."),
    }),
  ),
  ...judged({
    title: "a caveat that is not UTF-8",
    blocks: [[Buffer.from([0x70, 0x3d, 0xff])]],
    forms: MACAROON,
    expect: deny("ERR_CAVEAT_MALFORMED"),
    spec: spec("A caveat that is not UTF-8, has no `=`, or begins with `=` denies."),
  }),
  ...judged({
    title: "a caveat is split at the first =",
    blocks: [["purpose=a=b"]],
    expect: ok,
    spec: spec("A caveat is UTF-8, `condition=value`, split at the first `=`."),
  }),
  ...[
    "agent=booker",
    "agent=booker.0011",
    "agent=booker.00112233445566AA",
    "agent=-a.00000001",
    `agent=${"a".repeat(65)}.00000001`,
    `agent=a.${"0".repeat(33)}`,
  ].flatMap((one) =>
    judged({
      title: `${one} is no agent`,
      blocks: [[one]],
      forms: MACAROON,
      expect: deny("ERR_CAVEAT_MALFORMED"),
      spec: from(
        "2-caveats",
        "4",
      )(
        "`agent=name.nonce`: a name of `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`, and 8 to 32 lower-case hex digits (we write 16).",
      ),
    }),
  ),
  ...[`agent=${"a".repeat(64)}.00000001`, `agent=a.${"0".repeat(32)}`].flatMap((one) =>
    judged({
      title: `${one} is an agent`,
      blocks: [[one]],
      expect: ok,
      spec: from(
        "2-caveats",
        "4",
      )(
        "`agent=name.nonce`: a name of `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`, and 8 to 32 lower-case hex digits (we write 16).",
      ),
    }),
  ),
  ...judged({
    title: "a verifier takes a name that looks like a node id",
    blocks: [[`agent=${"ab".repeat(16)}.00000001`]],
    expect: ok,
    spec: from(
      "2-caveats",
      "4",
    )(
      "A writer refuses a name of 32 hex digits, which people would take for a node id. A verifier takes it.",
    ),
  }),
  ...judged({
    title: "two endpoints allow what both cover",
    blocks: [["endpoints=GET https://api.example/**"], ["endpoints=GET https://api.example/a"]],
    expect: ok,
    spec: from(
      "2-caveats",
      "7",
    )("two `endpoints` allow what both cover, two `valid_until` end at the earlier."),
  }),
  ...judged({
    title: "a wider second endpoint widens nothing",
    blocks: [["endpoints=GET https://api.example/b"], ["endpoints=* https://api.example/**"]],
    expect: deny("ERR_ENDPOINT"),
    spec: from(
      "2-caveats",
      "7",
    )("two `endpoints` allow what both cover, two `valid_until` end at the earlier."),
  }),
  ...judged({
    title: "a later second end changes nothing",
    blocks: [[`valid_until=${NOW}`], [`valid_until=${NOW + 100}`]],
    expect: deny("ERR_EXPIRED"),
    spec: from(
      "2-caveats",
      "7",
    )("two `endpoints` allow what both cover, two `valid_until` end at the earlier."),
  }),
  ...judged({
    title: "an earlier second end holds",
    blocks: [[`valid_until=${NOW + 100}`], [`valid_until=${NOW}`]],
    expect: deny("ERR_EXPIRED"),
    spec: from(
      "2-caveats",
      "7",
    )("two `endpoints` allow what both cover, two `valid_until` end at the earlier."),
  }),
  ...judged({
    title: "all caveats must hold, the last too",
    blocks: [
      ["purpose=a", "endpoints=GET https://api.example/a"],
      [`valid_until=${NOW + 9}`],
      ["max_price_msat=1"],
    ],
    request: msat(2),
    expect: deny("ERR_PRICE"),
    spec: from(
      "2-caveats",
      "0",
    )("A verifier judges every caveat on its own, and **all must hold**."),
  }),
  ...judged({
    title: "all caveats hold",
    blocks: [
      ["purpose=a", "endpoints=GET https://api.example/a"],
      [`valid_until=${NOW + 9}`],
      ["max_price_msat=2"],
    ],
    request: msat(2),
    expect: ok,
    spec: from(
      "2-caveats",
      "0",
    )("A verifier judges every caveat on its own, and **all must hold**."),
  }),
];
