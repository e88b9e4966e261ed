/** spec/2-caveats.md §3: its two tables, row by row, the grammar, and refused requests. */
import { deny, from, judged, NOW, ok } from "../lib/world.js";

const spec = from("2-caveats", "3");
const DENIED = deny("ERR_ENDPOINT");

/** entry, request, verdict; `access` where the request is changed before it is compared. */
const ROWS = [
  ["GET https://api.example/a", "GET https://api.example/a", ok],
  ["GET https://api.example/a", "GET https://api.example/a?x=1", ok],
  ["GET https://api.example/a", "HEAD https://api.example/a", ok],
  ["GET https://api.example/a", "POST https://api.example/a", DENIED],
  ["GET https://api.example/a", "GET https://api.example/a/", DENIED],
  ["GET https://api.example/a", "GET https://api.example/A", DENIED],
  [
    "GET https://api.example/a",
    "GET https://API.EXAMPLE:443/%61",
    ok,
    "GET https://api.example:443/a",
  ],
  ["GET https://api.example/a", "GET http://api.example/a", DENIED],
  ["GET https://api.example/a", "GET https://api.example:8443/a", DENIED],
  ["GET|POST https://api.example/a", "POST https://api.example/a", ok],
  ["* https://api.example/a", "DELETE https://api.example/a", ok],
  ["GET https://api.example/a/*", "GET https://api.example/a/b", ok],
  ["GET https://api.example/a/*", "GET https://api.example/a/", DENIED],
  ["GET https://api.example/a/*", "GET https://api.example/a/b/c", DENIED],
  ["GET https://api.example/*/c", "GET https://api.example/b/c", ok],
  ["GET https://api.example/a/**", "GET https://api.example/a/b/c", ok],
  ["GET https://api.example/a/**", "GET https://api.example/a/", ok],
  ["GET https://api.example/a/**", "GET https://api.example/a", DENIED],
  ["GET https://api.example/**", "GET https://api.example/", ok],
  ["GET https://api.example/caf%c3%a9", "GET https://api.example/caf%C3%A9", ok],
  [
    "GET https://api.example/a%2A",
    "GET https://api.example/a%2a",
    ok,
    "GET https://api.example:443/a%2A",
  ],
  ["GET https://*.example/a", "GET https://x.api.example/a", ok],
  ["GET https://*.example/a", "GET https://example/a", DENIED],
  ["GET https://*:*/a", "GET https://api.example:8443/a", ok],
  ["GET http://[::1]:8080/a", "GET http://[0:0::1]:8080/a", ok],
  ["GET https://a.example/x;GET https://b.example/y", "GET https://b.example/y", ok],
  ["GET https://a.example/x;GET https://b.example/y", "GET https://b.example/x", DENIED],
];
const REFUSED = [
  ["GET https://api.example/**", "GET https://api.example/a/../b"],
  ["GET https://api.example/**", "GET https://api.example/a/%2e%2e/b"],
  ["GET https://api.example/**", "GET https://api.example/a/%252e%252e/b"],
  ["GET https://api.example/**", "GET https://api.example/a%2Fb"],
  ["GET https://api.example/**", "GET https://api.example/a/..;x=1/b"],
  ["GET https://api.example/**", "GET https://api.example/a\\b"],
  ["GET https://api.example/**", "GET https://api.example/a%00"],
  ["GET https://api.example/**", "GET https://api.example/%c0%ae"],
  ["GET https://api.example/**", "GET https://api.example/é"],
  ["* https://api.example/**", "TRACE https://api.example/a"],
  ["* https://api.example/**", "get https://api.example/a"],
];
const cell = (text) => `\`${text.replaceAll("|", "\\|")}\``;
const NOT_AN_ENTRY = [
  ["GET https://api.example", "no path"],
  ["get https://api.example/a", "a method is upper case"],
  ["GET https://API.example/a", "a host is lower case"],
  ["GET https://api.example/a*", "`*` is a whole segment"],
  ["GET https://api.example/**/b", "`**` is the last segment"],
  ["GET https://a*.example/b", "a star in a host is the whole of it, or its first label"],
  ["GET https://api.example/a?b=1", "no query"],
  ["GET https://api.example/a;b", "`;` ends an entry"],
  ["GET https://api.example/a/../b", "an ambiguous path"],
  ["GET https://api.example:0/a", "no such port"],
  ["GET  https://api.example/a", "one blank, not two"],
];

