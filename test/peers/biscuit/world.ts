/**
 * Random credentials and requests, of few enough values that they often fit, and the facts that
 * spec/9-public-key.md §5 has a verifier give to a Biscuit library.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { Symbols } from "../../../packages/l8nt/src/biscuit/block.ts";
import { beginToken } from "../../../packages/l8nt/src/biscuit/signatures.ts";
import { encodeToken } from "../../../packages/l8nt/src/biscuit/token.ts";
import { type Access, readOrigin, targetAt } from "../../../packages/l8nt/src/caveat/index.ts";
import { RevocationList, type Verified } from "../../../packages/l8nt/src/credential/index.ts";
import { signerOf } from "../../../packages/l8nt/src/internal/ed25519.ts";
import { BiscuitBody } from "../../../packages/l8nt/src/public-key/body.ts";
import { BiscuitVerifier } from "../../../packages/l8nt/src/public-key/index.ts";
import { authorityBlock } from "../../../packages/l8nt/src/public-key/profile.ts";

export const NOW = 1_800_000_000;
export const ISSUER = "https://treasury.example";
export const PREIMAGE = "5a".repeat(32);
export const PAYMENT_HASH = createHash("sha256").update(Buffer.from(PREIMAGE, "hex")).digest("hex");
export const PRIVATE_KEY = "11".repeat(32);
const root = signerOf(Buffer.from(PRIVATE_KEY, "hex"));
export const PUBLIC_KEY = Buffer.from(root.publicKey).toString("hex");

const head = { issuer: ISSUER, location: "https://api.example", paymentHash: PAYMENT_HASH };

/** A credential with these caveats, a block for each list. */
export function minted([first = [], ...more]: readonly (readonly string[])[]): BiscuitBody {
  const symbols = new Symbols();
  const token = beginToken(root, 0, authorityBlock(head, first, symbols));
  const body = new BiscuitBody({
    token,
    contents: { ...head, caveats: [first], symbols },
    preimage: PREIMAGE,
  });
  return more.reduce((one, caveats) => one.append(caveats), body);
}

export const tokenOf = (body: BiscuitBody): Uint8Array => encodeToken(body.token);

const verifier = new BiscuitVerifier({
  keys: { find: () => root.publicKey },
  revocations: new RevocationList(),
});

/** Verified by us from the bytes of a token, no matter who wrote them. */
export const verified = (token: Uint8Array): Verified =>
  verifier.authenticate(`${Buffer.from(token).toString("base64")}:${PREIMAGE}`);

export interface Asked {
  readonly access: Access;
  /** Limits that a ledger has room for: whether each is reserved. */
  readonly isReserved: boolean;
}

/** Our verdict: no caveat denies, and every limit is reserved. */
export const allows = ({ chain }: Verified, { access, isReserved }: Asked): boolean =>
  chain.refusals(access).length === 0 && (isReserved || chain.limits.length === 0);

/** A fact of a library: its text, with `{name}` for each of the values. */
export interface Given {
  readonly code: string;
  readonly values: Readonly<Record<string, string>>;
}

const COUNTED = /^(?:budget_|max_uses(?:_per_(?:minute|hour|day|month))?=)/;
const MAX_INTEGER = 2n ** 63n;

/**
 * The facts of spec/9-public-key.md §5. What it says of `counted` is written here by hand, and not
 * by the code of the conditions.
 */
