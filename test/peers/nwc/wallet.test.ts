/**
 * The NWC wallet through a real relay to a wallet service of another library: the laws, and the
 * protocol's own traps.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Invoice } from "../../../packages/l8nt/src/invoice/index.ts";
import { openWallet } from "../../../packages/l8nt/src/open-wallet.ts";
import type { PaymentRequest, Wallet } from "../../../packages/l8nt/src/ports/wallet.ts";
import { DevNetwork, walletContract } from "../../../packages/l8nt/src/testing/index.ts";
import { devWallet } from "../../../packages/l8nt/src/wallets/dev.ts";
import { nwcWallet } from "../../../packages/l8nt/src/wallets/nwc.ts";
import { TestRelay, type Verdict } from "./support/nostr-relay.ts";
import { METHODS, type ServiceOptions, TestWalletService } from "./support/nwc-wallet-service.ts";

interface World {
  readonly dev: DevNetwork;
  readonly relay: TestRelay;
  readonly service: TestWalletService;
  readonly payer: Wallet;
  readonly invoicer: Wallet;
  readonly balanceMsat: () => bigint;
  readonly time: { now: number };
  stop(): Promise<void>;
}

async function start(options: Partial<ServiceOptions> = {}): Promise<World> {
  const time = { now: Date.now() / 1000 };
  const dev = await DevNetwork.start({ clock: () => time.now });
  const agent = dev.account("agent", { balanceMsat: 10_000_000n });
  const shop = dev.account("shop", { balanceMsat: 0n });
  const relay = await TestRelay.start();
  const relays = [relay];
  const { balanceMsat } = agent;
  const service = new TestWalletService({
    wallet: devWallet(agent.url),
    balanceMsat,
    relays,
    ...options,
  });
  const till = new TestWalletService({
    wallet: devWallet(shop.url),
    balanceMsat: shop.balanceMsat,
    relays,
  });
  await Promise.all([service.start(), till.start()]);
  return {
    ...{ dev, relay, service, time, balanceMsat },
    payer: nwcWallet(service.url),
    invoicer: nwcWallet(till.url),
    async stop() {
      service.stop();
      till.stop();
      await relay.down();
      await dev.stop();
    },
  };
}

walletContract(test, {
  name: "the NWC wallet",
  setup: async () => {
    const world = await start();
    // Nobody waits half a minute for a reply that was lost.
    const pay = (request: PaymentRequest) =>
      world.payer.pay({ ...request, timeoutSeconds: Math.min(request.timeoutSeconds, 3) });
    const secrets = [...world.service.secrets, "nostr+walletconnect"];
    return {
      ...world,
      payer: { ...world.payer, pay },
      network: "bcrt" as const,
      secrets,
      teardown: world.stop,
    };
  },
  powers: {
    balanceMsat: async ({ balanceMsat }) => balanceMsat(),
    expireInvoices: async ({ time }) => {
      time.now += 601;
    },
    loseReply: async ({ service }) => {
      service.mutePayments = 1;
    },
    stick: async ({ dev }) => {
      dev.fault({ kind: "stuck" });
      return { arrive: async (paymentHash) => dev.settle(paymentHash) };
    },
    unplug: async ({ relay, service }) => {
      await relay.down();
      return async () => {
        await relay.up();
        service.stop();
        await service.start();
      };
    },
  },
});

const now = () => Math.floor(Date.now() / 1000);

async function order(
  { invoicer }: World,
  more: Partial<PaymentRequest> = {},
): Promise<PaymentRequest> {
  const amountMsat = 50_000n;
  const invoice = await invoicer.createInvoice({ amountMsat, expirySeconds: 600 });
  const { paymentHash } = Invoice.decode(invoice);
  return { invoice, paymentHash, amountMsat, maxFeeMsat: 1_000n, timeoutSeconds: 30, ...more };
}

/** A law on a world of its own. */
const law = (
  name: string,
  body: (world: World) => Promise<void>,
  options: Partial<ServiceOptions> = {},
) =>
  test(name, async () => {
    const world = await start(options);
    await body(world).finally(() => world.stop());
  });

const isPayment = ({ service }: World, event: { kind: number; pubkey: string }) =>
  event.kind === 23194 && event.pubkey === service.clientPubkey;

/** From now on, what the payer sends meets this at the relay. */
function meets(
  world: World,
  verdict: Verdict,
  act: (event: { id: string }) => void = () => {},
): void {
  world.relay.judge = (event) => {
    if (!isPayment(world, event)) return undefined;
    act(event);
    return verdict;
  };
}

const asked = ({ service }: World, method: string) =>
  service.asked.filter((one) => one.method === method).length;

