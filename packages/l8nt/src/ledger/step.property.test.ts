/** The law of the ledger, against a bookkeeper who sums up everything anew. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Amount, msat, UNITS, type Unit } from "../amount.ts";
import type { Reservation, Resolution } from "../ports/ledger.ts";
import type { Counted, Counting } from "../ports/limit.ts";
import { NaiveLedger } from "../testing/naive-ledger.ts";
import {
  type Answers,
  type Counter,
  type LedgerEvent,
  type LedgerState,
  type ReservationRow,
  type Step,
  step,
  usageOf,
} from "./index.ts";

const START = 1_900_000_000;
const HOUR = 3600;

/** Rows in two maps: the least that a store is. */
class Rows implements LedgerState {
  readonly counters = new Map<string, Counter>();
  readonly rows = new Map<string, ReservationRow>();
  counter = (id: string) => this.counters.get(id);
  reservation = (id: string) => this.rows.get(id);
  payment = () => undefined;
  openFor = () => undefined;
  ordered = () => undefined;

  apply<Type extends LedgerEvent["type"]>(
    event: Extract<LedgerEvent, { readonly type: Type }>,
  ): Answers[Type] {
    freeze([...this.counters.values(), ...this.rows.values(), event]);
    const result = step<Type>(this, event);
    for (const [id, counter] of result.counters) this.counters.set(id, counter);
    if (result.reservation !== undefined)
      this.rows.set(result.reservation.reservation.id, result.reservation);
    return result.answer;
  }
}

/** A law that wrote to its input would throw. */
function freeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

const MSAT: Counting = { kind: "spend", unit: "msat" };
const DOLLARS: Counting = { kind: "spend", unit: "usd_micro" };
const USES: Counting = { kind: "uses" };
const dollars = (value: bigint): Amount => ({ unit: "usd_micro", value });

const limit = (
  id: string,
  max: bigint,
  counting: Counting = MSAT,
  windowSeconds?: number,
): Counted => ({
  ...counting,
  id,
  max,
  ...(windowSeconds !== undefined && { windowSeconds }),
});

/** Five children under one parent, each with as much as the parent has: case 44. */
const PARENT = [
  limit("parent", 1000n),
  limit("parent-hour", 400n, MSAT, HOUR),
  limit("parent-dollars", 700n, DOLLARS),
  limit("parent-dollars-minute", 300n, DOLLARS, 60),
];
const CHILDREN = Array.from({ length: 5 }, (_, at) => [
  ...PARENT,
  limit(`child-${at}`, 1000n),
  limit(`child-${at}-minute`, BigInt(at + 1), USES, 60),
]);
const CHAINS = [PARENT, ...CHILDREN, [...CHILDREN[0]!, limit("grandchild", 50n)]];
const COUNTED = [...new Map(CHAINS.flat().map((counted) => [counted.id, counted])).values()];

type Move =
  | {
      readonly do: "reserve";
      readonly chain: number;
      readonly amount: number;
      readonly unit: Unit;
      readonly uses: number;
    }
  | { readonly do: "commit" | "release"; readonly which: number; readonly part: number }
  | { readonly do: "wait"; readonly seconds: number };

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("reserve" as const),
      chain: fc.nat(CHAINS.length - 1),
      amount: fc.oneof(fc.nat(120), fc.constantFrom(0, 400, 401, 999, 1000, 1001)),
      unit: fc.constantFrom(...UNITS),
      uses: fc.nat(2),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("commit" as const, "release" as const),
      which: fc.nat(50),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      // Whole milliseconds, as a clock gives them; now and then back.
      seconds: fc.oneof(
        fc.constantFrom(
          1,
          59.999,
          60,
          60.001,
          3599.999,
          HOUR,
          HOUR + 0.001,
          86_400,
          -1,
          -59,
          -3599,
        ),
        fc.integer({ min: -5_000, max: 5_000_000 }).map((ms) => ms / 1000),
      ),
    }),
  },
);

function committedBy({ kind, unit }: Counted, { amount, uses }: Resolution): bigint {
  if (kind === "uses") return uses;
  return amount.unit === unit ? amount.value : 0n;
}

