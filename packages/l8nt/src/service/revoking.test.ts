/**
 * What is revoked at one paywall holds at its other instances and after a restart; without news of
 * it nobody is let in and nothing is sold. [case 111]
 */
import { expect, onTestFinished, test } from "vitest";
import { CallingLog, NOW, signer } from "../feed/fixtures/world.ts";
import { REVOCATIONS_PATH } from "../feed/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type PaywallOptions } from "./index.ts";

const ORIGIN = "https://api.example";
const FEED_URL = ORIGIN + REVOCATIONS_PATH;

function open(options: Partial<PaywallOptions>): Paywall {
  const paywall = new Paywall({
    secret: "f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4",
    location: ORIGIN,
    invoicer: new FakeInvoicer(() => NOW),
    price: "1 sat",
    clock: () => NOW,
    alarm: () => {},
    ...options,
  });
  onTestFinished(() => paywall.close());
  return paywall;
}

const statusOf = async (paywall: Paywall, credential?: { toString(): string }) => {
  const headers: Record<string, string> =
    credential === undefined ? {} : { authorization: `L402 ${credential}` };
  const decision = await paywall.authorize(new Request(`${ORIGIN}/a`, { headers }));
  return decision.granted ? 200 : decision.response.status;
};

const family = (paywall: Paywall) => {
  const parent = paywall.authority.minter.mint({
    endpoints: [`GET ${ORIGIN}/**`],
    expiresIn: "1h",
  });
  return { parent, child: parent.delegate({ agent: "scout" }) };
};

function askToRevoke(paywall: Paywall, { parent, child }: ReturnType<typeof family>) {
  const { condition, value } = child.caveats.at(-1)!;
  return paywall.wellKnown(
    new Request(FEED_URL, {
      method: "POST",
      headers: { authorization: `L402 ${parent}` },
      body: JSON.stringify({ caveats: [`${condition}=${value}`] }),
    }),
  );
}

test("a revocation is in the log before its answer, and holds in an instance that starts after it", async () => {
  const store = new CallingLog();
  const first = open({ revocations: { store } });
  await first.ready();
  const who = family(first);
  expect(await statusOf(first, who.child)).toBe(200);
  const response = (await askToRevoke(first, who))!;
  expect(response.status).toBe(200);
  expect(await store.directives(0)).toMatchObject([
    { kind: "revoke", nodeId: (await response.json()).node, endsAt: NOW + 3600, at: NOW },
  ]);
  expect([await statusOf(first, who.child), await statusOf(first, who.parent)]).toEqual([402, 200]);
  const second = open({ revocations: { store } });
  await second.ready();
  expect([await statusOf(second, who.child), await statusOf(second, who.parent)]).toEqual([
    402, 200,
  ]);
});

test("a child that floods its paywall with revocations can be revoked, there, after a restart and by the feed", async () => {
  const store = new CallingLog();
  const first = open({ revocations: { store, key: signer } });
  await first.ready();
  const { parent, child } = family(first);
  const sibling = parent.delegate({ agent: "sibling" });
  const below = (ancestor: typeof parent, other: typeof parent) => other.caveatsBelow(ancestor)!;
  const ask = async (by: typeof parent, caveats: readonly string[], paywall = first) => {
    const response = (await paywall.wellKnown(
      new Request(FEED_URL, {
        method: "POST",
        headers: { authorization: `L402 ${by}` },
        body: JSON.stringify({ caveats }),
      }),
    ))!;
    return [response.status, (await response.json()).code];
  };
  const grandchild = (at: number) => [`agent=a.${at.toString(16).padStart(8, "0")}`];
  for (let at = 0; at < 1000; at++) await ask(child, grandchild(at));
  expect(await ask(child, grandchild(1000))).toEqual([429, "ERR_RATE_LIMITED"]);
  // Its limit outlives a restart, and its siblings and its parent have their own.
  const second = open({ revocations: { store, key: signer } });
  await second.ready();
  expect(await ask(child, grandchild(1000), second)).toEqual([429, "ERR_RATE_LIMITED"]);
  expect(await ask(sibling, grandchild(0), second)).toEqual([200, undefined]);
  expect(await ask(parent, below(parent, child), second)).toEqual([200, undefined]);
  expect(second.authority.revocations.size).toBe(2);
  // The log keeps every revocation, the memory of its reader keeps what matters.
  expect(await store.directives(0)).toHaveLength(1002);
  const third = open({ revocations: { store, key: signer } });
  const follower = open({
    revocations: {
      url: FEED_URL,
      publicKey: signer.publicKey,
      fetch: async (input, init) => (await third.wellKnown(new Request(input, init)))!,
    },
  });
  for (const paywall of [third, follower]) {
    await paywall.ready();
    expect(paywall.authority.revocations.size).toBe(2);
    expect([
      await statusOf(paywall, child),
      await statusOf(paywall, child.append(grandchild(5))),
    ]).toEqual([402, 402]);
    expect([await statusOf(paywall, parent), await statusOf(paywall, sibling)]).toEqual([200, 200]);
  }
});