const REQUEST_RULES = [
  [
    "CONNECT",
    "/a",
    "The method is not of the form `method` above, or is `CONNECT`, `TRACE` or `TRACK`.",
  ],
  [
    "TRACK",
    "/a",
    "The method is not of the form `method` above, or is `CONNECT`, `TRACE` or `TRACK`.",
  ],
  [
    "G1",
    "/a",
    "The method is not of the form `method` above, or is `CONNECT`, `TRACE` or `TRACK`.",
  ],
  ["GET", "/a\u0001", "holds anything but `/`, PCHAR, `*`, `;` and triplets."],
  ["GET", "/a%zz", "holds anything but `/`, PCHAR, `*`, `;` and triplets."],
  ["GET", '/a"b', "holds anything but `/`, PCHAR, `*`, `;` and triplets."],
  ["GET", "/./a", "segment `.` or `..`, alone or followed by `;` and anything"],
  ["GET", "/a/.;x", "segment `.` or `..`, alone or followed by `;` and anything"],
  ["GET", "/a/..", "segment `.` or `..`, alone or followed by `;` and anything"],
  ["GET", "/a%5cb", "or a backslash; or `%2F` in either case"],
  ["GET", "/a%2fb", "or a backslash; or `%2F` in either case"],
  ["GET", "/a%252Fb", "or a backslash; or `%2F` in either case"],
  ["GET", "/a%7F", "or a character 00–1F or 7F; or C0 or C1"],
  ["GET", "/a%0a", "or a character 00–1F or 7F; or C0 or C1"],
  [
    "GET",
    "/a%e0%80%ae",
    "or E0 followed by 80–9F; or F0 followed by 80–8F (overlong UTF-8): refuse.",
  ],
  [
    "GET",
    "/a%f0%80%80%ae",
    "or E0 followed by 80–9F; or F0 followed by 80–8F (overlong UTF-8): refuse.",
  ],
  [
    "GET",
    "/%2525252561",
    "A path that still changes at the fourth time is ambiguous by definition: refuse.",
  ],
  [
    "GET",
    `/${"a".repeat(8192)}`,
    "The path and the query have more than 8,192 characters together.",
  ],
  [
    "GET",
    `/a?${"q".repeat(8190)}`,
    "The path and the query have more than 8,192 characters together.",
  ],
];
const SERVED = [
  [
    "GET",
    "/a|b",
    "GET https://api.example:443/a%7Cb",
    "with `%7C`, `%5B`, `%5D` and `%5E` in place of `|`, `[`, `]` and `^`, which URLs leave as they are",
  ],
  ["GET", "/a;b", undefined, "holds anything but `/`, PCHAR, `*`, `;` and triplets."],
  ["GET", "/a//b", undefined, "No other change is made: an empty segment counts."],
  ["GET", "/...", undefined, "segment `.` or `..`, alone or followed by `;` and anything"],
  [
    "GET",
    "/a%252561",
    undefined,
    "A path that still changes at the fourth time is ambiguous by definition: refuse.",
  ],
  [
    "GET",
    `/a?${"q".repeat(8189)}`,
    undefined,
    "The path and the query have more than 8,192 characters together.",
  ],
  ["GET", "/a?../b", undefined, "The query and the fragment are no part of the path."],
  ["M-SEARCH", "/a", undefined, "`*` every method but those that are refused"],
];

export default [
  ...ROWS.flatMap(([entry, request, expect, access]) =>
    judged({
      title: `${entry} ${expect.ok ? "covers" : "does not cover"} ${request}`,
      blocks: [[`endpoints=${entry}`]],
      request: access === undefined ? request : { at: request, access },
      expect,
      spec: spec(
        `| ${cell(entry)} | ${cell(request)} | ${expect.ok ? "covered" : "not covered"} |`,
      ),
    }),
  ),
  ...REFUSED.flatMap(([entry, request]) =>
    judged({
      title: `${request} is no request`,
      blocks: [[`endpoints=${entry}`]],
      request,
      expect: deny("ERR_REQUEST"),
      needs: ["requests"],
      spec: spec(`| ${cell(entry)} | ${cell(request)} | refused |`),
    }),
  ),
  ...NOT_AN_ENTRY.flatMap(([entry, why]) =>
    judged({
      title: `${entry} is no entry`,
      blocks: [[`endpoints=${entry}`]],
      options: { unreadable: [`endpoints=${entry}`] },
      expect: deny("ERR_CAVEAT_MALFORMED"),
      spec: spec(`| \`${entry}\` | ${why} |`),
    }),
  ),
  ...judged({
    title: "one entry that is none spoils the others",
    blocks: [["endpoints=GET https://api.example/a;GET https://api.example"]],
    options: { unreadable: ["endpoints=GET https://api.example/a;GET https://api.example"] },
    expect: deny("ERR_CAVEAT_MALFORMED"),
    spec: spec("One entry that is not an entry spoils the whole value."),
  }),
  ...judged({
    title: "an empty list of endpoints allows nothing",
    blocks: [["endpoints="]],
    expect: DENIED,
    spec: from("2-caveats", "2")("An empty list is a list: it allows nothing."),
  }),
  ...judged({
    title: "own affairs have no endpoint",
    blocks: [["endpoints=GET https://api.example/b"]],
    request: "self",
    expect: ok,
    spec: from(
      "2-caveats",
      "2",
    )(
      "`max_price_msat`, `max_price_usd_micro`, `sold_price` and `payees` say nothing, counted limits are not touched, and everything else is judged.",
    ),
  }),
  ...judged({
    title: "own affairs have an end",
    blocks: [["endpoints=GET https://api.example/b", `valid_until=${NOW}`]],
    request: "self",
    expect: deny("ERR_EXPIRED"),
    spec: from(
      "2-caveats",
      "2",
    )(
      "`max_price_msat`, `max_price_usd_micro`, `sold_price` and `payees` say nothing, counted limits are not touched, and everything else is judged.",
    ),
  }),
  ...REQUEST_RULES.flatMap(([method, target, sentence]) =>
    judged({
      title: `${method} ${target.slice(0, 20)} is no request`,
      request: { now: NOW, method, origin: "https://api.example", target },
      expect: deny("ERR_REQUEST"),
      needs: ["requests"],
      forms: ["macaroon"],
      spec: spec(sentence),
    }),
  ),
  ...SERVED.flatMap(([method, target, access, sentence]) =>
    judged({
      title: `${method} ${target.slice(0, 20)} is a request`,
      blocks: [["endpoints=* https://api.example/**"]],
      request: {
        at: `${method} https://api.example/`,
        target,
        access:
          access ??
          `${method} https://api.example:443${target.split("?", 1)[0].replace("%252561", "%252561")}`,
      },
      expect: ok,
      needs: ["requests"],
      spec: spec(sentence),
    }),
  ),
];