test("keeps the books of a bookkeeper: limits, windows, first ends, sums [cases 23, 44, 49, 51, 54]", () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
      const rows = new Rows();
      const model = new NaiveLedger();
      let at = START;
      for (const one of moves) {
        if (one.do === "wait") at += one.seconds;
        else if (one.do === "reserve") {
          const reservation: Reservation = {
            id: `r${rows.rows.size}`,
            at,
            amount: { unit: one.unit, value: BigInt(one.amount) },
            uses: BigInt(one.uses),
            counted: CHAINS[one.chain]!,
          };
          const before = new Map(rows.counters);
          const expected = model.expects(reservation);
          const answer = rows.apply({ type: "reserve", reservation });
          const held = "reserved" in answer && answer.reserved;
          if (expected !== "either") expect(held).toBe(expected === "held");
          if (held) model.hold(reservation);
          // All or nothing.
          else expect(rows.counters).toEqual(before);
        } else {
          const reservation = model.all[one.which % Math.max(1, model.all.length)];
          if (reservation === undefined) continue;
          const { id } = reservation;
          const { unit, value } = reservation.amount;
          const spent =
            one.do === "release"
              ? undefined
              : { unit, value: BigInt(Math.round(Number(value) * one.part)) };
          const event: LedgerEvent =
            spent === undefined
              ? { type: "release", id, at }
              : { type: "commit", id, amount: spent, at };
          expect(rows.apply(event)).toEqual(model.resolve(id, spent, at));
        }
        audit(rows, model, at);
      }
      for (const counted of COUNTED)
        expect(model.heaviestWindow(counted) <= counted.max!).toBe(true);
    }),
    { numRuns: 300 },
  );
});

/** Every total again, from the reservations alone. [case 54] */
function audit(rows: Rows, model: NaiveLedger, at: number): void {
  for (const counted of COUNTED) {
    const { least, most, reserved } = model.bounds(counted, at);
    const usage = usageOf(rows, counted, at);
    expect(usage.reserved).toBe(reserved);
    expect(usage.used >= least && usage.used <= most).toBe(true);
    const counter = rows.counters.get(counted.id);
    const ended = [...rows.rows.values()].filter(
      ({ reservation, resolution }) =>
        resolution !== undefined && reservation.counted.some(({ id }) => id === counted.id),
    );
    const committed = ended.reduce(
      (sum, { resolution }) => sum + committedBy(counted, resolution!),
      0n,
    );
    expect(counter?.committed ?? 0n).toBe(committed);
    expect((counter?.reserved ?? 0n) >= 0n).toBe(true);
  }
}

describe("a reservation ends once [case 51]", () => {
  const end = fc.oneof(
    fc.record({
      type: fc.constant("commit" as const),
      amount: fc.bigInt({ min: 0n, max: 200n }).map(msat),
    }),
    fc.record({ type: fc.constant("release" as const), amount: fc.constant(msat(0n)) }),
  );

  test("the first end stands, and later ones get its answer", () => {
    fc.assert(
      fc.property(fc.array(end, { minLength: 1, maxLength: 6 }), (ends) => {
        const rows = new Rows();
        const counted = [limit("a", 100n), limit("b", 100n, MSAT, 60), limit("c", 1n, USES)];
        rows.apply({
          type: "reserve",
          reservation: { id: "r", at: START, amount: msat(100n), uses: 1n, counted },
        });
        const answers = ends.map(
          (one, at) => rows.apply({ ...one, id: "r", at: START + at }) as Resolution,
        );
        for (const answer of answers) expect(answer).toEqual(answers[0]);
        expect(answers[0]).toEqual(
          ends[0]!.type === "commit"
            ? { outcome: "committed", amount: ends[0]!.amount, uses: 1n }
            : { outcome: "released", amount: msat(0n), uses: 0n },
        );
        expect(counted.map((one) => usageOf(rows, one, START))).toMatchObject([
          { id: "a", used: answers[0]!.amount.value, reserved: 0n },
          { id: "b", used: answers[0]!.amount.value, reserved: 0n },
          { id: "c", used: answers[0]!.uses, reserved: 0n },
        ]);
      }),
    );
  });

  test("nothing ends that was not reserved", () => {
    for (const event of [
      { type: "commit", id: "x", amount: msat(0n), at: START },
      { type: "release", id: "x", at: START },
    ] as const)
      expect(() => new Rows().apply(event)).toThrow(TypeError);
  });
});

test("an over-cap commit is recorded as it is, on every counter, and nothing is hidden [case 46]", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 100n }),
      fc.bigInt({ min: 0n, max: 10_000n }),
      (held, spent) => {
        const rows = new Rows();
        const counted = [limit("a", 100n), limit("b", 500n, MSAT, 60)];
        rows.apply({
          type: "reserve",
          reservation: { id: "r", at: START, amount: msat(held), uses: 1n, counted },
        });
        rows.apply({ type: "commit", id: "r", amount: msat(spent), at: START });
        for (const one of counted)
          expect(usageOf(rows, one, START)).toMatchObject({
            id: one.id,
            used: spent,
            reserved: 0n,
          });
        const next: Reservation = { id: "s", at: START, amount: msat(1n), uses: 1n, counted };
        const answer = rows.apply({ type: "reserve", reservation: next });
        expect(answer).toMatchObject({ reserved: spent < 100n });
      },
    ),
  );
});

