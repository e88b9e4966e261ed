/**
 * The time, in Unix seconds (a fraction is allowed). Injected, so that a test or a simulation owns
 * it.
 */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now() / 1000;
