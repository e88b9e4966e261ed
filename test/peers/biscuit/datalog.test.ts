/** Blocks of other makers, by Biscuit's libraries, and judged by biscuit-wasm in a verifier. */
import * as biscuit from "@biscuit-auth/biscuit-wasm";
import { describe, expect, test } from "vitest";
import { type Access, readOrigin, targetAt } from "../../../packages/l8nt/src/caveat/index.ts";
import { RevocationList } from "../../../packages/l8nt/src/credential/index.ts";
import { SigilError } from "../../../packages/l8nt/src/errors.ts";
import {
  BiscuitVerifier,
  biscuitDatalog,
  type Datalog,
} from "../../../packages/l8nt/src/public-key/index.ts";
import { libraries } from "./libraries.ts";
import { minted, NOW, PREIMAGE, PUBLIC_KEY, tokenOf } from "./world.ts";

const LEDGER = "https://api.example";
const judge = biscuitDatalog(biscuit);

const verifierWith = (datalog: Datalog | null) =>
  new BiscuitVerifier({
    keys: { find: () => Buffer.from(PUBLIC_KEY, "hex") },
    revocations: new RevocationList(),
    ledger: LEDGER,
    ...(datalog && { datalog }),
  });

const to = (path: string, more: Partial<Access> = {}): Access => ({
  now: NOW,
  target: targetAt("GET", readOrigin(LEDGER)!, path)!,
  ...more,
});

/** The code that speaks against the access; "granted" if there is none. */
function verdict(token: Uint8Array, access: Access, datalog: Datalog | null = judge): string {
  try {
    const text = `${Buffer.from(token).toString("base64")}:${PREIMAGE}`;
    return verifierWith(datalog).authenticate(text).judge(access)[0]?.code ?? "granted";
  } catch (error) {
    if (error instanceof SigilError) return error.code;
    throw error;
  }
}

const part = (code: string) => ({ code, values: {} });
const open = tokenOf(minted([["endpoints=* https://api.example/**", `valid_until=${NOW + 60}`]]));
const THUMBPRINT = "A".repeat(43);

const HOLDS: readonly (readonly [code: string, access: Access, elsewhere: Access])[] = [
  ["check if time($t), $t < 2027-01-15T08:00:05Z", to("/a"), to("/a", { now: NOW + 5 })],
  ['check if access($a), $a.starts_with("GET https://api.example:443/a")', to("/a/b"), to("/b")],
  ['reject if access($a), $a.ends_with("/secret")', to("/a"), to("/a/secret")],
  [
    'check if price("msat", $p), $p <= 5',
    to("/a", { price: { unit: "msat", value: 5n } }),
    to("/a", { price: { unit: "msat", value: 6n } }),
  ],
  ['check if price("none", 0)', to("/a"), to("/a", { price: { unit: "msat", value: 0n } })],
  ['check if service("loop")', to("/a", { service: "loop" }), to("/a")],
  ['check if capability("in")', to("/a", { capability: "in" }), to("/a", { capability: "out" })],
  ['check if model("m") or uses_no_model(true)', to("/a", { model: null }), to("/a")],
  [`check if holder("${THUMBPRINT}")`, to("/a", { holder: THUMBPRINT }), to("/a")],
  ['check if priced_request("x")', to("/a", { pricedRequest: () => "x" }), to("/a")],
  ["check if own_affairs(true)", { now: NOW, target: "self" }, to("/a")],
  ['right("a"); check if right($r), service($s), $r != $s', to("/a"), to("/a", { service: "a" })],
];

const ALWAYS = [
  ...['check if ledger("https://api.example")', 'check if issuer("https://treasury.example")'],
  ...['right("a"); check if right("a")', "check if paid($h), payment_hash($h)"],
  'caveat("max_uses=1")',
];

const NEVER = ['check if operation("read")', 'check if counted("max_uses=3")', "check if false"];

