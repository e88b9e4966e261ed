/**
 * Times several ways of doing something in turn, round by round, so that a machine that slows down
 * slows all of them.
 */
import { median } from "./figure.ts";

/**
 * Does the work `count` times. It may return the milliseconds to count, without those of a
 * preparation.
 */
export type Work = (count: number) => number | void | Promise<void>;

const ROUNDS = 15;

/** Microseconds for each, by name: the median over the rounds, after two that warm up. */
export async function microseconds<Name extends string>(
  works: Readonly<Record<Name, readonly [count: number, work: Work]>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(works) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -2; round < ROUNDS; round++)
    for (const name of names) {
      const [count, work] = works[name];
      const start = performance.now();
      const measured = await work(count);
      const milliseconds = measured ?? performance.now() - start;
      if (round >= 0) times.get(name)!.push((milliseconds * 1000) / count);
    }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name)!)])) as Record<
    Name,
    number
  >;
}
