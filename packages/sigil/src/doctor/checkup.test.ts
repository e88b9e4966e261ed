/**
 * A checkup of what no network here can be: nodes that are locked, gone or wrong, and wallets of
 * somebody else's making.
 */
import { AdapterError } from "l8nt";
import { describe, expect, test } from "vitest";
import { checkup } from "./checkup.ts";
import type { Role } from "./facts.ts";
import { faultOf } from "./fault.ts";
import type { Finding } from "./finding.ts";
import { FACTS, NOW, type StandIn, standIn } from "./fixtures/stand-in.ts";

const checked = (wallet: StandIn, role?: Role) =>
  checkup(standIn(wallet), { role, now: () => NOW });
const states = (findings: readonly Finding[]) =>
  findings.map(({ point, state }) => `${point} ${state}`);
const of = (findings: readonly Finding[], point: string) =>
  findings.find((one) => one.point === point);
const coded = (code: string) =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
const walletError = (message: string, cause?: unknown) =>
  new AdapterError("ERR_WALLET", message, { cause });

test("a node that is all well", async () => {
  expect(states(await checked({ facts: {} }, "treasury"))).toEqual(
    [
      ...["reach", "access", "network", "sync", "clock"],
      ...["pays", "finds", "spendable", "preimages", "lists"],
    ].map((point) => `${point} ok`),
  );
  const rights = { pay: false, find: false, invoice: true };
  expect(
    states(await checked({ facts: { rights, limits: ["It cannot fly."] } }, "service")),
  ).toEqual(
    ["reach", "access", "network", "sync", "clock", "pays", "receivable", "invoices", "note"].map(
      (point) => `${point} ok`,
    ),
  );
});

