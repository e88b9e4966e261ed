/**
 * The law of narrowing: whatever caveats are appended, a child is allowed nothing that its parent
 * is not. `SIGIL_LAW_RUNS` pairs (10,000 by default) of real macaroons are verified by an
 * authority; `SIGIL_LAW_SEED` selects other pairs.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { credentialText, LOCATION, NOW, PREIMAGE, SECRET } from "../../../../test/fuzz/golden.ts";
import { type Amount, UNITS } from "../amount.ts";
import { verify } from "../l402/fixtures/verdict.ts";
import { Authority, Credential, macaroonOf } from "../l402/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import type { Access } from "./access.ts";
import { type Origin, readOrigin, targetAt } from "./target.ts";

const RUNS = Number(process.env.SIGIL_LAW_RUNS ?? 10_000);
const SEED = Number(process.env.SIGIL_LAW_SEED ?? 402);

const ROOT = Credential.parse(credentialText({ caveats: [] }));
const NODES = [`02${"ab".repeat(32)}`, `03${"cd".repeat(32)}`];
const treasury = new Authority({
  secret: SECRET,
  location: LOCATION,
  kind: "spending",
  service: "loop",
});
const service = new Authority({
  secret: SECRET,
  location: LOCATION,
  service: "loop",
  tolerate: ["foreign"],
});

// ── Requests, of few enough values that patterns and requests often match.

const ORIGINS = ["https://api.example", "https://www.api.example", "http://api.example:8080"];
const PATHS = ["/", "/orders", "/orders/1", "/orders/1/items", "/admin"];

interface Asked {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly now: number;
  readonly price: Amount | undefined;
  readonly payee: string | undefined;
  readonly service: string | undefined;
  readonly capability: string | undefined;
  readonly model: string | null | undefined;
}
const asked: fc.Arbitrary<Asked> = fc.record({
  method: fc.constantFrom("GET", "GET", "HEAD", "POST"),
  origin: fc.constantFrom(...ORIGINS),
  path: fc.constantFrom(...PATHS),
  now: fc.integer({ min: NOW - 100, max: NOW + 100 }),
  price: fc.option(fc.record({ unit: fc.constantFrom(...UNITS), value: fc.bigInt(0n, 30n) }), {
    nil: undefined,
  }),
  payee: fc.constantFrom(undefined, ...NODES),
  service: fc.constantFrom("loop", "loop", "pool", undefined),
  capability: fc.constantFrom("in", "in", "out", undefined),
  model: fc.constantFrom("gpt-5.4", "gpt-5.4", "gpt-4", "o4", null, undefined),
});
const origins = new Map<string, Origin>(ORIGINS.map((origin) => [origin, readOrigin(origin)!]));
function accessOf({ method, origin, path, ...facts }: Asked): Access {
  const target = targetAt(method, origins.get(origin)!, path)!;
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), target } as unknown as Access;
}

// ── Caveats, each with its meaning written by hand, which is compared below with the code's.

interface Said {
  readonly caveat: string | Uint8Array;
  /** Undefined if the meaning is not known beforehand. */
  readonly allows?: (request: Asked, agentsAfter: number) => boolean;
}
const always = () => true;
const never = () => false;
const says = <Value>(
  values: readonly Value[],
  caveat: (value: Value) => string,
  allows: (value: Value) => Said["allows"],
) =>
  fc
    .constantFrom(...values)
    .map((value): Said => ({ caveat: caveat(value), allows: allows(value) ?? always }));

const PATTERNS: Record<string, (request: Asked) => boolean> = {
  "* https://*:*/**;* http://*:*/**": always,
  "*|": never,
  "": never,
  "GET|POST https://*:*/**;GET|POST http://*:*/**": always,
  "GET https://api.example/**": ({ method, origin }) =>
    method !== "POST" && origin === "https://api.example",
  "* https://*.api.example/**": ({ origin }) => origin === "https://www.api.example",
  "POST http://api.example:8080/orders;* https://api.example/orders/*": ({
    method,
    origin,
    path,
  }) =>
    (method === "POST" && origin === "http://api.example:8080" && path === "/orders") ||
    (origin === "https://api.example" && path === "/orders/1"),
  "* https://*:*/orders/**;* http://*:*/orders/**": ({ path }) => path.startsWith("/orders/"),
};
const endpoints = (patterns: readonly string[]) =>
  says(
    patterns,
    (text) => `endpoints=${text}`,
    (text) => PATTERNS[text]!,
  );