describe("what the service answers instead of a preimage", () => {
  const REFUSED = [
    ["INSUFFICIENT_BALANCE", /too little/],
    ["QUOTA_EXCEEDED", /budget is used up/],
    ["RESTRICTED", /permission/],
    ["UNAUTHORIZED", /new connection/],
    ["RATE_LIMITED", /too often/],
    ["NOT_IMPLEMENTED", /does not offer/],
    ["UNSUPPORTED_ENCRYPTION", /encryption/],
  ] as const;
  for (const [code, reason] of REFUSED)
    law(`${code} is a definite refusal, and the same invoice may be paid later`, async (world) => {
      const request = await order(world);
      world.service.handlers.pay_invoice = async () => ({
        error: { code, message: request.invoice },
      });
      const outcome = await world.payer.pay(request);
      expect(outcome).toMatchObject({ status: "failed", reason: expect.stringMatching(reason) });
      expect(JSON.stringify(outcome)).not.toContain(request.invoice);
      expect(asked(world, "lookup_invoice")).toBe(0);
      delete world.service.handlers.pay_invoice;
      expect(await world.payer.pay(request)).toMatchObject({ status: "paid" });
    });

  const LOOKED_UP: [string, object | undefined, string][] = [
    ["a payment on record as failed", { state: "failed" }, "failed"],
    ["one that is pending", { state: "pending" }, "unknown"],
    ["one that is accepted", { state: "accepted" }, "unknown"],
    // A state of invoices: the payment of one may be in flight.
    ["one that has expired", { state: "expired" }, "unknown"],
    [
      "one that was paid after all",
      { state: "settled", preimage: "ab".repeat(32), fees_paid: 7 },
      "paid",
    ],
    ["nothing", undefined, "unknown"],
  ];
  for (const code of ["PAYMENT_FAILED", "INTERNAL", "OTHER", "BAD_REQUEST"])
    for (const [what, transaction, status] of LOOKED_UP)
      law(`${code}, where the look-up finds ${what}, is ${status}`, async (world) => {
        const request = await order(world);
        const { paymentHash } = request;
        world.service.handlers.pay_invoice = async () => ({
          error: { code, message: "timed out" },
        });
        world.service.handlers.lookup_invoice = async () =>
          transaction === undefined
            ? { error: { code: "NOT_FOUND", message: "" } }
            : { result: { type: "outgoing", payment_hash: paymentHash, ...transaction } };
        expect(await world.payer.pay(request)).toMatchObject({ status });
        expect(asked(world, "lookup_invoice")).toBe(1);
      });

  law("what is on record as failed is not tried anew, only looked up", async (world) => {
    const request = await order(world);
    world.dev.fault({ kind: "fails" });
    expect(await world.payer.pay(request)).toMatchObject({ status: "failed" });
    expect(await world.payer.pay(request)).toMatchObject({ status: "failed" });
    expect(asked(world, "pay_invoice")).toBe(1);
  });

  law(
    "nor after a restart: what is on record would not tell the two tries apart [case 56]",
    async (world) => {
      const request = await order(world);
      world.dev.fault({ kind: "fails" });
      expect(await world.payer.pay(request)).toMatchObject({ status: "failed" });
      const restarted = nwcWallet(world.service.url);
      expect(await restarted.pay({ ...request, again: true })).toMatchObject({ status: "failed" });
      expect(asked(world, "pay_invoice")).toBe(1);
    },
  );

  law("what was refused before a restart is not on record, and is paid after it", async (world) => {
    const request = await order(world);
    world.service.handlers.pay_invoice = async () => ({
      error: { code: "QUOTA_EXCEEDED", message: "" },
    });
    expect(await world.payer.pay(request)).toMatchObject({ status: "failed" });
    delete world.service.handlers.pay_invoice;
    const restarted = nwcWallet(world.service.url);
    world.service.handlers.lookup_invoice = async () => ({
      error: { code: "INTERNAL", message: "" },
    });
    expect(await restarted.pay({ ...request, again: true })).toMatchObject({
      status: "never-sent",
    });
    delete world.service.handlers.lookup_invoice;
    expect(await restarted.pay({ ...request, again: true })).toMatchObject({ status: "paid" });
    expect(asked(world, "pay_invoice")).toBe(2);
  });

  law("where the look-up fails as well, it is unknown", async (world) => {
    const request = await order(world);
    for (const method of ["pay_invoice", "lookup_invoice"])
      world.service.handlers[method] = async () => ({ error: { code: "INTERNAL", message: "" } });
    expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
  });

  const STRANGE: [string, unknown][] = [
    ["no preimage", { fees_paid: 1 }],
    ["a preimage of 63 digits", { preimage: "a".repeat(63), fees_paid: 1 }],
    ["null", null],
    ["text", "paid"],
  ];
  for (const [what, result] of STRANGE)
    law(`a success with ${what} is not believed, and the look-up decides`, async (world) => {
      const request = await order(world);
      world.service.handlers.pay_invoice = async () => ({ result });
      expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
    });

  law("a fee that it leaves out is looked up", async (world) => {
    const request = await order(world);
    const { preimage } = { preimage: "cd".repeat(32) };
    world.service.handlers.pay_invoice = async () => ({ result: { preimage } });
    world.service.handlers.lookup_invoice = async () => ({
      result: { type: "outgoing", state: "settled", preimage, fees_paid: 12 },
    });
    expect(await world.payer.pay(request)).toEqual({ status: "paid", preimage, feeMsat: 12n });
  });
});

