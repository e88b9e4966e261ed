/**
 * Laws of metered routes: the price is reserved while a request is served, and what the handler
 * says of it is spent at the end of the response. spec/5-ledger.md §5.
 */
import assert from "node:assert/strict";
import type { Grant } from "../service/index.ts";
import type { PaywallLaws, Reply, World } from "./paywall-laws.ts";

const PRICE = 10_000n;

/** What the handler declares, and the msat that are spent then; `undefined`: the status decides. */
const DECLARATIONS: readonly (readonly [
  what: string,
  declare: (grant: Grant) => void,
  spent: bigint | undefined,
])[] = [
  ["nothing", () => {}, undefined],
  ["an amount", (grant) => grant.settle("3 sat"), 3_000n],
  ["an amount as it is computed", (grant) => grant.settle({ unit: "msat", value: 1_234n }), 1_234n],
  ["0 sat", (grant) => grant.settle("0 sat"), 0n],
  ["more than the price", (grant) => grant.settle("25 sat"), 25_000n],
  [
    "two amounts",
    (grant) => {
      grant.settle("3 sat");
      grant.settle("4 sat");
    },
    4_000n,
  ],
  [
    "an amount, then that all is used",
    (grant) => {
      grant.settle("3 sat");
      grant.consume();
    },
    PRICE,
  ],
  [
    "an amount, then that nothing was served",
    (grant) => {
      grant.settle("3 sat");
      grant.release();
    },
    0n,
  ],
];

const ENDINGS: readonly {
  readonly what: string;
  readonly end: Reply | (() => Reply);
  /** Whether all of it is spent if the handler declares nothing. */
  readonly consumes: boolean;
}[] = [
  { what: "answers 200", end: { status: 200, body: "sunny" }, consumes: true },
  { what: "answers 200 without a body", end: { status: 200, body: "" }, consumes: true },
  { what: "answers 502", end: { status: 502, body: "gone" }, consumes: false },
  {
    what: "throws",
    end: () => {
      throw new Error("boom");
    },
    consumes: false,
  },
  {
    what: "closes the connection before the head",
    end: { status: 200, body: "", cut: "before the head" },
    consumes: false,
  },
  {
    what: "closes the connection inside of the body",
    end: { status: 200, body: "half", cut: "inside of the body" },
    consumes: true,
  },
];

const TERMS = { price: "10 sat", metered: true, grants: { budget: "100 sat" } } as const;

export function meteredLaws({ contract, law }: PaywallLaws): void {
  for (const { what, end, consumes } of ENDINGS) {
    if (what.endsWith("before the head") && contract.closesConnections === false) continue;
    for (const [declared, declare, amount] of DECLARATIONS) {
      let held: bigint | undefined;
      let world: World;
      let credential: string;
      law(
        `a metered handler that declares ${declared} and ${what}`,
        {
          ...TERMS,
          handle: async (grant) => {
            held = (await usageOf(world, credential)).reserved;
            declare(grant);
            return typeof end === "function" ? end() : end;
          },
        },
        async (given) => {
          world = given;
          credential = await world.buy("/paid");
          await world.ask("/paid", [credential]).catch(() => undefined);
          const expected = amount ?? (consumes ? PRICE : 0n);
          await ended(world);
          assert.equal(held, PRICE, "reserved while it is served");
          assert.deepEqual(await usageOf(world, credential), { used: expected, reserved: 0n });
        },
      );
    }
  }

  let settle = (_: Grant): void => {};
  law(
    "a route that is not metered spends what was settled before the head",
    { price: "10 sat", grants: { budget: "100 sat" }, handle: (grant) => reply(settle, grant) },
    async (world) => {
      const credential = await world.buy("/paid");
      settle = (grant) => grant.settle("2 sat");
      await world.ask("/paid", [credential]);
      await ended(world);
      assert.deepEqual(await usageOf(world, credential), { used: 2_000n, reserved: 0n });
    },
  );

  const refused: unknown[] = [];
  law(
    "what is no amount of the price's unit is refused where it is settled",
    {
      ...TERMS,
      handle: (grant) => {
        for (const amount of ["3", "-3 sat", "0.02 usd", 3, { unit: "msat", value: -1n }, null])
          try {
            grant.settle(amount as never);
          } catch (error) {
            refused.push(error);
          }
        return { status: 200, body: "sunny" };
      },
    },
    async (world) => {
      const credential = await world.buy("/paid");
      await world.ask("/paid", [credential]);
      await ended(world);
      assert.equal(refused.filter((error) => error instanceof TypeError).length, 6);
      assert.equal((await usageOf(world, credential)).used, PRICE);
    },
  );

  law(
    "requests that are under way hold their price, so that not more of them than fit are served",
    {
      ...TERMS,
      handle: async (grant) => {
        await new Promise((resolve) => setImmediate(resolve));
        grant.settle("10 sat");
        return { status: 200, body: "sunny" };
      },
    },
    async (world) => {
      const credential = await world.buy("/paid");
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => world.ask("/paid", [credential])),
      );
      const served = answers.filter(({ status }) => status === 200).length;
      assert.equal(world.grants.length, served);
      assert.ok(served <= 10, `${served} served`);
      assert.ok(served >= 1);
    },
  );
}

function reply(settle: (grant: Grant) => void, grant: Grant): Reply {
  settle(grant);
  return { status: 200, body: "sunny" };
}

async function usageOf({ paywall, store, time }: World, credential: string) {
  const { limits } = paywall.authority.verifier.authenticate(credential);
  const [usage] = await store.usage(
    limits.filter(({ kind }) => kind === "spend").map(({ counted }) => counted),
    time.now,
  );
  return { used: usage!.used, reserved: usage!.reserved };
}

/** Waits until every claim has ended: a response may end after its client has it. */
async function ended({ store }: World): Promise<void> {
  for (let turns = 0; store.ended.length < store.reserved.length; turns++) {
    assert.ok(turns < 10_000, "a claim is still open");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