const [everything, _broken, _none, getAndPost] = Object.keys(PATTERNS) as [
  string,
  string,
  string,
  string,
];

const hexNonce = fc
  .integer({ min: 0, max: 0xffffffff })
  .map((nonce) => nonce.toString(16).padStart(8, "0"));
const agent = fc
  .tuple(fc.constantFrom("a", "booker", "treasury"), hexNonce)
  .map(([name, nonce]): Said => ({ caveat: `agent=${name}.${nonce}`, allows: always }));
const until = (times: readonly number[]) =>
  says(
    times,
    (time) => `valid_until=${time}`,
    (time) =>
      ({ now }) =>
        now < time,
  );
const from = (times: readonly number[]) =>
  says(
    times,
    (time) => `valid_from=${time}`,
    (time) =>
      ({ now }) =>
        now >= time,
  );
const maxPrice = (prices: readonly bigint[]) =>
  fc.constantFrom(...UNITS).chain((unit) =>
    says(
      prices,
      (max) => `max_price_${unit}=${max}`,
      (max) =>
        ({ price }) =>
          price === undefined || price.unit !== unit || price.value <= max,
    ),
  );
/** Without a request that was priced, because nothing here has one. */
const soldPrice = (prices: readonly bigint[]) =>
  fc.constantFrom(...UNITS).chain((unit) =>
    says(
      prices,
      (max) => `sold_price=${max} ${unit}${max % 20n === 0n ? "" : ` ${"3f".repeat(32)}`}`,
      (max) =>
        ({ price }) =>
          price === undefined || (price.unit === unit && price.value <= max),
    ),
  );
const maxDepth = (depths: readonly number[]) =>
  says(
    depths,
    (max) => `max_depth=${max}`,
    (max) => (_request, agentsAfter) => agentsAfter <= max,
  );
const services = (lists: readonly string[][]) =>
  says(
    lists,
    (names) => `services=${names.map((name) => `${name}:0`).join(",")}`,
    (names) => (request) => request.service !== undefined && names.includes(request.service),
  );
const capabilities = (lists: readonly string[][]) =>
  says(
    lists,
    (names) => `loop_capabilities=${names.join(",")}`,
    (names) => (request) =>
      request.service !== "loop" ||
      (request.capability !== undefined && names.includes(request.capability)),
  );
const MODELS: Readonly<Record<string, readonly string[]>> = {
  "": [],
  "gpt-5.4": ["gpt-5.4"],
  "gpt-*": ["gpt-5.4", "gpt-4"],
  "gpt-5*,o4": ["gpt-5.4", "o4"],
  "o4*,*": ["gpt-5.4", "gpt-4", "o4"],
};
const models = (lists: readonly string[]) =>
  says(
    lists,
    (text) => `model=${text}`,
    (text) =>
      ({ model }) =>
        model === null || (model !== undefined && MODELS[text]!.includes(model)),
  );
const serviceUntil = (times: readonly number[]) =>
  says(
    times,
    (time) => `pool_valid_until=${time}`,
    (time) => (request) => request.service !== "pool" || request.now < time,
  );
const counted = fc
  .tuple(
    fc.constantFrom(
      "budget_msat",
      "budget_msat_per_day",
      "budget_usd_micro",
      "budget_usd_micro_per_hour",
      "max_uses",
      "max_uses_per_minute",
    ),
    fc.bigInt(0n, 99n),
  )
  .map(([name, max]): Said => ({ caveat: `${name}=${max}`, allows: always }));

