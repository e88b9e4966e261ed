/** Laws of targets and endpoint patterns, over paths that are made to be ambiguous. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesEndpoint, readEndpoint } from "./endpoint.ts";
import { readOrigin, readPath, targetAt, targetOfUrl } from "./target.ts";

const origin = readOrigin("https://api.example")!;

const dots = [
  ".",
  "..",
  "...",
  "%2e",
  "%2E",
  "%2e%2e",
  ".%2e",
  "%252e%252e",
  "..;",
  "..;x",
  ".;a=b",
  "..%3b",
  "..%00",
  "..%20",
];
const separators = [
  "%2f",
  "%2F",
  "%5c",
  "\\",
  "%252f",
  "%c0%af",
  "%c0%ae",
  "%e0%80%af",
  "%25c0%25af",
  "%",
  "%2",
  "%25",
  "%zz",
];
const plain = [
  "a",
  "b",
  "allowed",
  "admin",
  "A",
  "%61",
  "%41llowed",
  "a b",
  "a%20b",
  "%E2%82%AC",
  "%e2%82%ac",
  "é",
  ";x",
  "a;x",
  "*",
  "**",
  "~",
  "%7e",
  "",
  "%3f",
  "%23",
  "%2a",
  "..a",
  "a..",
];
const piece = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("a", "b", "allowed", "admin", "x.json", "%61") },
  { weight: 2, arbitrary: fc.constantFrom(...plain) },
  { weight: 1, arbitrary: fc.constantFrom(...dots, ...separators) },
);
const segment = fc.oneof(
  { weight: 4, arbitrary: piece },
  { weight: 1, arbitrary: fc.tuple(piece, piece).map((pieces) => pieces.join("")) },
);
const below = fc.array(segment, { maxLength: 4 }).map((segments) => segments.join("/"));
const hostilePath = fc.oneof(
  { weight: 3, arbitrary: below.map((rest) => `/allowed/${rest}`) },
  { weight: 1, arbitrary: below.map((rest) => `/${rest}`) },
);

/** How other software reads a path, written from its behaviour and not from our code. */
const readers: Record<string, (path: string) => string> = {
  "decoded once": (path) => decodeLeniently(path),
  "decoded twice": (path) => decodeLeniently(decodeLeniently(path)),
  "decoded three times": (path) => decodeLeniently(decodeLeniently(decodeLeniently(path))),
};
const habits: Record<string, (path: string) => string> = {
  plain: (path) => path,
  "backslashes are slashes": (path) => path.replaceAll("\\", "/"),
  "parameters are cut": (path) => path.replaceAll("\\", "/").replace(/;[^/]*/g, ""),
  "cut at NUL": (path) => path.split("\0")[0]!,
  "controls are dropped": (path) => path.replace(/[\t\r\n]/g, ""),
};

/** Percent-triplets to bytes, then lenient UTF-8: an overlong form is the character it spells. */
function decodeLeniently(path: string): string {
  const bytes = path.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return bytes
    .replace(/[\xc0\xc1]([\x80-\xbf])/g, (pair, last) =>
      String.fromCharCode(((pair.charCodeAt(0) & 1) << 6) | (last.charCodeAt(0) & 0x3f)),
    )
    .replace(/\xe0\x80([\x80-\xbf])/g, (_, last) => String.fromCharCode(last.charCodeAt(0) & 0x3f));
}

/** RFC 3986 §5.2.4, on whole segments. */
function resolveDots(path: string): string {
  const out: string[] = [];
  for (const part of path.split("/").slice(1)) {
    if (part === "..") out.pop();
    else if (part !== ".") out.push(part);
  }
  return `/${out.join("/")}`;
}

describe("a path that is accepted has one reading [case 30]", () => {
  const pattern = fc.constantFrom(
    "/allowed/**",
    "/allowed/*",
    "/allowed/*/b",
    "/allowed/a",
    "/allowed/*/**",
    "/allowed/a/**",
  );
  // What every reading must begin with: the pattern up to its first star.
  const literal = (text: string) =>
    text.slice(0, text.indexOf("*") === -1 ? undefined : text.indexOf("*"));

  test("software that decodes it up to three times and resolves its dots stays below the pattern", () => {
    let matched = 0;
    let encoded = 0;
    fc.assert(
      fc.property(pattern, hostilePath, (path, raw) => {
        const target = targetAt("GET", origin, raw);
        if (
          target === undefined ||
          !matchesEndpoint(readEndpoint(`GET https://api.example${path}`)!, target)
        )
          return;
        matched++;
        if (raw.includes("%")) encoded++;
        for (const [reading, read] of Object.entries(readers))
          for (const [habit, tidy] of Object.entries(habits))
            for (const wire of [read(raw), read(target.path), target.path]) {
              const seen = resolveDots(tidy(wire));
              if (!seen.startsWith(literal(path)))
                expect.fail(`${raw}: ${reading}, ${habit}: ${seen}`);
            }
      }),
      { numRuns: 12_000 },
    );
    // The law proves little if few paths are accepted.
    expect(matched).toBeGreaterThan(1000);
    expect(encoded).toBeGreaterThan(200);
  });

  test("reading it again, or reading what a URL makes of it, gives the same path [case 32]", () => {
    let accepted = 0;
    fc.assert(
      fc.property(hostilePath, (raw) => {
        const target = targetAt("GET", origin, raw);
        if (target === undefined) return;
        accepted++;
        expect(readPath(target.path)).toBe(target.path);
        expect(`/${target.segments.join("/")}`).toBe(target.path);
        const url = new URL(`https://api.example${raw}`);
        expect(targetOfUrl("GET", url)?.path).toBe(target.path);
        // Percent-triplets are what they were, or the unreserved character they spell. RFC 3986
        // §6.2.2.
        expect(decodeURIComponentOrRaw(target.path)).toBe(decodeURIComponentOrRaw(raw));
      }),
      { numRuns: 4000 },
    );
    expect(accepted).toBeGreaterThan(1000);
  });

  test("a query and a fragment do not change it [case 37]", () => {
    const tail = fc
      .tuple(fc.constantFrom("?", "#", "?a=1&a=2;b#", "??", "#?"), below)
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(hostilePath, tail, (raw, rest) => {
        expect(targetAt("GET", origin, raw + rest)).toEqual(targetAt("GET", origin, raw));
      }),
      { numRuns: 1000 },
    );
  });
});

