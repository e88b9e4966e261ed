/** Alerts: once for each node, window and threshold, and delivered at least once. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credential, Scope } from "l8nt";
import { parseAmount } from "l8nt/invoice";
import type { Store } from "l8nt/ports";
import { Paywall } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import { Denied, denialOf } from "../denied.ts";
import type { Row } from "../observer.ts";
import type { Alert } from "./alert.ts";
import { Alerts } from "./alerts.ts";
import { ATTEMPTS, Delivery } from "./delivery.ts";
import { AlertFeed } from "./feed.ts";
import { FileOutbox, noOutbox, type Outbox } from "./outbox.ts";

const ORIGIN = "https://gateway.example";
const SECRET = "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4";
const NOTHING = { status: 402, code: "budget_exhausted", title: "", detail: "" };
const SPENT = { spent: 1n } as Row;

interface WorldOptions {
  readonly store?: Store;
  readonly time?: { now: number };
  readonly thresholds?: readonly number[];
  readonly outbox?: Outbox;
  /** Whether the endpoint takes what it is sent. */
  readonly takes?: () => boolean;
}

function world({
  store = new MemoryStore({ journal: true }),
  time = { now: 1_900_000_000 },
  thresholds = [50, 80, 100],
  outbox = noOutbox,
  takes = () => true,
}: WorldOptions = {}) {
  const paywall = new Paywall({
    secret: SECRET,
    location: ORIGIN,
    store,
    revocations: { store, freezes: true, maxSilence: "1000d" },
    clock: () => time.now,
    alarm: () => {},
  });
  onTestFinished(() => paywall.close());
  const sent: { readonly id: string; readonly alert: Alert }[] = [];
  const pauses: number[] = [];
  const alarms: string[] = [];
  const delivery = new Delivery({
    webhook: {
      send: async ({ id, body }) => {
        if (!takes()) return "it answered 500";
        sent.push({ id, alert: JSON.parse(body) });
        return undefined;
      },
    },
    outbox,
    alarm: (what) => alarms.push(what),
    pause: async (seconds) => {
      pauses.push(seconds);
    },
  });
  const alerts = new Alerts({
    ...{ thresholds, outbox, delivery },
    ledger: store,
    journal: store,
    paywall: () => paywall,
    feed: new AlertFeed(),
    clock: () => time.now,
    alarm: (what) => alarms.push(what),
  });
  const { minter, verifier } = paywall.authority;
  const route = paywall.route({ metered: true });
  return {
    ...{ store, time, paywall, alerts, alarms, pauses, sent },
    mint: (scope: Scope = { budget: "1 usd" }) =>
      minter.mint({ endpoints: [`* ${ORIGIN}/**`], expiresIn: "100d", ...scope }),
    /** What was said, as `80 scout`. */
    said: async () => {
      await alerts.idle();
      await new Promise((resolve) => setImmediate(resolve));
      return sent.map(({ alert: { data } }) =>
        `${data.threshold} ${data.lineage.join("/")}`.trim(),
      );
    },
    spend: async (key: Credential, usd: string, isLooked = true) => {
      const decision = await route.authorize({
        method: "POST",
        target: "/a",
        authorization: `L402 ${key}`,
        headers: () => new Headers(),
        price: { unit: "usd_micro", value: BigInt(Math.round(Number(usd) * 1e6)) },
      });
      if (!decision.granted) throw new Error("refused");
      await decision.finish(200);
      if (isLooked) alerts.settled(SPENT, verifier.authenticate(key));
    },
    /** A request at this price that the budgets of the key refuse. */
    deny: async (key: Credential, price: string) => {
      const { error } = (await route.authorize({
        method: "POST",
        target: "/a",
        authorization: `L402 ${key}`,
        headers: () => new Headers(),
        price: parseAmount(price)!,
      })) as { readonly error: unknown };
      alerts.denied(undefined, denialOf(error), verifier.authenticate(key));
    },
    look: (key: Credential) => alerts.settled(SPENT, verifier.authenticate(key)),
    ready: () => paywall.ready(),
  };
}