test("an instance starts from a log whose entry has more nodes above than a credential can have", async () => {
  const store = new CallingLog();
  const who = family(open({}));
  const nodeId = open({}).authority.verifier.authenticate(who.child).node.id;
  const above = Array.from({ length: 3300 }, (_, at) => at.toString(16).padStart(32, "0"));
  await store.addDirective({ kind: "revoke", nodeId, above, by: above[0]!, at: NOW });
  const paywall = open({ revocations: { store } });
  await paywall.ready();
  expect([await statusOf(paywall, who.child), await statusOf(paywall, who.parent)]).toEqual([
    402, 200,
  ]);
  const sibling = who.parent.delegate({ agent: "sibling" });
  expect((await askToRevoke(paywall, { parent: who.parent, child: sibling }))!.status).toBe(200);
  expect(await statusOf(paywall, sibling)).toBe(402);
});

test("what the owner revokes is written down, too", async () => {
  const store = new CallingLog();
  const first = open({ revocations: { store } });
  const { parent, child } = family(first);
  await first.revoke(first.authority.verifier.authenticate(parent).node.id);
  const second = open({ revocations: { store } });
  await second.ready();
  expect(await statusOf(second, child)).toBe(402);
  await expect(first.revoke("root")).rejects.toThrow(TypeError);
});

test("if the log fails, the revocation is in force at this instance and its caller is told", async () => {
  const store = new CallingLog();
  const paywall = open({ revocations: { store } });
  await paywall.ready();
  const who = family(paywall);
  store.addDirective = async () => {
    throw new Error("the disk is full");
  };
  const response = (await askToRevoke(paywall, who))!;
  expect([response.status, (await response.json()).code]).toEqual([503, "ERR_STORE"]);
  expect(await statusOf(paywall, who.child)).toBe(402);
});

test("the feed that one serves is one that another follows", async () => {
  const store = new CallingLog();
  const publisher = open({ revocations: { store, key: signer } });
  await publisher.ready();
  const who = family(publisher);
  await askToRevoke(publisher, who);
  const follower = open({
    revocations: {
      url: FEED_URL,
      publicKey: signer.publicKey,
      fetch: async (input, init) => (await publisher.wellKnown(new Request(input, init)))!,
    },
  });
  await follower.ready();
  expect([await statusOf(follower, who.child), await statusOf(follower, who.parent)]).toEqual([
    402, 200,
  ]);
});

test("without news nobody is let in, nothing is sold, nothing is revoked; what is free stays free", async () => {
  const invoicer = new FakeInvoicer(() => NOW);
  let now = NOW;
  const store = new CallingLog();
  const paywall = open({
    invoicer,
    clock: () => now,
    revocations: { store, maxSilence: "5s" },
  });
  await paywall.ready();
  const who = family(paywall);
  store.fault = new Error("the store is gone");
  now = NOW + 6;
  for (const credential of [who.parent, undefined]) {
    const headers: Record<string, string> =
      credential === undefined ? {} : { authorization: `L402 ${credential}` };
    const decision = await paywall.authorize(new Request(`${ORIGIN}/a`, { headers }));
    if (decision.granted) expect.unreachable();
    const { status, headers: fields } = decision.response;
    expect([
      status,
      decision.error?.code,
      fields.get("retry-after"),
      fields.get("www-authenticate"),
    ]).toEqual([503, "ERR_REVOCATION_UNKNOWN", "1", null]);
  }
  const asked = (await askToRevoke(paywall, who))!;
  expect([asked.status, asked.headers.get("retry-after")]).toEqual([503, "1"]);
  const free = paywall.route({ price: () => "0 sat" });
  const decision = await free.authorize({
    method: "GET",
    target: "/a",
    authorization: undefined,
    headers: () => new Headers(),
  });
  expect(decision.granted).toBe(true);
});

test("without the option it is as it was: in memory, no feed, and no silence", async () => {
  const paywall = open({});
  await paywall.ready();
  const who = family(paywall);
  expect((await askToRevoke(paywall, who))?.status).toBe(200);
  expect(await statusOf(paywall, who.child)).toBe(402);
  expect(await paywall.wellKnown(new Request(FEED_URL))).toBeUndefined();
});

test("options that could not work fail at the start", () => {
  const store = new CallingLog();
  for (const revocations of [
    { store, maxSilence: 5 },
    { store, maxSilence: "0s" },
    { url: FEED_URL, publicKey: "short" },
    { url: "feed", publicKey: signer.publicKey },
    { url: FEED_URL, publicKey: signer.publicKey, store: undefined },
  ])
    expect(() => open({ revocations: revocations as never }), JSON.stringify(revocations)).toThrow(
      TypeError,
    );
});