/** Well-formed caveats that allow most requests, some of them laxer repeats. */
const lax: fc.Arbitrary<Said> = fc.oneof(
  endpoints([everything, getAndPost]),
  until([NOW + 101, NOW + 500, 9_007_199_254_740_991]),
  from([0, NOW - 100, NOW - 500]),
  maxPrice([30n, 1000n]),
  maxDepth([9, 64]),
  serviceUntil([NOW + 101]),
  agent,
  counted,
  fc
    .string({ unit: "grapheme", maxLength: 12 })
    .map((text): Said => ({ caveat: `purpose=${text}`, allows: always })),
  fc.constant<Said>({ caveat: `preimage=${PREIMAGE}`, allows: always }),
);
/** Well-formed caveats of every condition, some of which deny. */
const strict: fc.Arbitrary<Said> = fc.oneof(
  endpoints(Object.keys(PATTERNS)),
  until([0, NOW - 50, NOW, NOW + 50]),
  from([NOW - 50, NOW, NOW + 50, NOW + 500]),
  maxPrice([0n, 10n, 20n]),
  soldPrice([0n, 10n, 20n, 1000n]),
  maxDepth([0, 1, 2]),
  services([[], ["loop"], ["pool", "loop"]]),
  capabilities([[], ["in"], ["in", "out"]]),
  models(Object.keys(MODELS)),
  serviceUntil([0, NOW]),
  says(
    [[], [NODES[0]!], NODES],
    (nodes) => `payees=${nodes.join(",")}`,
    (nodes) =>
      ({ payee }) =>
        payee === undefined || nodes.includes(payee),
  ),
);
/** Caveats that a sub-agent might append to gain rights. */
const garbage: fc.Arbitrary<Said> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 24 }).map((caveat): Said => ({ caveat })),
  fc.uint8Array({ maxLength: 24 }).map((caveat): Said => ({ caveat })),
  fc
    .tuple(lax, fc.nat(), fc.string({ unit: "binary", minLength: 1, maxLength: 2 }))
    .map(([{ caveat }, at, text]): Said => {
      const index = at % (caveat.length + 1);
      return { caveat: `${caveat.slice(0, index)}${text}${caveat.slice(index)}` };
    }),
  fc
    .constantFrom(
      "account=treasury",
      "budget=+1000",
      "admin=true",
      "!endpoints=",
      "endpoints+=* https://*/**",
      "-valid_until=0",
      "__proto__={}",
      "constructor=Object",
      "valid_until=NaN",
      "valid_until=",
      "max_price_msat=-1",
      "max_price_msat=1e9",
      "sold_price=1e9 msat",
      `sold_price=0 ${"3f".repeat(32)}`,
      "budget_msat=Infinity",
      "agent=treasury",
      "agent=",
      "preimage=",
      `preimage=${"00".repeat(32)}`,
      "endpoints=*",
      "endpoints",
      "=",
      "",
    )
    .map((caveat): Said => ({ caveat, allows: never })),
);

const parents = fc.array(
  fc.oneof(
    { weight: 14, arbitrary: lax },
    { weight: 4, arbitrary: strict },
    { weight: 1, arbitrary: garbage },
  ),
  { maxLength: 5 },
);
const additions = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: lax },
    { weight: 2, arbitrary: strict },
    { weight: 1, arbitrary: garbage },
  ),
  { minLength: 1, maxLength: 5 },
);

const narrowed = (credential: Credential, said: readonly Said[]): Credential =>
  Credential.paid(
    Macaroon.attenuate(macaroonOf(credential), ...said.map(({ caveat }) => caveat)),
    PREIMAGE,
  );

const textOf = ({ caveat }: Said) =>
  typeof caveat === "string" ? caveat : Buffer.from(caveat).toString("latin1");

/** The verdict by the hand-written meanings; undefined if one of them is not known. */
function meaning(said: readonly Said[], request: Asked): boolean | undefined {
  let all = true;
  let agentsAfter = said.filter((each) => textOf(each).startsWith("agent=")).length;
  for (const each of said) {
    if (textOf(each).startsWith("agent=")) agentsAfter--;
    if (each.allows === undefined) return undefined;
    if (!each.allows(request, agentsAfter)) all = false;
  }
  return all;
}