describe("an alert", () => {
  test.each([
    ["0.49", []],
    ["0.5", ["50"]],
    ["0.799999", ["50"]],
    ["0.8", ["50", "80"]],
    ["1", ["50", "80", "100"]],
  ])("is raised at its threshold and not before: %s of 1 usd", async (usd, expected) => {
    const { mint, spend, said, ready } = world();
    await ready();
    await spend(mint(), usd);
    expect(await said()).toEqual(expected);
  });

  test("is raised once, however many requests end above the threshold", async () => {
    const { mint, spend, said, ready } = world();
    await ready();
    const key = mint();
    await spend(key, "0.6");
    for (let at = 0; at < 10; at++) await spend(key, "0.01");
    expect(await said()).toEqual(["50"]);
  });

  test("is of each node of the chain whose own limit has come to it", async () => {
    const { mint, spend, said, ready } = world();
    await ready();
    const root = mint();
    const child = root.delegate({ agent: "scout", budget: "0.2 usd" });
    await spend(child, "0.17");
    expect(await said()).toEqual(["50 scout", "80 scout"]);
    await spend(root, "0.4");
    expect(await said()).toEqual(["50 scout", "80 scout", "50"]);
  });

  test("comes again in the next window, and not within any span of its length", async () => {
    const { mint, spend, said, time, ready } = world();
    await ready();
    const key = mint({ budgetPerHour: "1 usd" });
    await spend(key, "0.6");
    for (let minute = 10; minute < 60; minute += 10) {
      time.now += 600;
      await spend(key, "0.05");
    }
    expect(await said()).toEqual(["50", "80"]);
    time.now += 3700;
    await spend(key, "0.6");
    expect(await said()).toEqual(["50", "80", "50"]);
  });

  test.each<readonly [what: string, scope: Scope, price: string, expected: readonly string[]]>([
    ["its own", { budget: "0.5 usd" }, "0.6 usd", ["100 scout 0 usd"]],
    ["the root's", { budget: "3 usd" }, "2 usd", ["100 0 usd"]],
    ["both", { budget: "0.5 usd" }, "2 usd", ["100 0 usd", "100 scout 0 usd"]],
    ["one in dollars", { budget: ["0.5 usd", "1 sat"] }, "0.6 usd", ["100 scout 0 usd"]],
    ["one in sat", { budget: ["0.5 usd", "1 sat"] }, "2 sat", ["100 scout 0 sat"]],
  ])(
    "of 100 %% alone is raised for each limit that refuses: %s",
    async (_what, scope, price, expected) => {
      const { mint, said, sent, deny, ready } = world();
      await ready();
      const key = mint({ budget: ["1 usd", "5 sat"] }).delegate({ agent: "scout", ...scope });
      await deny(key, price);
      await deny(key, price);
      await said();
      const told = sent.map(({ alert: { data } }) => {
        expect(data.refused).toBe(true);
        return `${data.threshold} ${data.lineage.join("/")} ${data.spent}`.replace("  ", " ");
      });
      expect(told).toEqual(expected);
    },
  );

  test("of a refused request leaves those of 50 and 80 % to be told when they are true", async () => {
    const { mint, spend, said, deny, sent, alarms, ready } = world();
    await ready();
    const key = mint();
    await deny(key, "2 usd");
    expect(await said()).toEqual(["100"]);
    expect(alarms.at(-1)).toContain("refused a request for");
    await spend(key, "0.6");
    await spend(key, "0.3");
    expect(await said()).toEqual(["100", "50", "80"]);
    expect(sent.map(({ alert }) => alert.data.refused)).toEqual([true, undefined, undefined]);
  });

  test("of a refused request is told only if the owner asked for 100 %", async () => {
    const { mint, said, deny, ready } = world({ thresholds: [50, 80] });
    await ready();
    await deny(mint(), "2 usd");
    expect(await said()).toEqual([]);
  });

  test("of agents below one branch there are 60 an hour, and others are told theirs", async () => {
    const { mint, said, deny, alarms, time, ready } = world();
    await ready();
    const root = mint({ budget: "100 usd" });
    const crowd = root.delegate({ agent: "crowd" });
    const child = (at: number) => crowd.delegate({ agent: `c${at}`, budget: "0.000001 usd" });
    for (let at = 0; at < 70; at++) await deny(child(at), "1 usd");
    expect(await said()).toHaveLength(60);
    expect(alarms.filter((text) => text.includes("are left out"))).toHaveLength(1);
    await deny(root.delegate({ agent: "scout", budget: "0.5 usd" }), "1 usd");
    await deny(root, "101 usd");
    expect((await said()).slice(60)).toEqual(["100 scout", "100"]);
    time.now += 3600;
    await deny(child(70), "1 usd");
    expect((await said()).slice(62)).toEqual(["100 crowd/c70"]);
  });

  test("is not raised for what is only reserved", async () => {
    const { mint, look, said, store, paywall, time, ready } = world();
    await ready();
    const key = mint();
    const counted = paywall.authority.verifier.authenticate(key).limits.map((one) => one.counted);
    const amount = { unit: "usd_micro", value: 900_000n } as const;
    await store.reserve({ id: "use.a.b", at: time.now, amount, uses: 1n, counted });
    look(key);
    expect(await said()).toEqual([]);
  });

  test("comes again for a limit that was topped up", async () => {
    const { mint, spend, said, paywall, time, ready } = world({ thresholds: [100] });
    await ready();
    const key = mint();
    await spend(key, "1");
    const { node } = paywall.authority.verifier.authenticate(key);
    await paywall.topUp(node.id, { amount: "1 usd", until: time.now + 60 });
    await spend(key, "0.9");
    expect(await said()).toEqual(["100"]);
    await spend(key, "0.1");
    expect(await said()).toEqual(["100", "100"]);
  });

  test("is in the journal, and shows the owner what was spent", async () => {
    const { mint, spend, said, store, sent, ready } = world({ thresholds: [80] });
    await ready();
    await spend(mint({ budgetPerDay: "2 usd" }), "1.7");
    await said();
    expect(sent[0]!.alert).toEqual({
      type: "budget.threshold",
      timestamp: "2030-03-17T17:46:40.000Z",
      data: {
        threshold: 80,
        node: expect.stringMatching(/^[0-9a-f]{32}$/),
        lineage: [],
        condition: expect.any(String),
        limit: "2 usd",
        spent: "1.7 usd",
        left: "0.3 usd",
        windowSeconds: 86_400,
        resetsAt: "2030-03-18T18:00:00.000Z",
      },
    });
    const notes = (await store.journal(0, 100)).flatMap(({ event }) =>
      event.type === "note" ? [event.text] : [],
    );
    expect(notes).toEqual([
      expect.stringMatching(/^alert msg_[0-9a-f]{32}: the root .* has reached 80 % of /),
    ]);
  });

  test("is raised by one of several gateways on a store", async () => {
    const first = world();
    const others = Array.from({ length: 4 }, () => world({ store: first.store, time: first.time }));
    const all = [first, ...others];
    await Promise.all(all.map(({ ready }) => ready()));
    const key = first.mint();
    await first.spend(key, "0.9", false);
    for (const one of all) one.look(key);
    const said = (await Promise.all(all.map((one) => one.said()))).flat();
    expect(said.sort()).toEqual(["50", "80"]);
  });
});

