/**
 * The web between an agent or a treasury and the sites: it delays, loses, and refuses. [case 75]
 */
import { acting, type Life } from "./schedule.ts";
import type { Town } from "./town.ts";

/** A `fetch` to the town's sites. What a process has sent may arrive though it dies. */
export function webOf(town: Town, life: Life | undefined): typeof fetch {
  const { schedule, random, weather } = town;
  const wait = life === undefined ? {} : { life };
  const seconds = () => {
    if (random.chance(weather.slow)) return random.between(5, 45);
    return random.chance(0.1) ? random.between(0.1, 2) : random.below(20) / 1000;
  };
  const isLost = (probability: number) => random.chance(probability);

  return async (input, { signal, ...init } = {}) => {
    const request = new Request(input as URL | string, init);
    const { origin, pathname } = new URL(request.url);
    const what = `${request.method} ${origin}${pathname}`;
    const isPaid = request.headers.has("authorization");
    const deed = acting.getStore()!;
    const ended = endOf(signal);
    const failed = (): TypeError => {
      if (pathname.endsWith("/revocations")) deed.unrecalled.add(origin);
      return new TypeError("fetch failed");
    };
    const arrive = () => town.siteAt(origin).answer(request);
    if (isPaid && life !== undefined) town.oracle.sending(deed);
    try {
      const onDeath = () => void acting.run(deed, arrive).catch(() => {});
      await Promise.race([
        schedule.turn(`→ ${what}${isPaid ? " with a credential" : ""}`, {
          ...wait,
          seconds: seconds(),
          onDeath,
        }),
        ended,
      ]);
      if (isLost(weather.unreachable)) throw failed();
      const response = await arrive();
      await Promise.race([
        schedule.turn(`← ${response.status} ${what}`, { ...wait, seconds: seconds() }),
        ended,
      ]);
      if (isLost(weather.answerLost)) throw failed();
      return response;
    } catch {
      throw failed();
    }
  };
}

function endOf(signal: AbortSignal | null | undefined): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    if (signal?.aborted) reject(new Error("aborted"));
    signal?.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  });
  ended.catch(() => {});
  return ended;
}