describe.each(libraries)("a block by $name", ({ start }) => {
  test.each(HOLDS)("%s", async (code, access, elsewhere) => {
    const token = await start().append(open, [part(code)]);
    expect(verdict(token, access)).toBe("granted");
    expect(verdict(token, elsewhere)).toBe("ERR_CHECK");
    expect(verdict(token, access, null)).toBe("ERR_TOKEN_DATALOG");
  });

  test.each(ALWAYS)("%s", async (code) => {
    expect(verdict(await start().append(open, [part(code)]), to("/a"))).toBe("granted");
  });

  test.each(NEVER)("%s", async (code) => {
    expect(verdict(await start().append(open, [part(code)]), to("/a"))).toBe("ERR_CHECK");
  });

  test.each([
    [
      'access("GET https://api.example:443/a")',
      ["endpoints=GET https://api.example/b"],
      "ERR_ENDPOINT",
    ],
    ["own_affairs(true)", ["endpoints=GET https://api.example/b"], "ERR_ENDPOINT"],
    ["time(2020-01-01T00:00:00Z)", [`valid_until=${NOW - 5}`], "ERR_EXPIRED"],
    ['counted("max_uses=3")', ["max_uses=3"], "ERR_USES"],
    ['ledger("https://b.example")', ["ledger=https://b.example"], "ERR_LEDGER"],
    ['counted("unknown=1")', ["unknown=1"], "ERR_CAVEAT_UNKNOWN"],
  ])("the forged fact %s gains nothing", async (forged, caveats, code) => {
    const token = await start().append(tokenOf(minted([caveats])), [part(forged)]);
    expect(verdict(token, to("/a"))).toBe(code);
  });

  test("an agent in it opens no node, and a block of the profile behind it counts", async () => {
    const library = start();
    const foreign = await library.append(open, [
      part('caveat("agent=a.00000001"); check if service("")'),
    ]);
    const behind = await library.append(foreign, [
      part(`caveat("valid_until=${NOW - 1}"); check if time($t), $t < 2027-01-15T07:59:59Z`),
    ]);
    expect(verdict(foreign, to("/a"))).toBe("granted");
    expect(verdict(behind, to("/a"))).toBe("ERR_EXPIRED");
    const text = `${Buffer.from(foreign).toString("base64")}:${PREIMAGE}`;
    expect(verifierWith(judge).authenticate(text).lineage).toEqual([]);
  });
});

/** Each would take a library long, or says what is not judged. */
const numbers = Array.from({ length: 30 }, (_, at) => `n(${at})`).join("; ");
const UNJUDGED = [
  'right("a") <- service($s)',
  "check if true trusting previous",
  "check if time($t) trusting authority",
  'check if access($a), $a.matches("^GET")',
  String.raw`check if access($a), $a.matches("\\pL{300}")`,
  "check if [1, 2].any($a -> $a > 1)",
  'check if "a".extern::f()',
  `${numbers}; check if n($a), n($b), n($c), $a > 99`,
  `${numbers}; ${Array.from({ length: 2 }, () => "check if n($a), n($b)").join("; ")}`,
  Array.from({ length: 130 }, (_, at) => `n(${at})`).join("; "),
  // A text that is longer at each step, for each choice.
  `n(0); n(1); n(2); check if access($a), n($b), ${Array(50).fill("$a").join(" + ")} == "x"`,
  "check if price($u, $p), $p + 1 > 0",
  `${numbers}; check if n($a), n($b), ${Array(4).fill("$a >= 0").join(", ")}`,
];

test.each(UNJUDGED)("is never judged: %s", async (code) => {
  const [wasm] = libraries;
  const token = await wasm!.start().append(open, [part(code)]);
  const asked: unknown[] = [];
  const datalog: Datalog = { allows: (...all) => asked.push(all) > 0 };
  expect(verdict(token, to("/a"), datalog)).toBe("ERR_TOKEN_DATALOG");
  expect(asked).toEqual([]);
});

test("memory that the package never gives back is bounded", async () => {
  const [wasm] = libraries;
  const endpoints = ["endpoints=* https://api.example/**"];
  const token = await wasm!
    .start()
    .append(tokenOf(minted([endpoints, endpoints])), [part("check if time($t)")]);
  // Two regular expressions for each evaluation.
  const twice = biscuitDatalog(biscuit, { maxKeptBytes: 700_000 });
  expect([1, 2, 3].map(() => verdict(token, to("/a"), twice))).toEqual([
    "granted",
    "granted",
    "ERR_CHECK",
  ]);
});

test("is judged within its limits: 900 ways to choose", async () => {
  const [wasm] = libraries;
  const few = `${numbers.split("; ").slice(0, 28).join("; ")}; check if n($a), n($b), $a > 26, $b > 26`;
  expect(verdict(await wasm!.start().append(open, [part(few)]), to("/a"))).toBe("granted");
});