describe("what a look-up finds", () => {
  const preimage = "ef".repeat(32);
  const hash = "12".repeat(32);
  const CASES: [string, object, string][] = [
    [
      "a payment from before there were states",
      { type: "outgoing", preimage, settled_at: 1_700_000_000 },
      "paid",
    ],
    ["one from then that is not settled", { type: "outgoing", preimage: "" }, "unknown"],
    [
      "one that is settled without a preimage",
      { type: "outgoing", state: "settled", preimage: "" },
      "unknown",
    ],
    // The preimage of an own invoice is known to the one that made it, paid or not. [case 74]
    [
      "an invoice of its own",
      { type: "incoming", state: "settled", preimage, settled_at: 1 },
      "unknown",
    ],
    ["a failed invoice of its own", { type: "incoming", state: "failed" }, "unknown"],
    ["something without a type", { state: "settled", preimage, settled_at: 1 }, "unknown"],
    [
      "another payment",
      { type: "outgoing", state: "failed", payment_hash: "34".repeat(32) },
      "unknown",
    ],
    [
      "a state that nobody knows",
      { type: "outgoing", state: "SETTLED", preimage, settled_at: 1 },
      "unknown",
    ],
  ];
  for (const [what, result, status] of CASES)
    law(`${what}: ${status}`, async (world) => {
      world.service.handlers.lookup_invoice = async () => ({ result });
      expect(await world.payer.find(hash)).toMatchObject({ status });
    });

  law("nothing is no proof that nothing was sent [case 59]", async ({ payer, service }) => {
    service.handlers.lookup_invoice = async () => ({ error: { code: "NOT_FOUND", message: "" } });
    expect(await payer.find(hash)).toMatchObject({ status: "unknown" });
  });
});

describe("how a request is encrypted", () => {
  const requests = (world: World) =>
    world.relay.published.filter((event) => isPayment(world, event));
  const pays = async (world: World) => {
    expect(await world.payer.pay(await order(world))).toMatchObject({ status: "paid" });
    expect(await world.invoicer.createInvoice({ amountMsat: 1_000n, expirySeconds: 60 })).toMatch(
      /^lnbcrt/,
    );
  };

  law("NIP-44 where the service announces both", async (world) => {
    await pays(world);
    for (const { content, tags } of requests(world)) {
      expect(content).not.toContain("?iv=");
      expect(tags).toContainEqual(["encryption", "nip44_v2"]);
    }
  });

  for (const [what, encryption] of [
    ["announces it alone", "nip04"],
    ["announces nothing, as services did before the tag", undefined],
  ] as const)
    law(
      `NIP-04 where it ${what}`,
      async (world) => {
        await pays(world);
        expect(requests(world).length).toBeGreaterThan(1);
        for (const { content } of requests(world)) expect(content).toContain("?iv=");
      },
      { encryption },
    );

  law(
    "nothing is sent to a service that speaks something else",
    async (world) => {
      const request = await order(world);
      expect(await world.payer.pay(request)).toMatchObject({
        status: "never-sent",
        reason: expect.stringContaining("NIP-44"),
      });
      expect(requests(world)).toEqual([]);
    },
    { encryption: "nip99_v9" },
  );
});

