/**
 * The contract suite of the wallet port: laws that every wallet must keep, whatever its backend.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { AdapterError } from "../errors.ts";
import { Invoice } from "../invoice/index.ts";
import type {
  Invoicer,
  Network,
  Payer,
  PaymentOutcome,
  PaymentRequest,
  Wallet,
} from "../ports/wallet.ts";

/** The `test` function of vitest, `node:test` or Bun. */
export type TestFunction = (name: string, body: () => Promise<void>) => unknown;

/** The wallets under test. */
export interface WalletFixture {
  /** Has at least 1,000 sat to spend. */
  readonly payer: Payer;
  /** On another node, to which the payer has a route. */
  readonly invoicer: Invoicer;
  readonly network: Network;
  /** Texts that no outcome and no error may contain. */
  readonly secrets: readonly string[];
  teardown(): Promise<void>;
}

/** A payment that stays in flight. */
export interface StuckPayment {
  /** Lets the payment arrive. */
  arrive(paymentHash: string): Promise<void>;
  /**
   * Lets its time-out pass once the payment is in flight, for a wallet with a test's clock.
   *
   * @default waits for the real time-out
   */
  timeOut?(paymentHash: string): Promise<void>;
}

/** What a test can make the backend do. A law whose power is undefined is not registered. */
export interface WalletPowers<Fixture> {
  /** Returns the payer's balance in msat, without amounts in flight. */
  readonly balanceMsat?: (fixture: Fixture) => Promise<bigint>;
  /** Payments cost a routing fee. */
  readonly routingFees?: true;
  /** Makes every invoice expire. */
  readonly expireInvoices?: (fixture: Fixture) => Promise<void>;
  /** Loses the answer to the next payment, which is still made. */
  readonly loseReply?: (fixture: Fixture) => Promise<void>;
  /** Keeps the next payment in flight. */
  readonly stick?: (fixture: Fixture) => Promise<StuckPayment>;
  /** Makes the backend refuse connections until the returned function is called. */
  readonly unplug?: (fixture: Fixture) => Promise<() => Promise<void>>;
}

/** A wallet to test. */
export interface WalletContract<Fixture extends WalletFixture> {
  /** The start of each test's name. */
  readonly name: string;
  /** Called for each law. It may return the same backend again if starting one is slow. */
  setup(): Promise<Fixture>;
  readonly powers?: WalletPowers<Fixture>;
}

const AMOUNT_MSAT = 21_000n;
const MAX_FEE_MSAT = 5_000n;
const EXPIRY_SECONDS = 600;

/**
 * Registers the laws of a wallet with a test runner.
 *
 * @example
 * walletContract(test, { name: "the LND wallet", setup: () => startLnd() });
 */
