/**
 * What Sigil takes from its surroundings (randomness, timers), from the seed for as long as a world
 * runs.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Random } from "./random.ts";
import type { Schedule, Timer } from "./schedule.ts";

interface Handle {
  readonly timer: Timer;
  unref(): void;
}

/** Returns a function that restores everything. Only one world may run at a time. */
export function takeOver(schedule: Schedule, random: Random): () => void {
  const later = (act: () => void, milliseconds = 0): Handle => {
    // As a real timer keeps it.
    const resume = AsyncLocalStorage.bind(act);
    return { timer: schedule.later(milliseconds / 1000, "a timer", resume), unref() {} };
  };
  const replaced = [
    replace(globalThis, "setTimeout", later),
    replace(globalThis, "clearTimeout", (handle?: Handle) => {
      if (handle !== undefined) schedule.cancel(handle.timer);
    }),
    replace(AbortSignal, "timeout", (milliseconds: number) => {
      const controller = new AbortController();
      later(() => controller.abort(), milliseconds);
      return controller.signal;
    }),
    replace(globalThis.crypto, "getRandomValues", (bytes: Uint8Array) => random.fill(bytes)),
  ];
  return () => {
    for (const restore of replaced) restore();
  };
}

function replace(owner: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) delete (owner as Record<string, unknown>)[name];
    else Object.defineProperty(owner, name, before);
  };
}