describe("a reply counts only from the service, and only for what was asked", () => {
  const preimage = "99".repeat(32);

  /** The payer's request is dropped, and this comes instead; then what became of the payment. */
  async function instead(world: World, forge: (id: string) => object | undefined): Promise<string> {
    const request = await order(world, { timeoutSeconds: 1 });
    // Everything before the payment itself has been asked.
    await world.payer.network();
    let forged = 0;
    meets(world, "drop", ({ id }) => {
      const event = forge(id);
      if (event !== undefined) world.relay.force(event);
      forged++;
    });
    const { status } = await world.payer.pay(request);
    expect(forged).toBe(1);
    return status;
  }

  /**
   * What the service itself would say, in NIP-04, for which the sdk's key pair is all one needs.
   */
  const content = ({ service }: World) =>
    service.encrypted(
      JSON.stringify({ result_type: "pay_invoice", result: { preimage, fees_paid: 0 } }),
    );

  law("as it should be, it counts: the forgery below is otherwise whole", async (world) => {
    const { service } = world;
    const forge = (id: string) =>
      service.sign(23195, content(world), [
        ["e", id],
        ["p", service.clientPubkey],
      ]);
    expect(await instead(world, forge)).toBe("paid");
  });

  law("not by another author", async (world) => {
    const { service } = world;
    const other = "07".repeat(32);
    const forge = (id: string) =>
      service.sign(
        23195,
        content(world),
        [
          ["e", id],
          ["p", service.clientPubkey],
        ],
        other,
      );
    expect(await instead(world, forge)).toBe("unknown");
  });

  law("not with a signature that is not its author's", async (world) => {
    const { service } = world;
    const forge = (id: string) => {
      const event = service.sign(
        23195,
        content(world),
        [
          ["e", id],
          ["p", service.clientPubkey],
        ],
        "07".repeat(32),
      );
      return { ...event, pubkey: service.pubkey };
    };
    expect(await instead(world, forge)).toBe("unknown");
  });

  law("not to another event", async (world) => {
    const { service } = world;
    const forge = () =>
      service.sign(23195, content(world), [
        ["e", "aa".repeat(32)],
        ["p", service.clientPubkey],
      ]);
    expect(await instead(world, forge)).toBe("unknown");
  });

  law("not what answers another method", async (world) => {
    const { service } = world;
    const text = JSON.stringify({ result_type: "get_balance", result: { preimage, fees_paid: 0 } });
    const forge = (id: string) =>
      service.sign(23195, service.encrypted(text), [
        ["e", id],
        ["p", service.clientPubkey],
      ]);
    expect(await instead(world, forge)).toBe("unknown");
  });

  law("not of another kind, and not to nobody", async (world) => {
    const { service } = world;
    const forge = (id: string) =>
      service.sign(23196, content(world), [
        ["e", id],
        ["p", service.clientPubkey],
      ]);
    expect(await instead(world, forge)).toBe("unknown");
    expect(await instead(world, () => service.sign(23195, content(world), []))).toBe("unknown");
  });

  law("not the reply to an earlier payment, played again", async (world) => {
    expect(await world.payer.pay(await order(world))).toMatchObject({ status: "paid" });
    const replies = world.relay.published.filter(
      ({ kind, pubkey }) => kind === 23195 && pubkey === world.service.pubkey,
    );
    expect(await instead(world, () => replies.at(-1))).toBe("unknown");
  });

  law("one that cannot be read is an answer, and unknown at once", async (world) => {
    const { service } = world;
    const forge = (id: string) =>
      service.sign(23195, "AAAA", [
        ["e", id],
        ["p", service.clientPubkey],
      ]);
    expect(await instead(world, forge)).toBe("unknown");
  });

  law("a relay that talks nonsense changes nothing, and is not quoted", async (world) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const debug = vi.spyOn(console, "debug").mockImplementation(() => {});
    const request = await order(world);
    await world.payer.network();
    world.relay.say('["NOTICE","buy my relay"]');
    for (const text of ["", "{", "null", "[]", '["EVENT"]', '["OK",1]', '["CLOSED","x"]'])
      world.relay.say(text);
    expect(await world.payer.pay(request)).toMatchObject({ status: "paid" });
    expect(debug.mock.calls.flat().join()).not.toContain("buy my relay");
    for (const secret of world.service.secrets)
      expect(inspect(warn.mock.calls, { depth: 9 })).not.toContain(secret);
    vi.restoreAllMocks();
  });
});