export function walletContract<Fixture extends WalletFixture>(
  test: TestFunction,
  { name, setup, powers = {} }: WalletContract<Fixture>,
): void {
  const law = (title: string, body: (fixture: Fixture) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const fixture = await setup();
      try {
        await body(fixture);
      } finally {
        await fixture.teardown();
      }
    });

  law("names its network [case 66]", async ({ payer, network }) => {
    assert.equal(await payer.network(), network);
  });

  law("returns the same identity each time [case 59]", async ({ payer }) => {
    assert.equal(await payer.identity?.(), await payer.identity?.());
  });

  law(
    "makes an invoice with exactly the requested amount and expiry, on its network",
    async (fixture) => {
      const before = Math.floor(Date.now() / 1000);
      for (const amountMsat of [1_000n, AMOUNT_MSAT, 123_456_000n]) {
        const text = await fixture.invoicer.createInvoice({
          amountMsat,
          expirySeconds: EXPIRY_SECONDS,
          description: "one forecast",
        });
        const invoice = Invoice.decode(text);
        assert.equal(invoice.amountMsat, amountMsat);
        assert.equal(invoice.network, fixture.network);
        assert.equal(invoice.expirySeconds, EXPIRY_SECONDS);
        assert.equal(invoice.description, "one forecast");
        assert.ok(Math.abs(invoice.timestamp - before) < 3600, "made now");
      }
    },
  );

  law("never makes the same payment hash twice [case 64]", async (fixture) => {
    const hashes = await Promise.all(
      Array.from({ length: 5 }, async () => (await order(fixture)).paymentHash),
    );
    assert.equal(new Set(hashes).size, 5);
  });

  law(
    "pays, returns the preimage of the payment hash, and finds the same outcome",
    async (fixture) => {
      const request = await order(fixture);
      const outcome = paid(await fixture.payer.pay(request));
      assert.equal(hashOf(outcome.preimage), request.paymentHash);
      assert.ok(
        outcome.feeMsat >= 0n && outcome.feeMsat <= request.maxFeeMsat,
        "a fee within the cap",
      );
      assert.deepEqual(await fixture.payer.find(request.paymentHash), outcome);
    },
  );

  law("does not pay an invoice twice", async (fixture) => {
    const request = await order(fixture);
    const first = paid(await fixture.payer.pay(request));
    const before = await powers.balanceMsat?.(fixture);
    const second = await fixture.payer.pay(request);
    assert.ok(second.status === "failed" || isSame(second, first), `not ${second.status}`);
    assert.equal(await powers.balanceMsat?.(fixture), before);
    assert.deepEqual(
      await fixture.payer.find(request.paymentHash),
      first,
      "the first payment is still on record",
    );
  });

  law("reports a hash that it was never asked to pay as not paid", async ({ payer }) => {
    const { status } = await payer.find("ab".repeat(32));
    assert.ok(status === "never-sent" || status === "unknown", `not ${status}`);
  });

  law(
    "refuses an invoice of another network, and will not pay it later [case 66]",
    async (fixture) => {
      const other: Network = fixture.network === "bc" ? "tb" : "bc";
      const outcome = await fixture.payer.pay(foreign(other));
      assertEnded(outcome);
    },
  );

  law("refuses a payment above its balance, and no money moves", async (fixture) => {
    const before = await powers.balanceMsat?.(fixture);
    const request = await order(fixture, 2_000_000_000_000_000n);
    assertEnded(await fixture.payer.pay(request));
    assert.equal(await powers.balanceMsat?.(fixture), before);
  });

  law("shows no secret in an outcome or an error", async (fixture) => {
    const shown: unknown[] = [
      await fixture.payer.pay(await order(fixture)),
      fixture.payer,
      fixture.invoicer,
    ];
    shown.push(await fixture.payer.pay(foreign("sb")), await fixture.payer.find("ab".repeat(32)));
    shown.push(await fixture.payer.find("not a hash").catch(flat));
    shown.push(
      await fixture.invoicer.createInvoice({ amountMsat: -1n, expirySeconds: 1 }).catch(flat),
    );
    for (const secret of fixture.secrets)
      assert.ok(!text(shown).includes(secret), "a secret was shown");
  });

  if (powers.balanceMsat !== undefined) {
    const balanceMsat = powers.balanceMsat;
    law("spends exactly the amount and the fee that it reports", async (fixture) => {
      const before = await balanceMsat(fixture);
      const { feeMsat } = paid(await fixture.payer.pay(await order(fixture)));
      assert.equal(await balanceMsat(fixture), before - AMOUNT_MSAT - feeMsat);
    });

    law("pays once for concurrent requests", async (fixture) => {
      const request = await order(fixture);
      const before = await balanceMsat(fixture);
      await Promise.all(Array.from({ length: 4 }, () => fixture.payer.pay(request)));
      const { feeMsat } = paid(await fixture.payer.find(request.paymentHash));
      assert.equal(await balanceMsat(fixture), before - AMOUNT_MSAT - feeMsat);
    });
  }

  if (powers.routingFees === true)
    law(
      "fails, or never sends, a payment without a route within the fee cap [case 46]",
      async (fixture) => {
        const request = await order(fixture);
        assertEnded(await fixture.payer.pay({ ...request, maxFeeMsat: 0n }));
        paid(await fixture.payer.pay(request));
      },
    );

  if (powers.expireInvoices !== undefined) {
    const expireInvoices = powers.expireInvoices;
    law("reports the payment of an expired invoice as failed [case 67]", async (fixture) => {
      const request = await order(fixture);
      await expireInvoices(fixture);
      assert.equal((await fixture.payer.pay(request)).status, "failed");
    });
  }

  if (powers.loseReply !== undefined) {
    const loseReply = powers.loseReply;
    law(
      "reports a payment whose answer was lost as unknown, and finds it by its hash [cases 56, 75]",
      async (fixture) => {
        const request = await order(fixture);
        await loseReply(fixture);
        assert.equal((await fixture.payer.pay(request)).status, "unknown");
        const { preimage } = paid(await fixture.payer.find(request.paymentHash));
        assert.equal(hashOf(preimage), request.paymentHash);
      },
    );
  }

  if (powers.stick !== undefined) {
    const stick = powers.stick;
    law(
      "reports a payment in flight as unknown at its time-out, and as paid once it arrives [cases 57, 58]",
      async (fixture) => {
        const before = await powers.balanceMsat?.(fixture);
        const request = await order(fixture);
        const { arrive, timeOut } = await stick(fixture);
        const paying = fixture.payer.pay({ ...request, timeoutSeconds: 1 });
        await timeOut?.(request.paymentHash);
        assert.equal((await paying).status, "unknown");
        assert.equal((await fixture.payer.find(request.paymentHash)).status, "unknown");
        await arrive(request.paymentHash);
        const { preimage, feeMsat } = paid(await fixture.payer.find(request.paymentHash));
        assert.equal(hashOf(preimage), request.paymentHash);
        // LDK, for example, forgets the fee of a payment that was abandoned at its time-out.
        assert.equal(typeof feeMsat, "bigint", "the fee is known exactly, however late");
        if (before !== undefined)
          assert.equal(await powers.balanceMsat?.(fixture), before - AMOUNT_MSAT - feeMsat);
      },
    );
  }

  law(
    "lists its payments since a time, if it can, without failed and earlier ones [case 105]",
    async (fixture) => {
      const { payer } = fixture;
      if (payer.paidSince === undefined) return;
      const before = Math.floor(Date.now() / 1000) - 5;
      const request = await order(fixture);
      const { feeMsat } = paid(await payer.pay(request));
      await payer.pay(foreign(fixture.network));
      const mine = (await payer.paidSince(before)).filter(
        ({ paymentHash }) => paymentHash === request.paymentHash,
      );
      assert.deepEqual(
        mine.map(({ amountMsat, feeMsat: fee }) => ({ amountMsat, feeMsat: fee })),
        [{ amountMsat: AMOUNT_MSAT, feeMsat }],
      );
      assert.ok(mine[0]!.at >= before);
      const future = Math.floor(Date.now() / 1000) + 3600;
      assert.deepEqual(await payer.paidSince(future), []);
    },
  );

  if (powers.unplug !== undefined) {
    const unplug = powers.unplug;
    law(
      "reports never-sent only for a payment that did not leave, and never for a look-up [cases 59, 75]",
      async (fixture) => {
        const earlier = await order(fixture);
        paid(await fixture.payer.pay(earlier));
        const request = await order(fixture);
        const plug = await unplug(fixture);
        assert.equal((await fixture.payer.pay(request)).status, "never-sent");
        assert.equal((await fixture.payer.find(earlier.paymentHash)).status, "unknown");
        await assert.rejects(
          order(fixture),
          (error) => error instanceof AdapterError && error.code === "ERR_WALLET",
        );
        await plug();
        paid(await fixture.payer.pay(request));
      },
    );

    law(
      "keeps the cause if it is examined while the backend is away, which is not a refusal",
      async (fixture) => {
        const { examine } = fixture.payer as Partial<Wallet>;
        if (examine === undefined) return;
        const { rights } = await examine();
        assert.deepEqual({ pay: rights.pay, find: rights.find }, { pay: true, find: true });
        const plug = await unplug(fixture);
        await assert.rejects(
          examine(),
          (error) =>
            error instanceof AdapterError &&
            error.code === "ERR_WALLET" &&
            error.cause !== undefined,
        );
        await plug();
      },
    );
  }
}