describe.each([
  ["a treasury", treasury],
  ["a service", service],
])("for every request, caveats and appendix, before %s [cases 16, 17, 18]", (_name, authority) => {
  // `payees` is a condition that a service cannot judge, so there it denies.
  const foreignHere = ({ caveat }: Said): boolean =>
    authority === service && textOf({ caveat }).startsWith("payees=");

  test(
    "the parent is allowed whatever the child is allowed",
    () => {
      const pairs = Math.ceil(RUNS / 2);
      let parentsAllowed = 0;
      let childrenAllowed = 0;
      let foretold = 0;
      const law = fc.property(parents, additions, asked, (held, added, request) => {
        const access = accessOf(request);
        const parentCredential = narrowed(ROOT, held);
        const childCredential = narrowed(parentCredential, added);
        const parent = verify(authority, parentCredential, access);
        const child = verify(authority, childCredential.toString(), access);
        if (parent.granted) parentsAllowed++;
        if (child.granted) childrenAllowed++;
        if (child.granted && !parent.granted)
          throw new Error("the child is allowed what its parent is not");
        if (parent.verified === undefined || child.verified === undefined)
          throw new Error("a genuine one is refused");

        // What the caveats say in their own words is what the authority says.
        for (const [verdict, said] of [
          [parent, held],
          [child, [...held, ...added]],
        ] as const) {
          const expected = said.some(foreignHere) ? false : meaning(said, request);
          if (expected === undefined) continue;
          foretold++;
          if (verdict.granted !== expected)
            throw new Error(`${said.map(textOf).join(" & ")} means ${expected}`);
        }

        // Each "no" of the parent stands, under the parent's node. [case 17]
        const nos = (verified: typeof parent.verified) =>
          verified
            .judge(access)
            .map(({ code, condition, node }) => `${code} ${condition} ${node?.id}`);
        const childNos = nos(child.verified);
        if (nos(parent.verified).some((no) => !childNos.includes(no)))
          throw new Error("a refusal was lifted");

        // A child never gets a fresh counter, another payment or a later end. [case 18]
        const { verified: above } = parent;
        const { verified: below } = child;
        if (below.paymentHash !== above.paymentHash) throw new Error("the payment is another");
        for (const [at, limit] of above.limits.entries()) {
          const same = below.limits[at]!;
          if (
            same.id !== limit.id ||
            same.max !== limit.max ||
            same.kind !== limit.kind ||
            same.unit !== limit.unit ||
            same.windowSeconds !== limit.windowSeconds
          )
            throw new Error("a limit is counted elsewhere");
        }
        if (new Set(below.limits.map(({ id }) => id)).size !== below.limits.length)
          throw new Error("two limits share a counter");
        for (const [at, node] of above.nodes.entries())
          if (below.nodes[at]!.id !== node.id || below.nodes[at]!.agent !== node.agent)
            throw new Error("the lineage is another");
        if (
          !(
            (below.validUntil ?? Number.POSITIVE_INFINITY) <=
            (above.validUntil ?? Number.POSITIVE_INFINITY)
          )
        )
          throw new Error("the end is later");
      });
      fc.assert(law, { numRuns: pairs, seed: SEED });
      // The law would prove nothing if no pair were ever allowed.
      expect(parentsAllowed / pairs).toBeGreaterThan(0.4);
      expect(childrenAllowed / pairs).toBeGreaterThan(0.4);
      expect(foretold / pairs).toBeGreaterThan(1);
    },
    RUNS * 5 + 60_000,
  );
});

describe("siblings [case 23]", () => {
  test("a thousand forks of one parent share its counters, and each has a counter of its own", () => {
    const parent = narrowed(ROOT, [{ caveat: "budget_msat=1000" }, { caveat: "max_uses=5" }]);
    const shared = treasury.verifier.authenticate(parent).limits.map(({ id }) => id);
    const own = new Set<string>();
    const nodes = new Set<string>();
    for (let fork = 0; fork < 1000; fork++) {
      const nonce = fork.toString(16).padStart(8, "0");
      const sibling = treasury.verifier.authenticate(
        narrowed(parent, [{ caveat: `agent=fork.${nonce}` }, { caveat: "max_uses=5" }]),
      );
      const ids = sibling.limits.map(({ id }) => id);
      expect(ids.slice(0, 2)).toEqual(shared);
      own.add(ids[2]!);
      nodes.add(sibling.node.id);
    }
    expect([own.size, nodes.size]).toEqual([1000, 1000]);
  });

  test("a further caveat, the same limit or a larger limit does not move the parent's counter", () => {
    const parent = narrowed(ROOT, [{ caveat: "budget_msat=1000" }]);
    const [counter] = treasury.verifier.authenticate(parent).limits;
    for (const caveat of [
      "purpose=x",
      "budget_msat=1000",
      "budget_msat=9999999999",
      "agent=a.00000000",
    ])
      expect(
        treasury.verifier.authenticate(narrowed(parent, [{ caveat }])).limits[0],
      ).toMatchObject({
        id: counter!.id,
        max: 1000n,
      });
  });
});
