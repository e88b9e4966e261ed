/** What facts mean, as a table: each point ok, warned of, and failing. */
import type { WalletFacts } from "l8nt";
import { expect, test } from "vitest";
import {
  accessFinding,
  commonFindings,
  networkFinding,
  serviceFindings,
  treasuryFindings,
} from "./facts.ts";
import type { Finding, Point, State } from "./finding.ts";
import { FACTS, NOW } from "./fixtures/stand-in.ts";

const ASKED = { from: NOW, to: NOW };

/** Everything that a role is told about these facts. */
function told(role: "treasury" | "service", changed: Partial<WalletFacts>): readonly Finding[] {
  const facts = { ...FACTS, ...changed };
  return [
    accessFinding(facts),
    networkFinding(facts.network, "bc"),
    ...commonFindings(facts, ASKED),
    ...(role === "treasury" ? treasuryFindings(facts) : serviceFindings(facts, { isAsked: true })),
  ];
}

const rights = (changed: Partial<WalletFacts["rights"]>) => ({
  rights: { ...FACTS.rights, ...changed },
});

const TABLE: [Point, State, "treasury" | "service", Partial<WalletFacts>, RegExp][] = [
  [
    "access",
    "ok",
    "treasury",
    {},
    /^LND 0\.19\.2-beta accepts the credential; node 02ababababababab…$/,
  ],
  [
    "access",
    "ok",
    "service",
    { software: "\u001b[31mX\n" },
    /^\\u\{1b\}\[31mX\\u\{a\} accepts the credential/,
  ],
  ["network", "ok", "treasury", {}, /^bc \(mainnet\)$/],
  [
    "network",
    "failing",
    "treasury",
    { network: "bcrt" },
    /^bcrt \(regtest\), but bc \(mainnet\) is expected/,
  ],
  ["network", "failing", "treasury", { network: "tbs" }, /signet/],
  ["sync", "ok", "treasury", {}, /newest block/],
  ["sync", "failing", "service", { synced: false }, /does not know the newest block/],
  ["clock", "ok", "treasury", { clock: NOW + 4 }, /within 5 s/],
  ["clock", "ok", "treasury", { clock: NOW - 5 }, /within 5 s/],
  ["clock", "warning", "treasury", { clock: NOW + 5 }, /^5 s ahead of/],
  ["clock", "warning", "service", { clock: NOW - 60 }, /^59 s behind/],
  ["clock", "failing", "treasury", { clock: NOW - 61 }, /^60 s behind/],
  ["clock", "failing", "service", { clock: NOW + 3600 }, /^3600 s ahead of/],
  [
    "excess",
    "warning",
    "treasury",
    { excess: ["onchain write", "peers write"] },
    /onchain write, peers write/,
  ],
  ["excess", "warning", "service", { excess: ["onchain write"] }, /onchain write/],
  ["pays", "ok", "treasury", {}, /may pay/],
  ["pays", "failing", "treasury", rights({ pay: false }), /may not pay/],
  ["pays", "ok", "service", rights({ pay: false }), /cannot pay/],
  ["pays", "warning", "service", {}, /could spend all the money/],
  ["finds", "ok", "treasury", {}, /look up payments/],
  ["finds", "failing", "treasury", rights({ find: false }), /may not look up payments/],
  ["preimages", "ok", "treasury", {}, /preimage/],
  ["preimages", "warning", "treasury", { preimagesUntried: true }, /after its first payment/],
  ["spendable", "ok", "treasury", { spendableMsat: 1_000_000n }, /^1,000 sat can be spent/],
  [
    "spendable",
    "warning",
    "treasury",
    { spendableMsat: 999_999n },
    /^999\.999 sat can be spent, less than 1,000 sat$/,
  ],
  ["spendable", "failing", "treasury", { spendableMsat: 0n }, /^0 sat/],
  ["invoices", "failing", "service", rights({ invoice: false }), /may not make invoices/],
  ["receivable", "ok", "service", { receivableMsat: 1n }, /^0\.001 sat can be received/],
  ["receivable", "failing", "service", { receivableMsat: 0n }, /^0 sat can be received/],
];

test.each(TABLE)("%s is %s for a %s (%#)", (point, state, role, changed, found) => {
  const finding = told(role, changed).find((one) => one.point === point);
  expect(finding).toMatchObject({ state, found: expect.stringMatching(found) });
  // Whatever is not well says what to do, in a sentence.
  if (finding!.state === "ok") expect(finding).not.toHaveProperty("advice");
  else expect(finding).toMatchObject({ advice: expect.stringMatching(/^[A-Z].{10,}[.]$/) });
});

test("only what a role needs is asked of it", () => {
  const points = (role: "treasury" | "service", changed: Partial<WalletFacts> = {}) =>
    told(role, changed).map(({ point }) => point);
  expect(points("treasury")).not.toContain("receivable");
  expect(points("service", rights({ find: false }))).not.toContain("finds");
  expect(points("service")).not.toContain("spendable");
  // What it does not tell is no fault: but a treasury that sees no balance is told so.
  const silent = (({ software, rights: all, limits }: WalletFacts) => ({
    software,
    rights: all,
    limits,
  }))(FACTS);
  expect(commonFindings(silent, ASKED)).toEqual([]);
  expect(treasuryFindings(silent)).toContainEqual(
    expect.objectContaining({ point: "spendable", state: "warning" }),
  );
});

test("a network that is not said fails; one that nobody expects is told, and play money is called so", () => {
  expect(networkFinding(undefined, undefined)).toMatchObject({ state: "failing" });
  expect(networkFinding("bcrt", undefined)).toMatchObject({
    state: "ok",
    found: "bcrt (regtest): play money",
  });
  expect(networkFinding("tb", "tbs")).toMatchObject({ state: "failing" });
});

test("a secret that a node gives away in its name, or in a right, is not shown", () => {
  const secret = "5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8f";
  const findings = told("treasury", {
    software: `node ${secret}`,
    identity: `\n${secret}`,
    excess: [`lnd+https://node.example?macaroon=${secret}`],
  });
  expect(JSON.stringify(findings)).not.toContain(secret);
});