export function factsOf(
  { access, isReserved }: Asked,
  blocks: readonly (readonly string[])[],
): readonly Given[] {
  const { now, target, service = "", capability, model, price, pricedRequest } = access;
  const facts: Given[] = [];
  const add = (code: string, values: Given["values"] = {}) => facts.push({ code, values });
  add(`paid(hex:${PAYMENT_HASH})`);
  add(`time(${new Date(Math.floor(now) * 1000).toISOString().replace(".000", "")})`);
  if (target === "self") add("own_affairs(true)");
  else {
    const { scheme, host, port } = target.origin;
    add("access({value})", {
      value: `${target.method} ${scheme}://${host}:${port}${target.path}`,
    });
  }
  add("service({value})", { value: service });
  if (capability !== undefined) add("capability({value})", { value: capability });
  if (model === null) add("uses_no_model(true)");
  else if (model !== undefined) add("model({value})", { value: model });
  add(price === undefined ? 'price("none", 0)' : `price("${price.unit}", ${price.value})`);
  const hash = pricedRequest?.();
  if (hash !== undefined) add("priced_request({value})", { value: hash });
  const caveats = blocks.flat();
  const denied = new Set(
    caveats.filter((caveat, at) => !holds(caveat, caveats.slice(at + 1), access, isReserved)),
  );
  // Equal caveats share their fact, so each of them must hold.
  for (const caveat of new Set(caveats))
    if (!denied.has(caveat)) add("counted({value})", { value: caveat });
  return facts;
}

function holds(
  caveat: string,
  after: readonly string[],
  { price, pricedRequest, target }: Access,
  isReserved: boolean,
): boolean {
  const integer = /=(0|[1-9][0-9]{0,18})$/.exec(caveat)?.[1];
  if (COUNTED.test(caveat)) return isReserved && integer !== undefined;
  if (caveat.startsWith("max_depth="))
    return (
      integer !== undefined &&
      after.filter((one) => one.startsWith("agent=")).length <= Number(integer)
    );
  if (caveat.startsWith("preimage=")) return caveat.toLowerCase() === `preimage=${PREIMAGE}`;
  // Too great for a check of its own, and so for any price of ours.
  const huge = /^(?:max_price_(?:[a-z_]+)=|sold_price=)(0|[1-9][0-9]{0,18})/.exec(caveat)?.[1];
  if (huge === undefined || BigInt(huge) < MAX_INTEGER) return false;
  if (caveat.startsWith("max_price_")) return true;
  const [, unit, hash] = /^sold_price=[0-9]+ ([a-z_]+)(?: (.+))?$/.exec(caveat)!;
  return (
    target === "self" ||
    price === undefined ||
    price.unit === unit ||
    (hash !== undefined && hash === pricedRequest?.())
  );
}

// ── Requests

const METHODS = ["GET", "GET", "GET", "HEAD", "POST", "M-SEARCH"];
const ORIGINS = [
  ...["https://api.example", "https://api.example", "https://v2.api.example"],
  ...["http://api.example", "https://api.example:8443", "https://[::1]:8443", "http://127.0.0.1"],
  ...["https://apixexample", "https://a-b_c.example"],
];
const PATHS = [
  ...["/", "/a", "/a", "/a/b", "/a/b/c", "/a/", "/a//b", "//", "/A", "/a.b", "/a+b", "/a(b)"],
  ...["/a%20b", "/%E2%82%AC", "/a%7Cb", "/%5Ba%5D", "/$a", "/a*b", "/*", "/**", "/a,b;c", "/%5E"],
];
const HASH = "cd".repeat(32);

const target = fc
  .tuple(fc.constantFrom(...METHODS), fc.constantFrom(...ORIGINS), fc.constantFrom(...PATHS))
  .map(([method, origin, path]) => targetAt(method, readOrigin(origin)!, path)!);

const UNITS = ["msat", "usd_micro"] as const;
const price = fc.record({
  unit: fc.constantFrom(...UNITS),
  value: fc.constantFrom(0n, 1n, 10n, 11n, 2n ** 63n - 1n),
});

export const asked: fc.Arbitrary<Asked> = fc
  .record({
    now: fc.constantFrom(NOW - 1, NOW - 0.25, NOW, NOW + 0.5, NOW + 1),
    target: fc.oneof(
      { weight: 9, arbitrary: target },
      { weight: 1, arbitrary: fc.constant("self" as const) },
    ),
    price: fc.option(price, { nil: undefined }),
    hash: fc.constantFrom(undefined, HASH, "ef".repeat(32)),
    service: fc.constantFrom(undefined, "loop", "loop", "pool"),
    capability: fc.constantFrom(undefined, "in", "in", "out"),
    model: fc.constantFrom(undefined, null, "gpt-5.4", "gpt-5.4", "o4", 'q"\\'),
    isReserved: fc.constantFrom(true, true, true, false),
  })
  .map(({ hash, isReserved, ...access }) => ({
    access: { ...access, ...(hash === undefined ? {} : { pricedRequest: () => hash }) },
    isReserved,
  }));