describe("how far a payment got [case 75]", () => {
  law("a relay that drops it: unknown at the time-out, and it is not sent again", async (world) => {
    const request = await order(world, { timeoutSeconds: 1 });
    await world.payer.network();
    meets(world, "drop");
    const before = world.relay.published.length;
    expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
    expect(world.relay.published.length).toBe(before + 1);
    world.relay.judge = () => undefined;
    expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
    expect(asked(world, "pay_invoice")).toBe(0);
    expect(world.dev.payments()).toEqual([]);
  });

  law(
    "a relay that says OK false: unknown, at once, because it may have passed it on before",
    async (world) => {
      const [dropped, passed] = [await order(world), await order(world)];
      await world.payer.network();
      meets(world, "refuse");
      expect(await world.payer.pay(dropped)).toMatchObject({
        status: "unknown",
        reason: expect.stringContaining("refused"),
      });
      meets(world, "refuse-but-pass-on");
      expect(await world.payer.pay(passed)).toMatchObject({ status: "unknown" });
      world.relay.judge = () => undefined;
      await vi.waitFor(async () =>
        expect(await world.payer.find(passed.paymentHash)).toMatchObject({
          status: "paid",
          feeMsat: 50n,
        }),
      );
    },
  );

  law("a connection that is cut after it: unknown, and found by the next one", async (world) => {
    const request = await order(world);
    await world.payer.network();
    meets(world, "cut");
    expect(await world.payer.pay(request)).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("lost the connection"),
    });
    world.relay.judge = () => undefined;
    await vi.waitFor(async () =>
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "paid" }),
    );
    expect(asked(world, "pay_invoice")).toBe(1);
  });

  law(
    "a relay that refuses everything: nothing of a payment is sent, because the service is asked something harmless before",
    async (world) => {
      const request = await order(world);
      meets(world, "refuse");
      expect(await world.payer.pay(request)).toMatchObject({ status: "never-sent" });
      expect(asked(world, "pay_invoice")).toBe(0);
    },
  );

  law(
    "of two relays one is dead: pays through the other, which is given it once",
    async (world) => {
      const dead = await TestRelay.start();
      await dead.down();
      for (const relays of [
        [dead, world.relay],
        [world.relay, dead],
      ]) {
        const before = asked(world, "pay_invoice");
        const payer = nwcWallet(world.service.urlAt(relays));
        expect(await payer.pay(await order(world))).toMatchObject({ status: "paid" });
        expect(asked(world, "pay_invoice")).toBe(before + 1);
      }
    },
  );

  /** Two relays that live, and what each was given of this payer. */
  async function twoRelays() {
    const relays = [await TestRelay.start(), await TestRelay.start()] as const;
    const world = await start({ relays });
    onTestFinished(async () => {
      await world.stop();
      for (const relay of relays) await relay.down();
    });
    const given = () =>
      relays.map(({ published }) => published.filter((event) => isPayment(world, event)).length);
    return { relays, world, given };
  }

  test("of two relays that live, one is given a payment, both a question", async () => {
    const { world, given } = await twoRelays();
    await world.payer.network();
    expect(given()).toEqual([1, 1]);
    expect(await world.payer.pay(await order(world))).toMatchObject({ status: "paid" });
    expect(given().sort()).toEqual([1, 2]);
  });

  test("what one relay has refused is not given to the other: the first may have passed it on", async () => {
    const { relays, world, given } = await twoRelays();
    await world.payer.network();
    for (const relay of relays)
      relay.judge = (event) => (isPayment(world, event) ? "refuse" : undefined);
    expect(await world.payer.pay(await order(world))).toMatchObject({ status: "unknown" });
    expect(given().sort()).toEqual([1, 2]);
  });

  test("a payment goes where the last answer came from, and not to a relay that swallows all", async () => {
    for (const swallowing of [0, 1] as const) {
      const { relays, world } = await twoRelays();
      relays[swallowing].judge = () => "drop";
      const request = await order(world, { timeoutSeconds: 3 });
      expect(await world.payer.pay(request)).toMatchObject({ status: "paid" });
    }
  });

  law(
    "what was not sent by its time-out is not sent when the relay answers at last",
    async (world) => {
      const request = await order(world, { timeoutSeconds: 1 });
      await world.payer.network();
      let open = () => {};
      world.relay.gate = new Promise((resolve) => {
        open = resolve;
      });
      expect(await world.payer.pay(request)).toMatchObject({ status: "never-sent" });
      open();
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "unknown" });
      expect(asked(world, "pay_invoice")).toBe(0);
      expect(await world.payer.pay({ ...request, timeoutSeconds: 30 })).toMatchObject({
        status: "paid",
      });
    },
  );

  law("however many ask at once, it is sent once, and all hear the same", async (world) => {
    const request = await order(world);
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => world.payer.pay(request)));
    expect(asked(world, "pay_invoice")).toBe(1);
    expect(new Set(outcomes.map((outcome) => inspect(outcome))).size).toBe(1);
  });

  law(
    "a request counts for its time-out, and a minute more for clocks that differ",
    async (world) => {
      const from = now();
      await world.payer.pay(await order(world));
      const request = world.relay.published.filter((event) => isPayment(world, event)).at(-1)!;
      const until = Number(request.tags.find(([name]) => name === "expiration")?.[1]);
      expect(until - from).toBeGreaterThanOrEqual(30 + 60);
      expect(until - now()).toBeLessThanOrEqual(30 + 60);
    },
  );

  law(
    "an offline relay is tried again at the next request, and an idle connection is hung up",
    async (world) => {
      const others = world.relay.connected;
      expect(await world.payer.network()).toBe("bcrt");
      expect(world.relay.connected).toBe(others + 1);
      await vi.waitFor(() => expect(world.relay.connected).toBe(others), { timeout: 5_000 });
      const request = await order(world);
      await world.relay.down();
      expect(await world.payer.pay(request)).toMatchObject({ status: "never-sent" });
      await world.relay.up();
      world.service.stop();
      await world.service.start();
      expect(await world.payer.pay(request)).toMatchObject({ status: "paid" });
    },
  );
});

