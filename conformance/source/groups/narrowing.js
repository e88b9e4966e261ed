/** spec/9-public-key.md §1 and §2: credentials that are minted, narrowed and sealed. */

import { caveatBlock, head } from "../lib/biscuit.js";
import { blockText, predicate } from "../lib/datalog.js";
import { entry, FORGED, good, ORDERED, one, SEALED, sealed, two } from "../lib/public-key.js";
import {
  AUTHORITY,
  deny,
  from,
  ISSUER,
  ISSUER_KEY,
  LOCATION,
  NOW,
  OTHER_KEY,
  ok,
  requestOf,
  SEED,
  VERIFIERS,
  verifying,
} from "../lib/world.js";

/** Narrowing and sealing, by steps: what one step makes, the next one judges. */
const steps = (title, list, spec, needs = []) => ({
  title,
  form: "biscuit",
  needs,
  steps: list.map(([command, expect]) => ({ command: { ...command, form: "biscuit" }, expect })),
  spec,
});
const judge = (credential, request, verifier) =>
  verifying("biscuit", credential, verifier, request);
/**
 * For libraries that know Datalog alone the block is written out, and for those that write no token
 * that they did not verify there is its issuer's key.
 */
const narrow = (credential, caveats) => ({
  do: "attenuate",
  credential,
  caveats,
  block: blockText(caveatBlock(caveats)),
  verifier: VERIFIERS.biscuit,
});
const stepped = (from, member = "credential") => ({ from, member });
const made = stepped(0);
const CAN = one("Anyone who has it may append a block.");
const CAVEATS = two(
  'Every block has, for each caveat in order, the fact `caveat("condition=value")` with the very bytes of page 2; then, in the same order, the check of each caveat (§3).',
);
const EACH = [
  ...[
    "purpose=x",
    "agent=a.00000001",
    "endpoints=GET|POST https://*.example:*/a;* http://[::1]/**",
  ],
  ...["services=loop:0", "loop_capabilities=in", "model=gpt-5*,o4-mini", `valid_from=${NOW}`],
  ...[`valid_until=${NOW + 1}`, `loop_valid_until=${NOW + 1}`, "pool_valid_until=1"],
  ...["max_price_msat=5", "max_price_usd_micro=0", "sold_price=5 msat", `ledger=${LOCATION}`],
];
const SCOPE = { endpoints: ["GET https://api.example/a"], expiresIn: "1h" };
const MINTED = ["endpoints=GET https://api.example/a", `valid_until=${NOW + 3600}`];
const MINTS = from(
  "2-caveats",
  "1",
)(
  "An authority must refuse to mint without `endpoints` or `services`, without an end of validity,",
);
const PLAIN = two(
  "the origin that publishes the key (§6), as page 2 §3 writes an origin: lower case, no default port, no path",
);
const narrowing = [
  steps(
    "narrowed, and still good",
    [
      [narrow(good.text, ["endpoints=GET https://api.example/a"]), ok],
      [judge(made), ok],
    ],
    CAN,
    ["attenuate"],
  ),
  steps(
    "narrowed, and no longer good",
    [
      [narrow(good.text, ["endpoints=GET https://api.example/b"]), ok],
      [judge(made), deny("ERR_ENDPOINT")],
    ],
    CAN,
    ["attenuate"],
  ),
  steps(
    "narrowed twice",
    [
      [narrow(good.text, ["purpose=y"]), ok],
      [narrow(made, [`valid_until=${NOW}`]), ok],
      [judge(stepped(1)), deny("ERR_EXPIRED")],
    ],
    CAN,
    ["attenuate"],
  ),
  steps(
    "sealed, and still good",
    [
      [{ do: "seal", credential: good.text }, ok],
      [judge(made), ok],
    ],
    SEALED,
    ["seal"],
  ),
  steps(
    "appended to a sealed one",
    [[narrow(sealed.text, ["purpose=z"]), deny("ERR_TOKEN_SEALED")]],
    SEALED,
    ["attenuate"],
  ),
  steps(
    "sealed twice",
    [[{ do: "seal", credential: sealed.text }, deny("ERR_TOKEN_SEALED")]],
    SEALED,
    ["seal"],
  ),
  ...[
    ["what a narrowed one says", ["purpose=y", "max_uses=5"]],
    ["a caveat with quotes and a backslash", ['purpose=a "b" \\ c']],
  ].map(([title, caveats]) =>
    steps(
      title,
      [
        [narrow(good.text, caveats), ok],
        [
          { do: "inspect", credential: made },
          { ok: true, caveats: ["purpose=x", `valid_until=${NOW + 1}`, ...caveats] },
        ],
      ],
      CAVEATS,
      ["attenuate", "inspect"],
    ),
  ),
  ...[
    ["each condition that is judged alone", EACH, ok],
    ["one of them that denies", [...EACH, "max_price_msat=4"], deny("ERR_PRICE")],
  ].map(([title, caveats, expect]) =>
    steps(
      `narrowed by ${title}`,
      [
        [narrow(good.text, caveats), ok],
        [
          judge(
            made,
            {
              ...requestOf(),
              price: { unit: "msat", value: "5" },
              model: "o4-mini",
              capability: "in",
            },
            { service: "loop" },
          ),
          expect,
        ],
      ],
      CAVEATS,
      ["attenuate"],
    ),
  ),
];