// ── Credentials

const entry = fc
  .tuple(
    fc.constantFrom("*", "GET", "GET", "GET|POST", "POST", "HEAD|GET", "M-SEARCH", "GET|GET"),
    fc.constantFrom(
      ...["https://api.example", "https://api.example", "https://*.api.example", "https://*"],
      ...["http://*:*", "https://*:*", "https://*.example:*", "https://api.example:443"],
      ...["https://api.example:8443", "https://[::1]:8443", "http://127.0.0.1", "https://[::1]:*"],
    ),
    fc.constantFrom("/**", "/**", "/**", "/*", "/*/*", "/a/*", "/a/**", "/*/b", "/*/**", ...PATHS),
  )
  .map(([methods, origin, path]) => `${methods} ${origin}${path}`);

const list = (entries: readonly string[], separator = ",", maxLength = 3) =>
  fc.array(fc.constantFrom(...entries), { maxLength }).map((some) => some.join(separator));

const named = (name: string, values: fc.Arbitrary<string>) =>
  values.map((value) => `${name}=${value}`);

const seconds = fc.constantFrom(
  ...["1", String(NOW - 1), String(NOW), String(NOW + 1), String(NOW + 2), "9007199254740991"],
  ...["9007199254740992", "9223372036854775808", "01", ""],
);
const integer = fc.constantFrom(
  ...["0", "1", "10", "10", "11", "9223372036854775807", "9223372036854775808"],
  ...["9999999999999999999", "1e3", "-1"],
);
const services = list(["loop:0", "loop:1", "pool:0", "/api/x:0"]);
const capabilities = list(["in", "out", 'a"b\\c']);
const modelNames = list(["gpt-5*", "gpt-5.4", "o4", "*", 'q"\\', 'q"*', "gpt-5*"]);

/** What everything is allowed by, mostly, so that one caveat in a list decides. */
const everything = fc.constantFrom(
  "endpoints=* https://*:*/**;* http://*:*/**",
  "purpose=any",
  "agent=a.00000001",
  `valid_until=${NOW + 9}`,
  "max_price_msat=9223372036854775807",
);

const caveat = fc.oneof(
  { weight: 12, arbitrary: everything },
  {
    weight: 6,
    arbitrary: named(
      "endpoints",
      fc.array(entry, { minLength: 0, maxLength: 5 }).map((entries) => entries.join(";")),
    ),
  },
  named("services", services),
  named("loop_capabilities", capabilities),
  named("pool_capabilities", capabilities),
  named("model", modelNames),
  named("valid_from", seconds),
  named("valid_until", seconds),
  named("loop_valid_until", seconds),
  named("max_price_msat", integer),
  named("max_price_usd_micro", integer),
  fc
    .tuple(integer, fc.constantFrom(...UNITS), fc.constantFrom("", "", ` ${HASH}`))
    .map(([value, unit, hash]) => `sold_price=${value} ${unit}${hash}`),
  fc
    .tuple(fc.constantFrom("budget_msat", "max_uses", "max_uses_per_hour"), integer)
    .map(([name, value]) => `${name}=${value}`),
  named("max_depth", fc.constantFrom("0", "1", "2", "x")),
  named("preimage", fc.constantFrom(PREIMAGE, PREIMAGE.toUpperCase(), "00".repeat(32), "00")),
  fc.constantFrom(
    ...[`payees=02${"ab".repeat(32)}`, "unknown=1", "no condition", "=x", "", "agent=no nonce"],
    ...["agent=b.00000002", 'purpose="a" \\n \\ \n line', "purpose=\u20ac\u0000"],
  ),
);

/** The caveats of each block. */
export const credentials: fc.Arbitrary<readonly (readonly string[])[]> = fc.array(
  fc.array(caveat, { maxLength: 3 }),
  { minLength: 1, maxLength: 3 },
);
