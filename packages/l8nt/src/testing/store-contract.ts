/**
 * The contract suite of the store port: laws that every store must keep, whatever it writes to.
 */

import assert from "node:assert/strict";
import { msat, type Unit } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import type { Resolution, Usage } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";
import type { Store } from "../ports/store.ts";
import { bookLaws } from "./book-laws.ts";
import { foldingLaws } from "./folding-laws.ts";
import { handOverLaws } from "./hand-over-laws.ts";
import { NaiveLedger } from "./naive-ledger.ts";
import { orderLaws } from "./order-laws.ts";
import { paymentLaws } from "./payment-laws.ts";
import { salesLaws } from "./sales-laws.ts";
import {
  dollars,
  inFlight,
  inFlightAmount,
  type Law,
  order,
  START,
  spend,
  uses,
} from "./store-laws.ts";
import type { TestFunction } from "./wallet-contract.ts";

/** The store under test. */
export interface StoreFixture {
  readonly store: Store;
  /** Other handles on the same data, for a store that several processes can share. */
  readonly others?: readonly Store[];
  teardown(): Promise<void>;
}

/** A store to test. */
export interface StoreContract {
  /** The start of each test's name. */
  readonly name: string;
  /** Makes an empty store, for each law. */
  setup(): Promise<StoreFixture>;
  /** How many random histories are compared with a naive ledger. @default 40 */
  readonly histories?: number;
}

const HOUR = 3600;

/**
 * 21 million bitcoin in msat, and 10¹² US dollars in 10⁻⁶ dollars. Both fit in a signed 64 bits.
 */
const LARGEST = { msat: 21n * 10n ** 17n, usd_micro: 10n ** 18n };

/**
 * Registers the laws of a store with a test runner.
 *
 * @example
 * storeContract(test, { name: "the memory store", setup: async () => ({ store: new MemoryStore(),
 * teardown: async () => {} }) });
 */