async function order(
  { invoicer }: WalletFixture,
  amountMsat = AMOUNT_MSAT,
): Promise<PaymentRequest> {
  const invoice = await invoicer.createInvoice({ amountMsat, expirySeconds: EXPIRY_SECONDS });
  const { paymentHash } = Invoice.decode(invoice);
  return { invoice, paymentHash, amountMsat, maxFeeMsat: MAX_FEE_MSAT, timeoutSeconds: 30 };
}

/** An invoice that no node of the network made. */
function foreign(network: Network): PaymentRequest {
  const paymentHash = "cd".repeat(32);
  const timestamp = Math.floor(Date.now() / 1000);
  const fields = {
    network,
    amountMsat: AMOUNT_MSAT,
    timestamp,
    paymentHash,
    paymentSecret: paymentHash,
  };
  const invoice = Invoice.encode(
    { ...fields, description: "", features: [8, 14] },
    new Uint8Array(32).fill(1),
  );
  return {
    invoice,
    paymentHash,
    amountMsat: AMOUNT_MSAT,
    maxFeeMsat: MAX_FEE_MSAT,
    timeoutSeconds: 10,
  };
}

function paid(outcome: PaymentOutcome): Extract<PaymentOutcome, { status: "paid" }> {
  assert.equal(outcome.status, "paid", "reason" in outcome ? outcome.reason : undefined);
  return outcome as Extract<PaymentOutcome, { status: "paid" }>;
}

/** Each of these outcomes proves that no money moved, and none will. */
function assertEnded({ status }: PaymentOutcome): void {
  assert.ok(status === "failed" || status === "never-sent", `not ${status}`);
}

function isSame(
  outcome: PaymentOutcome,
  first: Extract<PaymentOutcome, { status: "paid" }>,
): boolean {
  return outcome.status === "paid" && outcome.preimage === first.preimage;
}

const hashOf = (preimage: string) =>
  createHash("sha256").update(Buffer.from(preimage, "hex")).digest("hex");

const flat = (error: unknown) =>
  error instanceof Error ? `${error.stack} ${error.cause} ${text(error)}` : error;

const text = (value: unknown) =>
  JSON.stringify(value, (_, part) => (typeof part === "bigint" ? part.toString() : part));