const mint = ({ keyId = 0, caveats = MINTED, scope = SCOPE, issuer = ISSUER } = {}) => {
  const first = head({ ...AUTHORITY, issuer });
  const own = caveatBlock(caveats);
  const [stated, location] = first.facts;
  const hash = predicate("payment_hash", { parameter: "hash" });
  return {
    do: "mint",
    ...{ issuer, keyId, privateKey: SEED.toString("hex"), location: LOCATION, scope, now: NOW },
    block: blockText({
      facts: [stated, location, hash, ...own.facts],
      checks: [...first.checks, ...own.checks],
    }),
  };
};
const minted = (title, command, expect, more, spec = ORDERED, needs = ["mint"]) =>
  steps(title, [[mint(command), expect], ...more], spec, needs);
const withIssuers = (list) => judge(made, requestOf(), { issuers: list });
const minting = [
  minted("minted, and good", {}, ok, [[judge(made), ok]]),
  minted("minted, and not good there", {}, ok, [
    [judge(made, requestOf("GET https://api.example/b")), deny("ERR_ENDPOINT")],
  ]),
  minted("minted, and at its end", {}, ok, [
    [judge(made, requestOf(undefined, NOW + 3600)), deny("ERR_EXPIRED")],
  ]),
  minted("minted, and verified with another key", {}, ok, [
    [withIssuers([entry(0, OTHER_KEY)]), FORGED],
  ]),
  minted("minted under a key of another id", { keyId: 7 }, ok, [
    [withIssuers([entry(0, OTHER_KEY), entry(7, ISSUER_KEY)]), ok],
  ]),
  minted(
    "what a minted one says",
    {},
    ok,
    [
      [
        { do: "inspect", credential: made },
        { ok: true, caveats: MINTED },
      ],
    ],
    ORDERED,
    ["mint", "inspect"],
  ),
  minted(
    "minted, narrowed and sealed",
    {},
    ok,
    [
      [narrow(made, ["purpose=y"]), ok],
      [{ do: "seal", credential: stepped(1) }, ok],
      [judge(stepped(2)), ok],
    ],
    SEALED,
    ["mint", "attenuate", "seal"],
  ),
  ...[
    ["no endpoints", { scope: { expiresIn: "1h" } }, MINTS],
    ["no end", { scope: { endpoints: SCOPE.endpoints } }, MINTS],
    ["an issuer with a path", { issuer: `${ISSUER}/a` }, PLAIN],
  ].map(([title, command, spec]) => minted(title, command, deny(), [], spec, ["mint", "scope"])),
];

export default { narrowing, minting };