export function storeContract(
  test: TestFunction,
  { name, setup, histories = 40 }: StoreContract,
): void {
  const law: Law = (title, body) =>
    test(`${name}: ${title}`, async () => {
      const fixture = await setup();
      try {
        await body(fixture.store, [fixture.store, ...(fixture.others ?? [])]);
      } finally {
        await fixture.teardown();
      }
    });

  const used = async (store: Store, counted: Counted, at = START) =>
    (await store.usage([counted], at))[0]!.used;

  const held = async (store: Store, counted: readonly Counted[], value: bigint, at = START) => {
    const reservation = order(counted, value, at);
    assert.deepEqual(await store.reserve(reservation), { reserved: true });
    return reservation.id;
  };

  const spent = async (store: Store, counted: readonly Counted[], value: bigint, at = START) => {
    await store.commit(await held(store, counted, value, at), msat(value), at);
  };

  law("reports 0 for a limit that was never counted", async (store) => {
    assert.deepEqual(await store.usage([spend("a", 5n), uses("b", 1n, HOUR)], START), [
      { id: "a", used: 0n, reserved: 0n },
      { id: "b", used: 0n, reserved: 0n },
    ]);
    assert.deepEqual(await store.usage([], START), []);
  });

  law("reserves up to the limit, and not a msat more [case 45]", async (store) => {
    const limit = spend("a", 1000n);
    await held(store, [limit], 999n);
    const refused: Usage[] = [{ id: "a", used: 999n, reserved: 999n }];
    assert.deepEqual(await store.reserve(order([limit], 2n)), { reserved: false, refused });
    await held(store, [limit], 1n);
    assert.equal((await store.reserve(order([limit], 1n))).reserved, false);
    await held(store, [limit], 0n);
  });

  law("counts amounts above 2^53 exactly", async (store) => {
    const supply = 2_100_000_000_000_000_000n;
    const limit = spend("a", supply);
    await spent(store, [limit], supply - 1n);
    assert.equal((await store.reserve(order([limit], 2n))).reserved, false);
    await spent(store, [limit], 1n);
    assert.equal(await used(store, limit), supply);
  });

  law("reserves against every limit of a chain, or against none [case 44]", async (store) => {
    const chain = [
      spend("root", 1000n),
      uses("root-uses", 5n),
      spend("mid", 10n),
      spend("leaf", 5n),
    ];
    await held(store, chain, 5n);
    const answer = await store.reserve(order(chain, 6n));
    assert.deepEqual(answer, {
      reserved: false,
      refused: [
        { id: "mid", used: 5n, reserved: 5n },
        { id: "leaf", used: 5n, reserved: 5n },
      ],
    });
    const standing = await store.usage(chain, START);
    assert.deepEqual(
      standing.map((usage) => usage.used),
      [5n, 1n, 5n, 5n],
    );
  });

  law("lets any number of siblings share their parent's limit [case 23]", async (store) => {
    const parent = spend("parent", 300n);
    let granted = 0;
    for (let at = 0; at < 400; at++) {
      const answer = await store.reserve(order([parent, spend(`child-${at}`, 1000n)], 1n));
      if (answer.reserved) granted++;
    }
    assert.equal(granted, 300);
  });

  law(
    "grants one of 200 concurrent requests for the last amount [case 43]",
    async (store, handles) => {
      const [limit, other] = [spend("a", 1000n), spend("b", 5n)];
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, at) =>
          handles[at % handles.length]!.reserve(
            order(at % 2 === 0 ? [limit] : [limit, other], 1000n),
          ),
        ),
      );
      // Half of the requests exceed another limit.
      assert.equal(answers.filter(({ reserved }) => reserved).length, 1);
      assert.deepEqual(await store.usage([limit, other], START), [
        { id: "a", used: 1000n, reserved: 1000n },
        { id: "b", used: 0n, reserved: 0n },
      ]);
    },
  );

  law(
    "keeps a family of agents within its budget for every interleaving of spends [case 44]",
    async (store, handles) => {
      const parent = spend("parent", 1000n);
      const children = Array.from({ length: 5 }, (_, at) => spend(`child-${at}`, 1000n));
      await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const handle = handles[at % handles.length]!;
          const reservation = order([parent, children[at % 5]!], BigInt(10 + (at % 7) * 30));
          if (!(await handle.reserve(reservation)).reserved) return;
          assert.ok((await used(store, parent)) <= 1000n);
          if (at % 3 === 0) await handle.release(reservation.id, START);
          else
            await handle.commit(
              reservation.id,
              msat(reservation.amount.value - BigInt(at % 10)),
              START,
            );
        }),
      );
      const [all, ...each] = await store.usage([parent, ...children], START);
      assert.ok(all!.used <= 1000n);
      assert.equal(all!.reserved, 0n);
      assert.equal(
        each.reduce((total, usage) => total + usage.used, 0n),
        all!.used,
      );
    },
  );

  law("frees the unspent part of a commit, and all of a release [case 46]", async (store) => {
    const chain = [spend("a", 100n), uses("b", 2n)];
    const paid = await held(store, chain, 100n);
    assert.deepEqual(await store.commit(paid, msat(60n), START), {
      outcome: "committed",
      amount: msat(60n),
      uses: 1n,
    });
    assert.deepEqual(await store.usage(chain, START), [
      { id: "a", used: 60n, reserved: 0n },
      { id: "b", used: 1n, reserved: 0n },
    ]);
    const failed = await held(store, chain, 40n);
    assert.equal((await store.reserve(order(chain, 1n))).reserved, false);
    assert.deepEqual(await store.release(failed, START), {
      outcome: "released",
      amount: msat(0n),
      uses: 0n,
    });
    await held(store, chain, 40n);
  });

  law(
    "records a spend above its reservation, and then refuses further ones [case 46]",
    async (store) => {
      const limit = spend("a", 100n);
      const id = await held(store, [limit], 90n);
      assert.deepEqual((await store.commit(id, msat(130n), START)).amount, msat(130n));
      assert.deepEqual(await store.usage([limit], START), [{ id: "a", used: 130n, reserved: 0n }]);
      assert.equal((await store.reserve(order([limit], 1n))).reserved, false);
      const unforeseen = await held(store, [spend("b", 10n)], 0n);
      await store.commit(unforeseen, msat(3n), START);
      assert.equal(await used(store, spend("b", 10n)), 3n);
    },
  );

  law("commits a reservation even if its limit was lowered since [case 50]", async (store) => {
    const id = await held(store, [spend("a", 100n)], 80n);
    const lowered = spend("a", 50n);
    assert.equal((await store.reserve(order([lowered], 1n))).reserved, false);
    await store.commit(id, msat(80n), START);
    assert.deepEqual(await store.usage([lowered], START), [{ id: "a", used: 80n, reserved: 0n }]);
    assert.equal((await store.reserve(order([lowered], 1n))).reserved, false);
    await held(store, [spend("a", 81n)], 1n);
  });

  const ends: Record<string, (store: Store, id: string) => Promise<Resolution>> = {
    "a commit": (store, id) => store.commit(id, msat(7n), START),
    "a dearer commit": (store, id) => store.commit(id, msat(9n), START + 1),
    "a release": (store, id) => store.release(id, START + 2),
  };
  for (const [first, end] of Object.entries(ends))
    law(
      `ends a reservation once: every later end returns the result of ${first} [case 51]`,
      async (store, handles) => {
        const chain = [spend("a", 100n), spend("b", 100n, HOUR), uses("c", 10n)];
        const id = await held(store, chain, 8n);
        const answer = await end(store, id);
        const standing = await store.usage(chain, START + 2);
        for (const handle of handles)
          for (const later of Object.values(ends))
            assert.deepEqual(await later(handle, id), answer);
        assert.deepEqual(await store.usage(chain, START + 2), standing);
        if (answer.outcome === "released") return;
        const { reserved } = await store.reserve(order(chain, 8n, START, id));
        assert.equal(reserved, true);
        assert.deepEqual(
          await store.usage(chain, START + 2),
          standing,
          "a committed reservation was counted again",
        );
      },
    );

  law(
    "reserves an id again after its release, as a new reservation, and only then",
    async (store, handles) => {
      const [first, second] = [spend("a", 100n), spend("b", 100n, HOUR)];
      const id = await held(store, [first], 8n);
      await store.release(id, START);
      for (const handle of handles) {
        const again = order([second], 30n, START + 1, id);
        assert.deepEqual(await handle.reserve(again), { reserved: true });
        assert.deepEqual(await handle.reserve(again), { reserved: true });
        assert.deepEqual(await store.usage([first, second], START + 1), [
          { id: "a", used: 0n, reserved: 0n },
          { id: "b", used: 30n, reserved: 30n },
        ]);
        assert.equal((await handle.release(id, START + 1)).outcome, "released");
      }
      const tooMuch = order([second], 101n, START + 2, id);
      assert.equal((await store.reserve(tooMuch)).reserved, false);
      await store.reserve(order([second], 40n, START + 3, id));
      assert.deepEqual((await store.commit(id, msat(40n), START + 3)).amount, msat(40n));
      await store.reserve(order([second], 40n, START + 4, id));
      assert.equal(await used(store, second), 40n);
      assert.deepEqual((await auditLedger(store)).faults, []);
    },
  );

  law(
    "ends a reservation once if a commit and a release come at once [case 51]",
    async (store, handles) => {
      for (let times = 0; times < 20; times++) {
        const limit = spend(`a${times}`, 100n);
        const id = await held(store, [limit], 10n);
        const answers = await Promise.all(
          Array.from({ length: 6 }, (_, at) => {
            const handle = handles[at % handles.length]!;
            return at % 2 === times % 2
              ? handle.commit(id, msat(10n), START)
              : handle.release(id, START);
          }),
        );
        for (const answer of answers) assert.deepEqual(answer, answers[0]);
        assert.equal(await used(store, limit), answers[0]!.amount.value);
      }
    },
  );

  law("ends no reservation that was never made [case 51]", async (store) => {
    await assert.rejects(store.commit("nobody's", msat(1n), START), TypeError);
    await assert.rejects(store.release("nobody's", START), TypeError);
    const refused = order([spend("a", 1n)], 2n);
    assert.equal((await store.reserve(refused)).reserved, false);
    await assert.rejects(store.commit(refused.id, msat(2n), START), TypeError);
    assert.equal(await used(store, spend("a", 1n)), 0n);
  });

  law(
    "refuses what a counter of 64 bits would not hold, and nothing else of the same batch",
    async (store) => {
      const [total, other] = [spend("total"), spend("other", 10n)];
      const most = 2_100_000_000_000_000_000n;
      const rest = 2n ** 63n - 1n - 4n * most;
      const full = { name: "AdapterError", code: "ERR_STORE", message: /would pass 2\^63 - 1/ };
      const ids = await Promise.all([1, 2, 3, 4].map(() => held(store, [total], most)));
      for (const id of ids.slice(1)) await store.commit(id, msat(most), START);
      const last = order([total], rest);
      const [, ...counted] = await Promise.all([
        assert.rejects(store.reserve(order([spend("third"), total], rest + 1n, START, "x")), full),
        store.reserve(last),
        store.reserve(order([other], 10n)),
      ]);
      assert.deepEqual(counted, [{ reserved: true }, { reserved: true }]);
      await assert.rejects(store.reserve(order([total], 1n)), full);
      await assert.rejects(store.release("x", START), TypeError);
      assert.deepEqual(await store.usage([total, other, spend("third")], START), [
        { id: "total", used: 2n ** 63n - 1n, reserved: most + rest },
        { id: "other", used: 10n, reserved: 10n },
        { id: "third", used: 0n, reserved: 0n },
      ]);
      // What costs more than was held has to fit as well, and stays open until it does.
      await store.commit(ids[0]!, msat(most), START);
      const [, note] = await Promise.all([
        assert.rejects(store.commit(last.id, msat(rest + 1n), START), full),
        store.reserve(order([spend("third")], 1n)),
      ]);
      assert.deepEqual(note, { reserved: true });
      assert.equal((await store.commit(last.id, msat(rest), START)).outcome, "committed");
      assert.deepEqual(await store.usage([total], START), [
        { id: "total", used: 2n ** 63n - 1n, reserved: 0n },
      ]);
      assert.deepEqual((await auditLedger(store)).faults, []);
    },
  );

  law("counts an amount against limits of its own unit only", async (store) => {
    const both = [spend("sats", 100n), spend("usd", 100n, undefined, "usd_micro")];
    const flying = [
      inFlightAmount("sats in flight", 100n),
      inFlightAmount("usd in flight", 100n, "usd_micro"),
    ];
    const spent = order([...both, ...flying], dollars(100n));
    assert.deepEqual(await store.reserve(spent), { reserved: true });
    assert.deepEqual(await store.usage([...both, ...flying], START), [
      { id: "sats", used: 0n, reserved: 0n },
      { id: "usd", used: 100n, reserved: 100n },
      { id: "sats in flight", used: 0n, reserved: 0n },
      { id: "usd in flight", used: 100n, reserved: 100n },
    ]);
    assert.deepEqual(await store.commit(spent.id, dollars(90n), START), {
      outcome: "committed",
      amount: dollars(90n),
      uses: 1n,
    });
    assert.deepEqual(await store.reserve(order(both, dollars(11n))), {
      reserved: false,
      refused: [{ id: "usd", used: 90n, reserved: 0n }],
    });
    await held(store, both, 100n);
    assert.deepEqual(await store.usage(both, START), [
      { id: "sats", used: 100n, reserved: 100n },
      { id: "usd", used: 90n, reserved: 0n },
    ]);
    assert.deepEqual((await auditLedger(store)).faults, []);
  });

  law("commits a reservation in its own unit only", async (store) => {
    const limit = spend("usd", 100n, undefined, "usd_micro");
    const reservation = order([limit], dollars(10n));
    await store.reserve(reservation);
    await assert.rejects(store.commit(reservation.id, msat(5n), START), {
      name: "TypeError",
      message: "the reservation is in usd_micro, and the spend is in msat",
    });
    assert.deepEqual(await store.usage([limit], START), [{ id: "usd", used: 10n, reserved: 10n }]);
    await store.commit(reservation.id, dollars(5n), START);
    assert.deepEqual(await store.usage([limit], START), [{ id: "usd", used: 5n, reserved: 0n }]);
  });

  law("accepts every amount up to the largest of its unit, and none above", async (store) => {
    for (const [unit, most] of Object.entries(LARGEST) as [Unit, bigint][]) {
      const limit = spend(`all ${unit}`, undefined, undefined, unit);
      const first = order([limit], { unit, value: most });
      await store.reserve(first);
      await store.commit(first.id, { unit, value: most }, START);
      assert.deepEqual(await store.usage([limit], START), [
        { id: limit.id, used: most, reserved: 0n },
      ]);
      for (const value of [-1n, most + 1n, 2n ** 64n]) {
        const refusal = {
          name: "TypeError",
          message: `an amount in ${unit} is at least 0 and at most ${most}`,
        };
        await assert.rejects(store.reserve(order([limit], { unit, value })), refusal);
        const other = order([limit], { unit, value: 1n });
        await store.reserve(other);
        await assert.rejects(store.commit(other.id, { unit, value }, START), refusal);
        await store.release(other.id, START);
      }
    }
  });

  law("refuses a negative spend", async (store) => {
    const limit = spend("a", 10n);
    const id = await held(store, [limit], 10n);
    await assert.rejects(store.commit(id, msat(-1n), START), TypeError);
    assert.deepEqual(await store.usage([limit], START), [{ id: "a", used: 10n, reserved: 10n }]);
    await store.commit(id, msat(10n), START);
  });

  law("makes one reservation per id, even if it is requested again", async (store, handles) => {
    const limit = spend("a", 100n);
    const reservation = order([limit], 60n);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => handles[at % handles.length]!.reserve(reservation)),
    );
    for (const answer of answers) assert.deepEqual(answer, { reserved: true });
    assert.equal(await used(store, limit), 60n);
  });

  law(
    "never expires a reservation: only a commit or a release frees it [case 52]",
    async (store) => {
      const chain = [spend("a", 10n), spend("b", 10n, HOUR)];
      const id = await held(store, chain, 10n);
      const tenYears = START + 10 * 365 * 86_400;
      assert.equal((await store.reserve(order([chain[0]!], 1n, tenYears))).reserved, false);
      assert.equal((await store.reserve(order([chain[1]!], 1n, tenYears))).reserved, false);
      await store.release(id, tenYears);
      await held(store, chain, 10n, tenYears);
    },
  );

  law("counts the spends of a node without a limit", async (store) => {
    const total = spend("node");
    for (const amount of [5n, 7n, 1_000_000_000_000_000_000n]) await spent(store, [total], amount);
    await held(store, [total], 3n);
    assert.deepEqual(await store.usage([total], START), [
      { id: "node", used: 1_000_000_000_000_000_015n, reserved: 3n },
    ]);
  });

  law(
    "limits reservations in flight, in number and in msat, and frees them when they end [case 55]",
    async (store) => {
      const caps = [inFlight("node", 2n), inFlightAmount("node-amount", 100n)];
      const first = await held(store, caps, 60n);
      const second = await held(store, caps, 40n);
      const answer = await store.reserve(order(caps, 1n));
      assert.deepEqual(answer, {
        reserved: false,
        refused: [
          { id: "node", used: 2n, reserved: 2n },
          { id: "node-amount", used: 100n, reserved: 100n },
        ],
      });
      await store.commit(first, msat(60n), START);
      assert.equal((await store.reserve(order(caps, 61n))).reserved, false);
      const third = await held(store, caps, 60n);
      for (const id of [second, third]) await store.release(id, START);
      assert.deepEqual(await store.usage(caps, START), [
        { id: "node", used: 0n, reserved: 0n },
        { id: "node-amount", used: 0n, reserved: 0n },
      ]);
    },
  );

  law("frees a window after its length, and not a second earlier [case 49]", async (store) => {
    const limit = spend("a", 10n, HOUR);
    await spent(store, [limit], 10n, START);
    for (const at of [START, START + 1, START + HOUR / 2, START + HOUR - 1, START + HOUR - 0.001])
      assert.equal(
        (await store.reserve(order([limit], 1n, at))).reserved,
        false,
        `after ${at - START} s`,
      );
    await held(store, [limit], 10n, START + HOUR + HOUR / 60);
  });

  law("slides a window, and does not reset it at the full hour [case 49]", async (store) => {
    const limit = uses("a", 3n, HOUR);
    const hour = Math.ceil(START / HOUR) * HOUR;
    for (const at of [hour - 2, hour - 1, hour - 0.5]) await spent(store, [limit], 0n, at);
    for (const at of [hour, hour + 1, hour + 600, hour + HOUR - 3])
      assert.equal((await store.reserve(order([limit], 0n, at))).reserved, false);
    await held(store, [limit], 0n, hour + HOUR + 60);
  });

  law("frees nothing if the clock goes back [cases 49, 109]", async (store) => {
    const limit = spend("a", 10n, HOUR);
    await spent(store, [limit], 6n, START);
    await spent(store, [limit], 4n, START + 1800);
    for (const at of [
      START + 1800,
      START + 60,
      START,
      START - 1,
      START - HOUR,
      START - 1000 * HOUR,
    ])
      assert.equal(
        (await store.reserve(order([limit], 1n, at))).reserved,
        false,
        `at ${at - START} s`,
      );
    const late = await held(store, [spend("b", 10n, HOUR)], 10n, START + 100);
    await store.commit(late, msat(10n), START - 500);
    assert.equal(
      (await store.reserve(order([spend("b", 10n, HOUR)], 1n, START + 100))).reserved,
      false,
    );
  });

  law(
    "agrees with a naive ledger over random histories [cases 23, 44, 49, 50, 51, 54]",
    async (_) => {
      for (let seed = 1; seed <= histories; seed++) {
        const fixture = await setup();
        try {
          await playHistory(fixture.store, [fixture.store, ...(fixture.others ?? [])], seed);
          assert.deepEqual((await auditLedger(fixture.store)).faults, [], `seed ${seed}`);
        } finally {
          await fixture.teardown();
        }
      }
    },
  );

  paymentLaws(law);
  orderLaws(law);
  bookLaws(law);
  foldingLaws(law);
  handOverLaws(law);
  salesLaws(law);
}