function decodeURIComponentOrRaw(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString("latin1"),
  );
}

describe("patterns", () => {
  const name = fc.constantFrom("a", "b", "c1", "x-y");
  const host = fc.array(name, { minLength: 1, maxLength: 3 }).map((labels) => labels.join("."));
  const method = fc.constantFrom("GET", "HEAD", "POST", "DELETE");
  const literalPath = fc
    .array(fc.oneof(name, fc.constant("")), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join("/")}`);
  const requested = fc.record({
    method,
    host,
    path: literalPath,
    port: fc.constantFrom("", ":443", ":80", ":8443"),
    scheme: fc.constantFrom("https", "http"),
  });

  test("a literal pattern covers its own request and no other [cases 33, 35, 41]", () => {
    let equal = 0;
    fc.assert(
      fc.property(requested, requested, fc.boolean(), (a, other, same) => {
        const b = same ? a : other;
        const pattern = readEndpoint(`${a.method} ${a.scheme}://${a.host}${a.port}${a.path}`)!;
        const url = new URL(`${b.scheme}://${b.host}${b.port}`);
        const target = targetAt(b.method, readOrigin(url)!, b.path)!;
        const sameMethod = a.method === b.method || (a.method === "GET" && b.method === "HEAD");
        const sameOrigin = new URL(`${a.scheme}://${a.host}${a.port}`).origin === url.origin;
        const covered = sameMethod && sameOrigin && a.path === b.path;
        if (covered) equal++;
        expect(matchesEndpoint(pattern, target)).toBe(covered);
      }),
      { numRuns: 2000 },
    );
    expect(equal).toBeGreaterThan(500);
  });

  test("stars cover what a regular expression written from the grammar covers", () => {
    const star = fc.oneof(
      { weight: 3, arbitrary: name },
      { weight: 1, arbitrary: fc.constantFrom("*", "") },
    );
    const starred = fc
      .tuple(fc.array(star, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([parts, open]) => [...parts, ...(open ? ["**"] : [])]);
    const path = fc.array(
      fc.oneof({ weight: 4, arbitrary: name }, { weight: 1, arbitrary: fc.constant("") }),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    let covered = 0;
    fc.assert(
      fc.property(starred, path, (parts, requestedParts) => {
        const expression = new RegExp(
          `^${parts.map((part) => (part === "**" ? "/.*" : part === "*" ? "/[^/]+" : `/${part}`)).join("")}$`,
        );
        const requestedPath = `/${requestedParts.join("/")}`;
        const wanted = expression.test(requestedPath);
        if (wanted) covered++;
        const pattern = readEndpoint(`GET https://api.example/${parts.join("/")}`)!;
        expect(matchesEndpoint(pattern, targetAt("GET", origin, requestedPath)!)).toBe(wanted);
      }),
      { numRuns: 9000 },
    );
    expect(covered).toBeGreaterThan(300);
  });

  test("a host pattern with a star covers names below it, label by label [case 33]", () => {
    fc.assert(
      fc.property(host, host, (base, requestedHost) => {
        const pattern = readEndpoint(`GET https://*.${base}/`)!;
        const labels = requestedHost.split(".");
        const wanted = labels.some((_, at) => at > 0 && labels.slice(at).join(".") === base);
        const target = targetAt("GET", readOrigin(`https://${requestedHost}`)!, "/")!;
        expect(matchesEndpoint(pattern, target)).toBe(wanted);
      }),
      { numRuns: 1500 },
    );
  });

  test("the canonical text of a pattern is a pattern that covers the same", () => {
    const unit = fc.constantFrom(
      ..."GET|* :/.a[]1;%?#@\\",
      "GET ",
      "https://",
      "http://",
      "api.example",
      "/**",
      "%2e",
      "/..",
    );
    const texts = fc.oneof(
      fc.string({ unit, maxLength: 12 }),
      fc.string({ unit: "binary" }),
      requested.map((r) => `${r.method} ${r.scheme}://${r.host}${r.port}${r.path}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const pattern = readEndpoint(text);
        if (pattern === undefined) return;
        expect(readEndpoint(pattern.text)).toEqual(pattern);
        expect(pattern.text).toMatch(/^[\x21-\x7e]+ [\x21-\x7e]+$/);
        expect(pattern.text).not.toContain(";");
      }),
      { numRuns: 3000 },
    );
  });
});
