/**
 * Blocks of Biscuit's own libraries: what they append and mint is verified by us, and facts that a
 * holder forges gain nothing in them, nor here.
 */
import { describe, expect, test } from "vitest";
import { readOrigin, targetAt } from "../../../packages/l8nt/src/caveat/index.ts";
import { libraries } from "./libraries.ts";
import { mint } from "./wasm.ts";
import {
  type Asked,
  allows,
  factsOf,
  type Given,
  ISSUER,
  minted,
  NOW,
  PAYMENT_HASH,
  PRIVATE_KEY,
  tokenOf,
  verified,
} from "./world.ts";

const at = (path: string, method = "GET"): Asked => ({
  access: {
    now: NOW,
    target: targetAt(method, readOrigin("https://api.example")!, path)!,
    price: { unit: "msat", value: 10n },
    service: "loop",
    capability: "out",
    model: "gpt-5.4",
  },
  isReserved: true,
});

const code = (text: string): Given => ({ code: text, values: {} });
const caveat = (text: string): Given => ({ code: "caveat({text})", values: { text } });

/** Caveats with their checks, as spec/9-public-key.md §3 writes them. */
const NARROWED: readonly (readonly [caveat: string, check?: string])[] = [
  ["agent=booker.01234567"],
  ['purpose=to "book"'],
  [
    "endpoints=GET https://api.example/a/*",
    'check if access($a), $a.matches("^(?:(?:GET|HEAD) https://api\\\\.example:443/a/[^/]+)$") or own_affairs(true)',
  ],
  ["endpoints=", "check if own_affairs(true)"],
  [
    "services=loop:0,pool:1",
    'check if service($s), {"loop", "pool"}.contains($s) or own_affairs(true)',
  ],
  [
    "loop_capabilities=in",
    'check if service($s), !{"loop"}.contains($s) or capability($c), {"in"}.contains($c) or own_affairs(true)',
  ],
  [
    "model=o4,gpt-5*",
    'check if model($m), {"o4"}.contains($m) or model($m), $m.starts_with("gpt-5") or uses_no_model(true) or own_affairs(true)',
  ],
  ["valid_from=1800000000", "check if time($t), $t >= 2027-01-15T08:00:00Z"],
  ["valid_until=1800000000", "check if time($t), $t < 2027-01-15T08:00:00Z"],
  [
    "loop_valid_until=1800000001",
    'check if service($s), !{"loop"}.contains($s) or time($t), $t < 2027-01-15T08:00:01Z',
  ],
  [
    "max_price_msat=9",
    'check if price($u, $p), !{"msat"}.contains($u) or price("msat", $p), $p <= 9',
  ],
  [
    `sold_price=9 msat ${"cd".repeat(32)}`,
    `check if price("msat", $p), $p <= 9 or priced_request("${"cd".repeat(32)}") or price("none", 0) or own_affairs(true)`,
  ],
  ["max_uses=3", 'check if counted("max_uses=3")'],
  ["max_depth=0", 'check if counted("max_depth=0")'],
  ["unknown=1", 'check if counted("unknown=1")'],
  ["valid_until=later", 'check if counted("valid_until=later")'],
  ["max_price_msat=9223372036854775808", 'check if counted("max_price_msat=9223372036854775808")'],
];

describe.each(libraries)("narrowed by $name", ({ start }) => {
  test.each(NARROWED.map(([text, check]) => ({ text, check })))(
    "$text",
    async ({ text, check }) => {
      const library = start();
      const open = tokenOf(minted([["endpoints=GET https://api.example/**"]]));
      const blocks = [["endpoints=GET https://api.example/**"], [text]];
      const parts = [caveat(text), ...(check === undefined ? [] : [code(check)])];
      const token = await library.append(open, parts);
      const proven = verified(token);
      expect(proven.chain.texts.map(({ condition }) => condition)).toEqual([
        "endpoints",
        text.slice(0, text.indexOf("=")),
      ]);
      const ours = verified(tokenOf(minted(blocks)));
      for (const one of [at("/a/b"), at("/c"), { ...at("/a/b"), isReserved: false }]) {
        expect(allows(proven, one)).toBe(allows(ours, one));
        expect(await library.authorized(token, factsOf(one, blocks))).toBe(allows(ours, one));
      }
    },
  );

  test("by all of them at once, and by us again", async () => {
    const library = start();
    const parts = [
      ...NARROWED.map(([text]) => caveat(text)),
      ...NARROWED.flatMap(([, check]) => (check === undefined ? [] : [code(check)])),
    ];
    const proven = verified(await library.append(tokenOf(minted([["purpose=any"]])), parts));
    expect(proven.chain.texts).toHaveLength(1 + NARROWED.length);
    const more = proven.credential.attenuate({ endpoints: ["GET https://api.example/b"] });
    expect(more.caveats).toHaveLength(2 + NARROWED.length);
  });
});

