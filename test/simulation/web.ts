/**
 * The web between an agent or a treasury and the sites: it delays, loses, and refuses. [case 75]
 */
import { Credential } from "l8nt";
import type { Goods } from "./facts.ts";
import { acting, type Life } from "./schedule.ts";
import { cutOff } from "./shops.ts";
import type { Sender, Town } from "./town.ts";

const GATEWAY_STATUSES = [502, 503, 504] as const;

/** A `fetch` of a process to the town's sites. What it has sent may arrive though it dies. */
export function webOf(
  town: Town,
  life: Life,
  { isAgent }: { readonly isAgent: boolean },
): typeof fetch {
  const { schedule, random, weather, oracle } = town;
  const seconds = () => {
    if (random.chance(weather.slow)) return random.between(5, 45);
    return random.chance(0.1) ? random.between(0.1, 2) : random.below(20) / 1000;
  };

  /** What a gateway has sent on arrives although the one that asked has its answer. */
  function serveLate(what: string, request: Request, sender: Sender): void {
    const { origin } = new URL(request.url);
    const deed = acting.getStore()!;
    oracle.atGateways++;
    schedule.later(random.between(0, 5), `the gateway's own ${what}`, () => {
      void acting.run(deed, async () => {
        try {
          await town.siteAt(origin).answer(request, { ...sender, isUnheard: true });
        } catch {
          // Nobody hears that the service hung up.
        } finally {
          oracle.atGateways--;
        }
      });
    });
  }

  return async (input, { signal, ...init } = {}) => {
    const request = new Request(input as URL | string, init);
    const { origin, pathname } = new URL(request.url);
    const what = `${request.method} ${origin}${pathname}`;
    const authorization = request.headers.get("authorization");
    const goods = authorization === null ? undefined : goodsOf(town, authorization);
    const deed = acting.getStore()!;
    const ended = endOf(signal);
    const failed = (): TypeError => {
      if (pathname.endsWith("/revocations")) deed.unrecalled.add(origin);
      return new TypeError("fetch failed");
    };
    const sender = { isAgent, sentAt: schedule.now };
    const arrive = () => town.siteAt(origin).answer(request, sender);
    const onKilled = () => {
      if (goods !== undefined) goods.givenUp++;
    };
    // A recall presents the credential to end what it gave.
    const isRecall = pathname.endsWith("/revocations");
    if (goods !== undefined && !isAgent && !isRecall) oracle.sending(deed);
    try {
      const onDeath = () => void acting.run(deed, arrive).catch(() => {});
      await Promise.race([
        schedule.turn(`→ ${what}${goods === undefined ? "" : " with a credential"}`, {
          life,
          seconds: seconds(),
          onDeath,
          onKilled,
        }),
        ended,
      ]);
      if (random.chance(weather.unreachable)) throw failed();
      if (random.chance(weather.gatewayLies)) {
        if (isRecall) deed.unrecalled.add(origin);
        if (goods !== undefined) goods.lost++;
        if (random.chance(0.7)) serveLate(what, request, sender);
        const lie = new Response("<h1>gateway</h1>", { status: random.pick(GATEWAY_STATUSES) });
        await Promise.race([
          schedule.turn(`← a gateway's ${lie.status} ${what}`, {
            life,
            seconds: seconds(),
            onKilled,
          }),
          ended,
        ]);
        return lie;
      }
      const response = await arrive();
      await Promise.race([
        schedule.turn(`← ${response.status} ${what}`, { life, seconds: seconds(), onKilled }),
        ended,
      ]);
      if (random.chance(weather.answerLost)) throw failed();
      if (random.chance(weather.answerCut)) {
        if (isRecall) deed.unrecalled.add(origin);
        if (goods !== undefined) goods.lost++;
        const cut = cutOff(response, random.pick(["", "half"]));
        return Object.defineProperty(cut, "url", { value: response.url });
      }
      // A body that breaks off has no answer in it.
      if (goods !== undefined && response.ok && (await isWhole(response))) goods.heard++;
      return response;
    } catch {
      if (goods !== undefined && signal?.aborted) goods.givenUp++;
      else if (goods !== undefined) goods.lost++;
      throw failed();
    }
  };
}

function goodsOf({ oracle }: Town, authorization: string): Goods | undefined {
  try {
    const { paymentHash } = Credential.parse(authorization.slice(authorization.indexOf(" ") + 1));
    return oracle.goods.get(paymentHash);
  } catch {
    return undefined;
  }
}

async function isWhole(response: Response): Promise<boolean> {
  try {
    await response.clone().text();
    return true;
  } catch {
    return false;
  }
}

export function endOf(signal: AbortSignal | null | undefined): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    if (signal?.aborted) reject(new Error("aborted"));
    signal?.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  });
  ended.catch(() => {});
  return ended;
}