/** Mulberry32: a small seeded generator of random numbers. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A family of agents under one root, with limits of every kind. */
const ROOT = [
  spend("root", 400n),
  spend("root-hour", 150n, HOUR),
  uses("root-uses", 60n),
  spend("root-total"),
];
const CHAINS: readonly (readonly Counted[])[] = [
  ROOT,
  [...ROOT, spend("a", 300n), uses("a-minute", 4n, 60)],
  [...ROOT, spend("a", 300n), uses("a-minute", 4n, 60), spend("a-child", 120n, 86_400)],
  [...ROOT, spend("b", 400n), uses("b-hour", 7n, HOUR)],
];
const COUNTED = [...new Map(CHAINS.flat().map((counted) => [counted.id, counted])).values()];

async function playHistory(store: Store, handles: readonly Store[], seed: number): Promise<void> {
  const below = random(seed);
  const model = new NaiveLedger();
  let at = START + below(HOUR);
  for (let step = 0; step < 60; step++) {
    const handle = handles[below(handles.length)]!;
    const kind = below(10);
    if (kind < 5) {
      const reservation = order(CHAINS[below(CHAINS.length)]!, BigInt(below(60)), at);
      const expected = model.expects(reservation);
      const { reserved } = await handle.reserve(reservation);
      if (expected !== "either")
        assert.equal(reserved, expected === "held", `seed ${seed}, step ${step}`);
      if (reserved) model.hold(reservation);
    } else if (kind < 9 && model.all.length > 0) {
      // Mostly an open reservation, and sometimes one that has ended.
      const candidates = model.open.length > 0 && below(5) > 0 ? model.open : model.all;
      const { id, amount: reserved } = candidates[below(candidates.length)]!;
      if (below(3) === 0)
        assert.deepEqual(await handle.release(id, at), model.resolve(id, undefined, at));
      else {
        const { unit, value } = reserved;
        const spent = { unit, value: value - BigInt(below(Number(value) + 1)) };
        assert.deepEqual(await handle.commit(id, spent, at), model.resolve(id, spent, at));
      }
    } else at += [1, 30, 59, 60, 600, HOUR, 86_400, -20][below(8)]!;
    const standing = await store.usage(COUNTED, at);
    for (const [index, counted] of COUNTED.entries()) {
      const { least, most, reserved } = model.bounds(counted, at);
      const usage = standing[index]!;
      const where = `seed ${seed}, step ${step}, ${counted.id}`;
      assert.equal(usage.reserved, reserved, where);
      assert.ok(
        usage.used >= least && usage.used <= most,
        `${where}: ${usage.used} of ${least} to ${most}`,
      );
    }
  }
  for (const counted of COUNTED)
    if (counted.max !== undefined)
      assert.ok(
        model.heaviestWindow(counted) <= counted.max,
        `seed ${seed}: ${counted.id} was overspent`,
      );
}
