/**
 * How often what goes wrong: drawn once for each seed, so that some worlds are calm and some are
 * not.
 */
import type { Random } from "./random.ts";

/** Probabilities, each of one occasion. */
const WORST = {
  /** At each step. */
  crash: 0.004,
  /** Of a call of the store: before it is applied, and after. */
  storeRefuses: 0.02,
  storeForgetsToAnswer: 0.02,
  /** Of a payment. */
  notSent: 0.15,
  fails: 0.3,
  replyLost: 0.3,
  late: 0.3,
  stuck: 0.1,
  overFee: 0.04,
  wrongPreimage: 0.06,
  /** Of a look for a payment. */
  blind: 0.3,
  /** Of a request to a service. */
  unreachable: 0.1,
  answerLost: 0.15,
  /** The link breaks after the head of the answer. */
  answerCut: 0.1,
  /** A gateway before the service answers in its place: the service is never asked, or serves. */
  gatewayLies: 0.3,
  serviceError: 0.2,
  hangUp: 0.2,
  slow: 0.1,
  /** Of a request to the treasury. */
  linkBroken: 0.2,
  gatewayGivesUp: 0.15,
  /** Of a request: the agent's own time-out ends it. */
  agentGivesUp: 0.16,
  /** At each step, while an agent waits for something. */
  agentDies: 0.01,
  /** Of a payment that failed: it is made all the same, later. */
  paidAfterAll: 0.15,
  /** At each step: the clock of the treasury or of a service jumps. */
  clockJumps: 0.004,
  /** Of what an agent does. */
  floods: 0.06,
};

export type Weather = { -readonly [Fault in keyof typeof WORST]: number };

export function weatherOf(random: Random): Weather {
  const drawn = Object.entries(WORST).map(([fault, worst]) => [
    fault,
    random.chance(0.5) ? 0 : random.between(0, worst),
  ]);
  return Object.fromEntries(drawn) as Weather;
}

/** From now on nothing goes wrong. */
export function calm(weather: Weather): void {
  for (const fault of Object.keys(weather) as (keyof Weather)[]) weather[fault] = 0;
}
