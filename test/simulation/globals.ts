/**
 * What Sigil takes from its surroundings (randomness, timers), from the seed for as long as a world
 * runs.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { patience } from "../../packages/l8nt/src/client/retry.ts";
import { forgetNonces } from "../../packages/l8nt/src/internal/crypto.ts";
import type { Random } from "./random.ts";
import { living, type Schedule, type Timer } from "./schedule.ts";

interface Handle {
  readonly timer: Timer;
  unref(): void;
}

interface Interval {
  isOver: boolean;
  unref(): void;
}

const LEAST_INTERVAL_SECONDS = 10;

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
    // Not more often, because hours may pass in a world.
    replace(globalThis, "setInterval", (act: () => void, milliseconds: number) => {
      const life = living.getStore();
      const seconds = Math.max(LEAST_INTERVAL_SECONDS, milliseconds / 1000);
      const handle: Interval = { isOver: false, unref() {} };
      const resume = AsyncLocalStorage.bind(act);
      const next = (): void =>
        void schedule.later(seconds, "an interval", () => {
          if (handle.isOver || life?.isAlive === false) return;
          resume();
          next();
        });
      next();
      return handle;
    }),
    replace(globalThis, "clearInterval", (handle?: Interval) => {
      if (handle !== undefined) handle.isOver = true;
    }),
    replace(patience, "now", () => schedule.now * 1000),
    replace(patience, "random", () => random.unit()),
    replace(globalThis.crypto, "getRandomValues", (bytes: Uint8Array) => random.fill(bytes)),
  ];
  forgetNonces();
  return () => {
    for (const restore of replaced) restore();
    forgetNonces();
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