describe("what a connection may do", () => {
  for (const method of ["pay_invoice", "lookup_invoice"])
    law(
      `without ${method} it is no treasury's: nothing is sent`,
      async (world) => {
        expect(await world.payer.pay(await order(world))).toMatchObject({
          status: "never-sent",
          reason: expect.stringContaining(method),
        });
        expect(asked(world, "pay_invoice")).toBe(0);
        const { rights } = await world.payer.examine!();
        expect(rights).toEqual({
          pay: method !== "pay_invoice",
          find: method !== "lookup_invoice",
          invoice: true,
        });
      },
      { methods: METHODS.filter((name) => name !== method) },
    );

  law(
    "without make_invoice it is no service's",
    async ({ payer }) => {
      await expect(
        payer.createInvoice({ amountMsat: 1_000n, expirySeconds: 60 }),
      ).rejects.toMatchObject({
        code: "ERR_WALLET",
        message: expect.stringMatching(/refused make_invoice: .*permission/),
      });
    },
    { methods: METHODS.filter((name) => name !== "make_invoice") },
  );

  law(
    "without list_transactions it says that it cannot list",
    async ({ payer }) => {
      await expect(payer.paidSince!(0)).rejects.toMatchObject({ code: "ERR_WALLET" });
      expect((await payer.examine!()).limits.join()).toContain("list_transactions");
    },
    { methods: METHODS.filter((name) => name !== "list_transactions") },
  );

  law("what was given since is seen at the next payment", async (world) => {
    const request = await order(world);
    world.service.handlers.get_info = async () => ({
      result: { network: "regtest", methods: ["get_info"] },
    });
    expect(await world.payer.pay(request)).toMatchObject({ status: "never-sent" });
    delete world.service.handlers.get_info;
    expect(await world.payer.pay(request)).toMatchObject({ status: "paid" });
  });

  for (const network of ["bitcoin", "mutinynet", "Mainnet", "__proto__", "", null, undefined])
    law(
      `a network called ${network} is none, and nothing is paid on it [case 66]`,
      async (world) => {
        await expect(world.payer.network()).rejects.toMatchObject({
          code: "ERR_WALLET",
          message: expect.stringMatching(/does not say which Bitcoin network.*get_info/),
        });
        expect(await world.payer.pay(await order(world))).toMatchObject({ status: "never-sent" });
      },
      { info: { network } },
    );

  for (const [name, network] of [
    ["mainnet", "bc"],
    ["testnet", "tb"],
    ["signet", "tbs"],
  ] as const)
    law(
      `${name} is ${network}, where an invoice of regtest is not paid [case 66]`,
      async (world) => {
        expect(await world.payer.network()).toBe(network);
        expect(await world.payer.pay(await order(world))).toMatchObject({
          status: "never-sent",
          reason: "the invoice is for another network",
        });
        expect(asked(world, "pay_invoice")).toBe(0);
      },
      { info: { network: name } },
    );

  law(
    "who it is: the service, and the node behind it where it says so [case 59]",
    async ({ payer, service, invoicer }) => {
      expect(await payer.identity!()).toBe(`${service.pubkey} 02${"ab".repeat(32)}`);
      expect(await invoicer.identity!()).toMatch(/^[0-9a-f]{64}$/);
    },
    { info: { pubkey: `02${"AB".repeat(32)}` } },
  );
});

