/**
 * Times several ways of doing something in turn, round by round, so that a machine that slows down
 * slows all of them.
 */
import { median } from "./figure.ts";

/**
 * Does the work `count` times. It may return the milliseconds to count, without those of a
 * preparation.
 */
export type Work = (count: number) => number | void | Promise<number | undefined> | Promise<void>;

const ROUNDS = 15;

/** Microseconds for each, by name: the median over the rounds, after two that warm up. */
export const microseconds = <Name extends string>(works: Works<Name>) =>
  timed(works, () => performance.now());

/**
 * The same in CPU time of this process, the garbage collector's threads included: others on the
 * machine change it far less.
 */
export const cpuMicroseconds = <Name extends string>(works: Works<Name>) => timed(works, cpuClock);

/**
 * As {@link cpuMicroseconds}, of the fastest round: what others do on the machine can only slow a
 * round down, and slows code that needs the caches more than it slows a signature.
 */
export const quietCpuMicroseconds = <Name extends string>(works: Works<Name>) =>
  timed(works, cpuClock, (times) => Math.min(...times));

const cpuClock = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The milliseconds of CPU that work takes. */
export function cpuMilliseconds(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

type Works<Name extends string> = Readonly<Record<Name, readonly [count: number, work: Work]>>;

async function timed<Name extends string>(
  works: Works<Name>,
  clock: () => number,
  pick: (times: readonly number[]) => number = median,
): Promise<Record<Name, number>> {
  const names = Object.keys(works) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -2; round < ROUNDS; round++)
    for (const name of names) {
      const [count, work] = works[name];
      const start = clock();
      const measured = await work(count);
      const milliseconds = measured ?? clock() - start;
      if (round >= 0) times.get(name)!.push((milliseconds * 1000) / count);
    }
  return Object.fromEntries(names.map((name) => [name, pick(times.get(name)!)])) as Record<
    Name,
    number
  >;
}
