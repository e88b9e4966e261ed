/** spec/9-public-key.md §2 and §3: what the blocks say. */
import { caveatBlock, head, publicKey } from "../lib/biscuit.js";
import { checkOf } from "../lib/checks.js";
import { op, predicate, query, set } from "../lib/datalog.js";
import { DATALOG, lax, ORDERED, two, v, verify, whole } from "../lib/public-key.js";
import { AUTHORITY, from, ISSUER, NOW, OTHER_KEY, ok, signedToken } from "../lib/world.js";

const first = (title, block, spec, more = lax) =>
  verify(title, signedToken([block]), DATALOG, spec, more);
const second = (title, block, spec, more = lax) =>
  verify(title, signedToken([whole(caveatBlock(["purpose=x"])), block]), DATALOG, spec, more);
const ANYTHING = two(
  "A block with anything else is refused with `ERR_TOKEN_DATALOG`: rules, scopes (`trusting …`), a context, public keys, `check all`, `reject if`, other facts, a check that is not the one of §3, one too many or one too few.",
);
const authority = head(AUTHORITY);
const until = `valid_until=${NOW + 9}`;
const now = caveatBlock([until]);
const twin = caveatBlock(["services=loop:0"]);
const profile = [
  second(
    "a rule",
    {
      ...now,
      rules: [{ head: predicate("paid", v("h")), body: [predicate("payment_hash", v("h"))] }],
    },
    ANYTHING,
  ),
  second(
    "a rule that derives the time",
    {
      ...now,
      rules: [{ head: predicate("time", v("h")), body: [predicate("payment_hash", v("h"))] }],
    },
    ANYTHING,
  ),
  second(
    "a fact that is none of ours",
    { facts: [...now.facts, predicate("right", "x")], checks: now.checks },
    ANYTHING,
  ),
  second(
    "a forged fact of payment",
    { facts: [predicate("paid", { bytes: Buffer.alloc(32) }), ...now.facts], checks: now.checks },
    ANYTHING,
  ),
  second(
    "a forged fact of the time",
    { facts: [predicate("time", { date: 1 })], checks: [] },
    ANYTHING,
  ),
  second(
    "a second issuer",
    { facts: [predicate("issuer", "https://evil.example")], checks: [] },
    ANYTHING,
  ),
  second("a scope of the block", { ...now, scopes: [1] }, ANYTHING),
  second(
    "a scope of a check",
    { facts: now.facts, checks: [{ queries: [{ ...now.checks[0].queries[0], scopes: [1] }] }] },
    ANYTHING,
  ),
  second("a context", { ...now, context: "hello" }, ANYTHING),
  second(
    "a public key",
    { ...now, publicKeys: [publicKey(Buffer.from(OTHER_KEY, "hex"))], version: 4 },
    ANYTHING,
  ),
  second(
    "check all",
    { facts: now.facts, checks: [{ ...now.checks[0], kind: 1 }], version: 4 },
    ANYTHING,
  ),
  second(
    "reject if",
    { facts: now.facts, checks: [{ ...now.checks[0], kind: 2 }], version: 6 },
    ANYTHING,
    {},
  ),
  second("a caveat without its check", { facts: now.facts }, ANYTHING),
  second("a check without its caveat", { checks: now.checks }, ANYTHING),
  second("a check twice", { facts: now.facts, checks: [...now.checks, ...now.checks] }, ANYTHING),
  second(
    "the check of another value",
    { facts: [predicate("caveat", until)], checks: [checkOf(`valid_until=${NOW + 99}`)] },
    ANYTHING,
  ),
  second(
    "a weaker check: true",
    { facts: now.facts, checks: [{ queries: [query([], [true])] }] },
    ANYTHING,
  ),
  second(
    "checks in another order",
    {
      facts: [predicate("caveat", until), predicate("caveat", `valid_from=${NOW}`)],
      checks: [checkOf(`valid_from=${NOW}`), checkOf(until)],
    },
    two("then, in the same order, the check of each caveat (§3)."),
  ),
  second(
    "a check of a purpose",
    { facts: [predicate("caveat", "purpose=x")], checks: [checkOf(until)] },
    ANYTHING,
  ),
  second(
    "another variable",
    {
      facts: now.facts,
      checks: [
        {
          queries: [
            query([predicate("time", v("x"))], [v("x"), { date: NOW + 9 }, op("lessThan")]),
          ],
        },
      ],
    },
    two("Variables have the names of §3."),
  ),
  second(
    "another operator",
    {
      facts: now.facts,
      checks: [
        {
          queries: [
            query([predicate("time", v("t"))], [v("t"), { date: NOW + 9 }, op("lessOrEqual")]),
          ],
        },
      ],
    },
    from("9-public-key", "3")("| `valid_until` | `check if time($t), $t < DATE` |"),
  ),
  second(
    "a caveat that is a number",
    { facts: [predicate("caveat", 5)] },
    two(
      'Every block has, for each caveat in order, the fact `caveat("condition=value")` with the very bytes of page 2;',
    ),
  ),
  second(
    "a caveat with two terms",
    { facts: [predicate("caveat", "purpose=x", "purpose=y")] },
    two(
      'Every block has, for each caveat in order, the fact `caveat("condition=value")` with the very bytes of page 2;',
    ),
  ),
  first("no issuer", { facts: authority.facts.slice(1), checks: authority.checks }, ORDERED),
  first(
    "no location",
    { facts: [authority.facts[0], authority.facts[2]], checks: authority.checks },
    ORDERED,
  ),
  first("no payment hash", { facts: authority.facts.slice(0, 2), checks: [] }, ORDERED),
  first("no check of the payment", { facts: authority.facts, checks: [] }, ORDERED),
  first(
    "facts in another order",
    {
      facts: [authority.facts[1], authority.facts[0], authority.facts[2]],
      checks: authority.checks,
    },
    ORDERED,
  ),
  first(
    "a caveat before the issuer",
    { facts: [predicate("caveat", "purpose=x"), ...authority.facts], checks: authority.checks },
    ORDERED,
  ),
  first(
    "a payment hash of 31 bytes",
    whole({}, head({ ...AUTHORITY, paymentHash: Buffer.alloc(31, 7) })),
    two("32 bytes. The preimage of the text is its preimage, else `ERR_TOKEN_PREIMAGE`."),
    {},
  ),
  first(
    "an issuer with a path",
    whole({}, head({ ...AUTHORITY, issuer: `${ISSUER}/` })),
    two(
      "the origin that publishes the key (§6), as page 2 §3 writes an origin: lower case, no default port, no path",
    ),
  ),
  first(
    "an issuer in upper case",
    whole({}, head({ ...AUTHORITY, issuer: "https://TREASURY.example" })),
    two(
      "the origin that publishes the key (§6), as page 2 §3 writes an origin: lower case, no default port, no path",
    ),
  ),
  verify(
    "members of a set in another order",
    signedToken([
      whole({
        facts: twin.facts.map(() => predicate("caveat", "services=a:0,loop:0")),
        checks: [
          {
            queries: [
              query([predicate("service", v("s"))], [set(["loop", "a"]), v("s"), op("contains")]),
              query([predicate("own_affairs", true)]),
            ],
          },
        ],
      }),
    ]),
    ok,
    two("The members of a set have any order."),
    { verifier: { service: "loop" } },
  ),
  verify(
    "symbols in another order",
    signedToken([{ ...whole(now), data: undefined }]),
    ok,
    two("Symbols have any order."),
  ),
];
for (const item of profile)
  if (item.steps[0].command.verifier.service) item.steps[0].command.request.service = "loop";

export default profile;