describe("an examination", () => {
  law(
    "says all that the service tells, and moves nothing",
    async ({ payer, service }) => {
      const facts = await payer.examine!();
      expect(facts).toMatchObject({
        software: "Alby?Hub, over Nostr Wallet Connect",
        network: "bcrt",
        identity: service.pubkey,
        rights: { pay: true, find: true, invoice: true },
        excess: ["sign_message"],
        spendableMsat: 10_000_000n,
      });
      expect(Math.abs(facts.clock! - now())).toBeLessThan(5);
      expect(facts.limits.join()).toMatch(/no fee cap.*no time-out/);
      expect(service.asked.map(({ method }) => method)).toEqual(["get_info", "get_balance"]);
    },
    { methods: [...METHODS, "sign_message"], info: { alias: "Alby\nHub" } },
  );

  law(
    "of a connection that may only make invoices",
    async ({ payer }) => {
      const facts = await payer.examine!();
      expect(facts).toMatchObject({ rights: { pay: false, find: false, invoice: true } });
      expect(facts).not.toHaveProperty("network");
      expect(facts).not.toHaveProperty("spendableMsat");
    },
    { methods: ["make_invoice"] },
  );

  law("of a service that is gone says so, and what to do", async ({ payer, relay }) => {
    await relay.down();
    await expect(payer.examine!()).rejects.toMatchObject({
      code: "ERR_WALLET",
      message: expect.stringMatching(/no relay in its URL can be reached/),
    });
  });

  law("of a service that its relay does not know says so", async ({ relay }) => {
    const stranger = nwcWallet(`nostr+walletconnect://${KEY}?relay=${relay.url}&secret=${KEY}`);
    await expect(stranger.examine!()).rejects.toMatchObject({
      message: expect.stringMatching(/know no wallet service/),
    });
  });
});

describe("a list of payments", () => {
  const hash = (n: number) => n.toString(16).padStart(64, "0");
  const transaction = (n: number, more: object = {}) => ({
    ...{
      type: "outgoing",
      state: "settled",
      payment_hash: hash(n),
      amount: 1000 + n,
      fees_paid: n,
    },
    ...{ created_at: 1_800_000_000 + n, settled_at: 1_800_000_001 + n, ...more },
  });

  law("is read to its end, however short the service's pages", async ({ payer, service }) => {
    const all = Array.from({ length: 7 }, (_, n) => transaction(n));
    service.handlers.list_transactions = async ({ offset }) => ({
      result: { transactions: all.slice(Number(offset), Number(offset) + 2) },
    });
    const paid = await payer.paidSince!(1_700_000_000.5);
    expect(paid).toHaveLength(7);
    expect(paid[3]).toEqual({
      paymentHash: hash(3),
      amountMsat: 1003n,
      feeMsat: 3n,
      at: 1_800_000_004,
    });
  });

  law(
    "ends where the service knows no pages, and holds only what was paid by then",
    async ({ payer, service }) => {
      const transactions = [
        transaction(1),
        transaction(2, { type: "incoming" }),
        transaction(3, { state: "failed" }),
        transaction(4, { state: "pending", settled_at: null }),
        transaction(5, { state: undefined }),
        transaction(6, { settled_at: 1_700_000_000 }),
        null,
      ];
      service.handlers.list_transactions = async () => ({ result: { transactions } });
      const paid = await payer.paidSince!(1_800_000_000);
      expect(paid.map(({ paymentHash }) => paymentHash)).toEqual([hash(1), hash(5)]);
      expect(asked({ service } as World, "list_transactions")).toBe(2);
    },
  );
});

law(
  "an invoice for another amount than asked is refused, and so is an amount that cannot be asked for",
  async (world) => {
    const { payer, service, invoicer } = world;
    const invoice = await invoicer.createInvoice({ amountMsat: 2_000n, expirySeconds: 60 });
    for (const wrong of [invoice, "lnbc1", null]) {
      service.handlers.make_invoice = async () => ({ result: { invoice: wrong } });
      await expect(
        payer.createInvoice({ amountMsat: 1_500n, expirySeconds: 60 }),
      ).rejects.toMatchObject({
        code: "ERR_WALLET",
      });
    }
    for (const amountMsat of [0n, -1n, 2n ** 53n])
      await expect(payer.createInvoice({ amountMsat, expirySeconds: 60 })).rejects.toMatchObject({
        code: "ERR_WALLET",
      });
  },
);

const KEY = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const SECRET = "5ec4e7".padEnd(64, "1");