describe("minted by wasm", () => {
  const head = [
    code(`issuer("${ISSUER}")`),
    code('location("https://api.example")'),
    code(`payment_hash(hex:${PAYMENT_HASH})`),
  ];
  const paid = code("check if paid($h), payment_hash($h)");
  const limited = [caveat("max_uses=3"), code('check if counted("max_uses=3")')] as const;

  test("with the facts of the profile, it verifies here", () => {
    const proven = verified(mint(PRIVATE_KEY, [...head, limited[0], paid, limited[1]]));
    expect(proven.limits.map(({ condition, max }) => [condition, max])).toEqual([["max_uses", 3n]]);
    expect(allows(proven, at("/"))).toBe(true);
  });

  test.each<[string, readonly Given[]]>([
    ["without the check of its payment", head],
    ["without a location", [head[0]!, head[2]!, paid]],
    ["with its facts in another order", [head[1]!, head[0]!, head[2]!, paid]],
    ["with a caveat that has no check", [...head, limited[0], paid]],
    ["with a check that has no caveat", [...head, paid, limited[1]]],
    ["with its checks in another order", [...head, limited[0], limited[1], paid]],
    ["with a fact of its own", [...head, code('counted("max_uses=3")'), paid]],
    ["with a rule", [...head, paid, code("counted($c) <- caveat($c)")]],
  ])("%s, it is refused", (_name, parts) => {
    expect(() => verified(mint(PRIVATE_KEY, parts))).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_TOKEN_(DATALOG|MALFORMED)$/) }),
    );
  });
});

/** What a holder might append to be allowed more. */
const FORGED = [
  'counted("max_uses=3")',
  "counted($c) <- caveat($c)",
  'counted("max_uses=3") <- caveat($c) trusting previous',
  "counted($c) <- caveat($c) trusting authority",
  'access("GET https://api.example:443/a/b")',
  'access("GET https://api.example:443/a/b") <- access($a)',
  "own_affairs(true)",
  "own_affairs(true) <- service($s) trusting previous",
  "time(2020-01-01T00:00:00Z)",
  "time(2020-01-01T00:00:00Z) <- time($t)",
  'price("none", 0)',
  'price("msat", 0) <- price($u, $p)',
  `holder("${"A".repeat(43)}")`,
  "holder($h) <- caveat($h) trusting previous",
  'service("pool")',
  "check if true trusting previous",
  "check all service($s), $s == $s",
  'reject if counted("x")',
  "uses_no_model(true)",
  `priced_request("${"cd".repeat(32)}")`,
  `paid(hex:${"00".repeat(32)})`,
  'caveat("max_uses=3"); counted($c) <- caveat($c) trusting previous',
];

/** Each denies the request, for what the forged facts would be about. */
const DENYING = [
  "max_uses=3",
  "endpoints=GET https://api.example/a/*",
  `valid_until=${NOW}`,
  "max_price_msat=9",
  `sold_price=9 msat ${"cd".repeat(32)}`,
  "services=pool:0",
  "loop_capabilities=in",
  "model=o4",
  `holder=${"A".repeat(43)}`,
];

describe.each(libraries)("forged facts, with $name", ({ start }) => {
  test.each(FORGED)("%s", async (forged) => {
    const library = start();
    const one = { ...at("/c"), isReserved: false };
    // In the first block, and in a block of another holder.
    for (const denying of DENYING)
      for (const blocks of [[[denying]], [["purpose=any"], [denying]]]) {
        const open = tokenOf(minted(blocks));
        expect(await library.authorized(open, factsOf(one, blocks))).toBe(false);
        const token = await library.append(open, [code(forged)]);
        expect([denying, await library.authorized(token, factsOf(one, blocks))]).toEqual([
          denying,
          false,
        ]);
        expect(() => verified(token)).toThrow(
          expect.objectContaining({ code: "ERR_TOKEN_DATALOG" }),
        );
      }
  });
});