test("a request that needed no credential is nobody's", async () => {
  const { alerts, said } = world();
  alerts.settled(SPENT, undefined);
  alerts.denied(undefined, new Denied(NOTHING), undefined);
  expect(await said()).toEqual([]);
});

describe("a delivery", () => {
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), "sigil-alerts-"));
    onTestFinished(() => rmSync(path, { recursive: true }));
    return path;
  };

  test("is tried again as the specification says, with one id, until it is taken", async () => {
    let failures = 3;
    const given = world({ thresholds: [50], takes: () => failures-- <= 0 });
    await given.ready();
    await given.spend(given.mint(), "0.5");
    expect(await given.said()).toEqual(["50"]);
    expect(given.pauses).toEqual([0, 5, 300, 1800]);
    expect(given.alarms.filter((text) => text.includes("did not take"))).toHaveLength(1);
  });

  test("is given up after the last attempt, and told", async () => {
    const path = folder();
    const given = world({ thresholds: [50], takes: () => false, outbox: new FileOutbox(path) });
    await given.ready();
    await given.spend(given.mint(), "0.5");
    await given.said();
    expect(given.pauses).toEqual(ATTEMPTS);
    expect(given.alarms.at(-1)).toContain("given up");
    expect(readdirSync(path)).toEqual([]);
  });

  test("that did not come to its end is made by the next process, with the same id", async () => {
    const path = folder();
    const dead = world({ thresholds: [50] });
    await dead.ready();
    // A process that dies after the claim: its delivery never comes back.
    const stuck = new Alerts({
      thresholds: [50],
      ledger: dead.store,
      journal: dead.store,
      paywall: () => dead.paywall,
      outbox: new FileOutbox(path),
      delivery: { send: () => new Promise(() => {}), stop() {} },
      feed: new AlertFeed(),
      clock: () => dead.time.now,
      alarm() {},
    });
    const key = dead.mint();
    await dead.spend(key, "0.5", false);
    stuck.settled(SPENT, dead.paywall.authority.verifier.authenticate(key));
    await stuck.idle();
    const [file] = readdirSync(path);
    const next = world({ store: dead.store, time: dead.time, outbox: new FileOutbox(path) });
    await next.ready();
    await next.alerts.start();
    await next.said();
    expect(next.sent.map(({ id }) => `${id}.json`)).toEqual([file]);
    expect(readdirSync(path)).toEqual([]);
    // And it is not raised again.
    next.look(key);
    expect(await next.said()).toEqual(["50"]);
  });

  test("of a process that died before it claimed is dropped if another one claimed", async () => {
    const path = folder();
    const store = new MemoryStore({ journal: true });
    const before = { ...store, reserve: () => Promise.reject(new Error("killed")) };
    const dead = world({ store, thresholds: [50] });
    await dead.ready();
    const killed = new Alerts({
      thresholds: [50],
      ledger: { usage: store.usage.bind(store), commit: store.commit.bind(store), ...before },
      journal: store,
      paywall: () => dead.paywall,
      outbox: new FileOutbox(path),
      delivery: undefined,
      feed: new AlertFeed(),
      clock: () => dead.time.now,
      alarm() {},
    });
    const key = dead.mint();
    await dead.spend(key, "0.5", false);
    killed.settled(SPENT, dead.paywall.authority.verifier.authenticate(key));
    await killed.idle();
    expect(readdirSync(path)).toHaveLength(1);
    dead.look(key);
    expect(await dead.said()).toEqual(["50"]);
    const next = world({ store, time: dead.time, outbox: new FileOutbox(path) });
    await next.ready();
    await next.alerts.start();
    expect(await next.said()).toEqual([]);
    expect(readdirSync(path)).toEqual([]);
  });

  test("is not held up by a file that a crash cut", async () => {
    const path = folder();
    writeFileSync(join(path, "msg_cut.json"), '{"id":"msg_cu');
    const { alerts } = world({ outbox: new FileOutbox(path) });
    await alerts.start();
    expect(readdirSync(path)).toEqual([]);
  });
});

test("the owner's feed tells each reader what is raised while it listens", async () => {
  const feed = new AlertFeed();
  const reader = feed.response().body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe(": listening\n\n");
  const alert = { type: "budget.threshold", timestamp: "", data: {} } as unknown as Alert;
  feed.tell("msg_1", alert);
  expect((await reader.read()).value).toBe(
    'id: msg_1\nevent: alert\ndata: {"type":"budget.threshold","timestamp":"","data":{}}\n\n',
  );
  feed.close();
  expect((await reader.read()).done).toBe(true);
});