describe("a URL", () => {
  class NoSocket {
    constructor() {
      throw new Error("nothing connects here");
    }
  }
  const open = (url: string) =>
    nwcWallet(url, { webSocket: NoSocket as unknown as typeof WebSocket });

  test.each([
    `nostr+walletconnect://${KEY}?relay=wss%3A%2F%2Frelay.example%2Fv1&secret=${SECRET}`,
    `nostr+walletconnect:${KEY}?relay=wss://relay.example&secret=${SECRET}`,
    `nostr+walletconnect://${KEY.toUpperCase()}?secret=${SECRET}&relay=wss://a.example&relay=wss://b.example&lud16=me@a.example`,
    `nostr+walletconnect://${KEY}?relay=ws://127.0.0.1:7777&secret=${SECRET}`,
    `nostr+walletconnect://${KEY}?relay=ws://localhost&relay=ws://[::1]:1&secret=${SECRET}&name=mine`,
  ])("is taken, and shown nowhere: %#", async (url) => {
    const wallet = open(url);
    const outcome = await wallet.find("ab".repeat(32));
    expect(outcome).toMatchObject({ status: "unknown" });
    const error = await wallet.network().catch((thrown: unknown) => thrown);
    const shown =
      inspect([wallet, outcome, error], { depth: 9, showHidden: true }) +
      JSON.stringify([wallet, error]);
    for (const part of [SECRET, KEY, "relay.example", "127.0.0.1"])
      expect(shown).not.toContain(part);
  });

  test.each([
    [
      "another wallet's",
      `lnd+https://${KEY}?relay=wss://a.example&secret=${SECRET}`,
      /This is not a URL of Nostr/,
    ],
    [
      "no public key",
      `nostr+walletconnect://wallet?relay=wss://a.example&secret=${SECRET}`,
      /not a URL of Nostr/,
    ],
    ["no relay", `nostr+walletconnect://${KEY}?secret=${SECRET}`, /lacks relay=/],
    ["no secret", `nostr+walletconnect://${KEY}?relay=wss://a.example`, /lacks secret=/],
    [
      "two secrets",
      `nostr+walletconnect://${KEY}?relay=wss://a.example&secret=1&secret=${SECRET}`,
      /lacks secret=.*two/,
    ],
    [
      "a short secret",
      `nostr+walletconnect://${KEY}?relay=wss://a.example&secret=${SECRET.slice(1)}`,
      /is not a key/,
    ],
    [
      "a plain relay elsewhere",
      `nostr+walletconnect://${KEY}?relay=ws://a.example&secret=${SECRET}`,
      /plain ws/,
    ],
    [
      "a relay with loopback's name in it",
      `nostr+walletconnect://${KEY}?relay=ws://127.0.0.1.a.example&secret=${SECRET}`,
      /plain ws/,
    ],
    [
      "a relay over HTTP",
      `nostr+walletconnect://${KEY}?relay=https://a.example&secret=${SECRET}`,
      /wss:\/\/HOST/,
    ],
    [
      "a relay without an address",
      `nostr+walletconnect://${KEY}?relay=wss://&secret=${SECRET}`,
      /wss:\/\/HOST/,
    ],
    [
      "a file that is not there",
      `nostr+walletconnect://${KEY}?relay=wss://a.example&secret=/nowhere/${SECRET}`,
      /does not exist/,
    ],
    [
      "a name that is not set",
      `nostr+walletconnect://${KEY}?relay=wss://a.example&secret=env:${SECRET}`,
      /not set/,
    ],
    ["nothing", "", /not a URL of Nostr/],
  ])("is refused with %s, and nothing of it repeated", (_, url, message) => {
    let error: unknown;
    try {
      open(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      name: "AdapterError",
      code: "ERR_WALLET",
      message: expect.stringMatching(message),
    });
    for (const part of [SECRET.slice(1), KEY])
      expect(JSON.stringify(error) + String(error)).not.toContain(part);
  });

  test("is needed, and so is WebSocket", () => {
    expect(() => nwcWallet(undefined)).toThrow(TypeError);
    vi.stubGlobal("WebSocket", undefined);
    const url = `nostr+walletconnect://${KEY}?relay=wss://a.example&secret=${SECRET}`;
    expect(() => nwcWallet(url)).toThrow("--experimental-websocket");
    vi.unstubAllGlobals();
  });

  test("of a key that is not on the curve is found out at the first use", async () => {
    for (const [key, secret] of [
      [KEY, "0".repeat(64)],
      ["f".repeat(64), SECRET],
    ])
      await expect(
        open(`nostr+walletconnect://${key}?relay=wss://a.example&secret=${secret}`).network(),
      ).rejects.toMatchObject({
        message: expect.stringContaining("not valid for secp256k1"),
      });
  });

  law(
    "may take its secret from a file or the environment, and openWallet knows its scheme",
    async ({ service }) => {
      const folder = mkdtempSync(join(tmpdir(), "l8nt-nwc-"));
      const path = join(folder, "secret");
      const { searchParams } = new URL(service.url);
      const secret = searchParams.get("secret")!;
      writeFileSync(path, `${secret}\n`);
      process.env.L8NT_TEST_NWC = secret;
      for (const written of [`file:${path}`, path, "env:L8NT_TEST_NWC"]) {
        const wallet = await openWallet(service.url.replace(secret, encodeURIComponent(written)));
        expect(await wallet.network()).toBe("bcrt");
      }
      delete process.env.L8NT_TEST_NWC;
      rmSync(folder, { recursive: true });
    },
  );
});