describe("an amount counts in its own unit", () => {
  const BOTH = [limit("sats", 100n), limit("usd", 100n, DOLLARS)];
  const spend = (rows: Rows, id: string, amount: Amount) => {
    const reservation: Reservation = { id, at: START, amount, uses: 0n, counted: BOTH };
    const answer = rows.apply({ type: "reserve", reservation });
    rows.apply({ type: "commit", id, amount, at: START });
    return answer;
  };

  test.each<[string, Amount, bigint[]]>([
    ["a spend in dollars touches no counter of msat", dollars(60n), [0n, 60n]],
    ["a spend in msat touches no counter of dollars", msat(60n), [60n, 0n]],
  ])("%s", (_, amount, used) => {
    const rows = new Rows();
    expect(spend(rows, "r", amount)).toEqual({ reserved: true });
    expect(BOTH.map((one) => usageOf(rows, one, START).used)).toEqual(used);
    expect(rows.counters.size).toBe(1);
  });

  test("a budget that is spent in one unit refuses nothing in the other", () => {
    const rows = new Rows();
    spend(rows, "r", dollars(100n));
    const more = (id: string, amount: Amount) =>
      rows.apply({
        type: "reserve",
        reservation: { id, at: START, amount, uses: 0n, counted: BOTH },
      });
    expect(more("s", dollars(1n))).toMatchObject({ refused: [{ id: "usd", used: 100n }] });
    expect(more("t", msat(100n))).toEqual({ reserved: true });
  });

  test("a reservation is committed in its own unit, and in no other", () => {
    const rows = new Rows();
    const reservation = { id: "r", at: START, amount: dollars(10n), uses: 0n, counted: BOTH };
    rows.apply({ type: "reserve", reservation });
    expect(() => rows.apply({ type: "commit", id: "r", amount: msat(5n), at: START })).toThrow(
      "the reservation is in usd_micro, and the spend is in msat",
    );
    expect(usageOf(rows, BOTH[1]!, START)).toEqual({ id: "usd", used: 10n, reserved: 10n });
    expect(rows.apply({ type: "commit", id: "r", amount: dollars(5n), at: START })).toEqual({
      outcome: "committed",
      amount: dollars(5n),
      uses: 0n,
    });
  });
});

describe("an amount is within the bounds of its unit", () => {
  const MOST = { msat: 2_100_000_000_000_000_000n, usd_micro: 1_000_000_000_000_000_000n };
  const asked = (amount: Amount, uses = 0n) =>
    new Rows().apply({
      type: "reserve",
      reservation: { id: "r", at: START, amount, uses, counted: [] },
    });

  test.each(UNITS)("%s: 0 and the most are taken; -1 and one more are refused", (unit) => {
    for (const value of [0n, 1n, MOST[unit]])
      expect(asked({ unit, value })).toEqual({ reserved: true });
    for (const value of [-1n, MOST[unit] + 1n])
      expect(() => asked({ unit, value })).toThrow(
        `an amount in ${unit} is at least 0 and at most ${MOST[unit]}`,
      );
  });

  test("an unknown unit and a negative number of uses are refused", () => {
    expect(() => asked({ unit: "eur" as Unit, value: 1n })).toThrow("msat, usd_micro");
    expect(() => asked(msat(1n), -1n)).toThrow(TypeError);
  });
});

test("a refusal names every limit that has too little, and no other", () => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 20n }), { minLength: 1, maxLength: 8 }),
      (maxima) => {
        const counted = maxima.map((max, at) => limit(`l${at}`, max));
        const answer = new Rows().apply({
          type: "reserve",
          reservation: { id: "r", at: START, amount: msat(10n), uses: 1n, counted },
        });
        const lacking = counted
          .filter(({ max }) => max! < 10n)
          .map(({ id }) => ({ id, used: 0n, reserved: 0n }));
        expect(answer).toEqual(
          lacking.length === 0 ? { reserved: true } : { reserved: false, refused: lacking },
        );
      },
    ),
  );
});

test("an answer has nothing but what changed: a store writes that, and no more", () => {
  const rows = new Rows();
  const reservation: Reservation = {
    id: "r",
    at: START,
    amount: msat(5n),
    uses: 0n,
    counted: [limit("spend", 9n), limit("uses", 9n, USES)],
  };
  const keys = (result: Step<unknown>) => [...result.counters.keys()];
  expect(keys(step(rows, { type: "reserve", reservation }))).toEqual(["spend"]);
  rows.apply({ type: "reserve", reservation });
  expect(keys(step(rows, { type: "reserve", reservation }))).toEqual([]);
  expect(keys(step(rows, { type: "commit", id: "r", amount: msat(5n), at: START }))).toEqual([
    "spend",
  ]);
  rows.apply({ type: "commit", id: "r", amount: msat(5n), at: START });
  expect(step(rows, { type: "release", id: "r", at: START })).toEqual({
    counters: new Map(),
    journal: [],
    answer: { outcome: "committed", amount: msat(5n), uses: 0n },
  });
});