describe("how far one got that gives no facts", () => {
  test.each([
    ["ECONNREFUSED", "unreached"],
    ["ENOTFOUND", "unreached"],
    ["EAI_AGAIN", "unreached"],
    ["UND_ERR_CONNECT_TIMEOUT", "unreached"],
    ["ECONNRESET", "unreached"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls"],
  ])("%s: %s", async (code, fault) => {
    const error = walletError("The wallet cannot be used: it is so.", coded(code));
    expect(faultOf(error)).toBe(fault);
    const findings = await checked({ fault: error }, "treasury");
    expect(findings).toEqual([
      expect.objectContaining({ point: "reach", state: "failing", found: error.message }),
    ]);
    const advice = fault === "tls" ? /cert=FILE/ : /^Start the wallet's node/;
    expect(of(findings, "reach")).toMatchObject({ advice: expect.stringMatching(advice) });
  });

  test.each(["TimeoutError", "NetworkError"])("%s, by the web's name, is no answer", (name) => {
    expect(faultOf(walletError("…", new DOMException("no way there", name)))).toBe("unreached");
  });

  test.each([
    [
      "locked",
      walletError("The wallet cannot be used: lnd is locked: unlock it with `lncli unlock`."),
    ],
    ["nonsense", walletError("The wallet cannot be used: it gave …", new SyntaxError("no JSON"))],
    [
      "a file of the URL that is gone",
      walletError("…", Object.assign(new Error("x"), { code: "ENOENT" })),
    ],
  ])("%s is an answer", async (_, error) => {
    expect(faultOf(error)).toBe("refused");
    const findings = await checked({ fault: error });
    expect(states(findings)).toEqual(["reach ok", "access failing"]);
    expect(of(findings, "access")).toMatchObject({ found: error.message });
  });
});

describe("the trials", () => {
  test.each([
    [{ status: "never-sent", reason: "" }, "ok"],
    [{ status: "failed", reason: "no route" }, "ok"],
    [{ status: "unknown", reason: "HTTP 500" }, "warning"],
    [{ status: "unknown", reason: "on its way", askAgainInSeconds: 60 }, "ok"],
    [{ status: "paid", preimage: "ab".repeat(32), feeMsat: 0n }, "failing"],
  ] as const)("a payment that nobody made is, as it says, %o: %s", async (found, state) => {
    const findings = await checked({ facts: {}, found }, "treasury");
    expect(of(findings, "finds")).toMatchObject({ state });
    expect(JSON.stringify(findings)).not.toContain("ab".repeat(32));
  });

  test.each([
    ["has no list", null, "cannot list its payments"],
    ["fails to list them", walletError("not allowed"), "not allowed"],
  ])("a wallet that %s of payments is fit, with a warning", async (_, list, why) => {
    const findings = await checked({ facts: {}, list }, "treasury");
    expect(of(findings, "lists")).toMatchObject({
      state: "warning",
      found: expect.stringContaining(why),
      advice: expect.stringContaining("until its owner confirms the books"),
    });
    expect(states(findings).some((one) => one.endsWith("failing"))).toBe(false);
  });

  test.each([
    [{}, "ok"],
    [{ amountMsat: 2_000n }, "failing"],
    [{ expirySeconds: 3600 }, "failing"],
  ] as const)("an invoice that it made, read back (%#): %s", async (invoices, state) => {
    expect(of(await checked({ facts: {}, invoices }, "service"), "invoices")).toMatchObject({
      state,
    });
  });

  test("an invoice of another network than the node says fails, and one tells what the node does not", async () => {
    const lie = await checked(
      { facts: { network: "bc" }, invoices: { network: "bcrt" } },
      "service",
    );
    expect(of(lie, "network")).toMatchObject({ state: "failing" });
    const { network: _, clock: __, ...silent } = FACTS;
    const wallet = {
      ...standIn({ facts: {}, invoices: { network: "tb" }, clock: NOW + 90 }),
      examine: async () => silent,
    };
    const findings = await checkup(wallet, { role: "service", now: () => NOW });
    expect(of(findings, "network")).toMatchObject({
      state: "ok",
      found: expect.stringContaining("testnet"),
    });
    expect(of(findings, "clock")).toMatchObject({
      state: "failing",
      found: expect.stringContaining("90 s"),
    });
    expect(
      of(await checkup(wallet, { role: "treasury", now: () => NOW }), "network"),
    ).toMatchObject({
      state: "failing",
    });
  });

  test("nothing is tried that the credential may not do, nor for a role that was not asked for", async () => {
    const tried: string[] = [];
    const watched = (facts: StandIn["facts"] = {}) => {
      const wallet = standIn({ facts });
      return {
        ...wallet,
        find: (hash: string) => wallet.find(hash).finally(() => tried.push("find")),
        createInvoice: (request: Parameters<typeof wallet.createInvoice>[0]) =>
          wallet.createInvoice(request).finally(() => tried.push("invoice")),
      };
    };
    await checkup(watched({ rights: { pay: false, find: false, invoice: false } }), {
      now: () => NOW,
    });
    expect(tried.splice(0)).toEqual([]);
    await checkup(watched(), { role: "treasury", now: () => NOW });
    expect(tried.splice(0)).toEqual(["find"]);
    await checkup(watched(), { role: "service", now: () => NOW });
    expect(tried.splice(0)).toEqual(["invoice"]);
    await checkup(watched(), { now: () => NOW });
    expect(tried).toEqual(["find", "invoice"]);
  });
});

describe("where nobody says what it is for", () => {
  const rights = (pay: boolean, find: boolean, invoice: boolean) => ({
    facts: { rights: { pay, find, invoice } },
  });
  test.each([
    [rights(true, true, true), "ok", /for a treasury; for a service too, but/],
    [rights(true, true, false), "ok", /^for a treasury$/],
    [rights(false, false, true), "ok", /^for a service: it cannot pay$/],
    [rights(true, false, true), "ok", /^for a service, but it may pay/],
    [rights(true, false, false), "failing", /^neither/],
    [rights(false, true, false), "failing", /^neither/],
    [{ facts: { synced: false } }, "failing", /^neither/],
    [{ facts: { receivableMsat: 0n } }, "ok", /^for a treasury$/],
    [{ facts: { spendableMsat: 0n } }, "ok", /^for a service, but it may pay/],
    [{ facts: { spendableMsat: 0n, receivableMsat: 0n } }, "failing", /^neither/],
  ] as const)("%#: %o", async (wallet, state, fit) => {
    const findings = await checked(wallet);
    expect(of(findings, "fit")).toMatchObject({ state, found: expect.stringMatching(fit) });
    expect(findings.some((one) => one.state === "failing")).toBe(state === "failing");
  });
});

test("one that may do nothing is told what it lacks for either use", async () => {
  const rights = { pay: false, find: false, invoice: false };
  expect(states(await checked({ facts: { rights } }))).toEqual(
    expect.arrayContaining(["pays failing", "finds failing", "invoices failing", "fit failing"]),
  );
});

test("a wallet of somebody else's making gets what the port tells", async () => {
  expect(states(await checked({}))).toEqual([
    "reach ok",
    "access warning",
    "network ok",
    "clock ok",
    "finds ok",
    "lists ok",
    "invoices ok",
  ]);
  const gone = {
    ...standIn({}),
    network: () =>
      Promise.reject(walletError("The wallet cannot be used: gone.", coded("ECONNREFUSED"))),
  };
  expect(states(await checkup(gone, { role: "treasury", now: () => NOW }))).toEqual([
    "reach failing",
  ]);
});
