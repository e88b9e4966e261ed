/**
 * The connection between an agent and the treasury, with a proxy on it: it breaks before and inside
 * the answer, and gives up.
 */
import { Credential } from "l8nt";
import { watchWritten } from "../../packages/l8nt/src/http/written.ts";
import { type House, LOCATION } from "./house.ts";
import { acting, type Life } from "./schedule.ts";
import type { Town } from "./town.ts";
import { endOf } from "./web.ts";

const GATEWAY_STATUSES = [502, 503, 504] as const;

/** A `fetch` of an agent's process: to the treasury over the link, to everything else as given. */
export function linkOf(town: Town, house: House, life: Life, web: typeof fetch): typeof fetch {
  const { schedule, random, weather } = town;
  const seconds = () => (random.chance(0.1) ? random.between(0.1, 2) : random.below(10) / 1000);

  async function ask(request: Request, signal: AbortSignal | undefined): Promise<Response> {
    const what = `${request.method} ${new URL(request.url).pathname}`;
    const deed = acting.getStore()!;
    const hungUp = new AbortController();
    const hangUp = () => hungUp.abort();
    signal?.addEventListener("abort", hangUp, { once: true });
    life.death.catch(hangUp);
    const ended = endOf(signal);
    const turn = (label: string, wait: number, onDeath?: () => void) =>
      Promise.race([
        schedule.turn(`${label} ${what}`, {
          life,
          seconds: wait,
          ...(onDeath !== undefined && { onDeath }),
        }),
        ended,
      ]);
    const arrive = async (): Promise<Response> => {
      const { open } = house;
      if (open === undefined) throw refused();
      deed.atTreasury++;
      try {
        const asked = new Request(request, { signal: hungUp.signal });
        return await Promise.race([open.api(asked), open.life.death]);
      } finally {
        deed.atTreasury--;
      }
    };
    await turn("to the treasury:", seconds(), () => {
      void acting.run(deed, arrive).then(
        (response) => response.body?.cancel(),
        () => {},
      );
    });
    if (random.chance(weather.linkBroken / 4)) throw broken();
    const answering = arrive();
    answering.catch(() => {});
    if (random.chance(weather.gatewayGivesUp)) {
      // The proxy keeps its own connection, and throws the answer away.
      void answering.then(delivered, () => {});
      await turn("the proxy gives up on", random.between(0, 3));
      return new Response("<h1>gateway</h1>", { status: random.pick(GATEWAY_STATUSES) });
    }
    if (random.chance(weather.linkBroken / 2)) {
      await turn("the link breaks before", random.between(0, 3));
      hangUp();
      void answering.then(
        (response) => written(response, false),
        () => {},
      );
      throw broken();
    }
    let response: Response;
    try {
      response = await Promise.race([answering, ended]);
    } catch (error) {
      throw (error as { code?: string }).code === "ECONNREFUSED" ? error : broken();
    }
    const isCut = random.chance(weather.linkBroken / 4);
    if (isCut) hangUp();
    const [whole, reached] = await delivered(response, !isCut);
    await turn(isCut ? "the link cuts the answer to" : "answered", seconds());
    if (!reached) throw broken();
    note(whole);
    return whole;
  }

  /** Reads an answer of the treasury to its end, as a proxy does that buffers it. */
  async function delivered(
    response: Response,
    reaches = true,
  ): Promise<readonly [Response, boolean]> {
    const report = watchWritten(response);
    try {
      const body = await response.arrayBuffer();
      report?.(reaches);
      const { status, headers } = response;
      return [new Response(body, { status, headers }), reaches];
    } catch {
      report?.(false);
      return [response, false];
    }
  }

  function written(response: Response, reached: boolean): void {
    watchWritten(response)?.(reached);
    void response.body?.cancel().catch(() => {});
  }

  /** What the agent was handed. */
  function note(response: Response): void {
    void response
      .clone()
      .json()
      .then(
        ({ credential }: { credential?: string }) => {
          const { agent } = acting.getStore()!;
          if (typeof credential === "string" && agent !== undefined)
            town.oracle.handed(agent, Credential.parse(credential));
        },
        () => {},
      );
  }

  return async (input, init) => {
    const { signal, ...rest } = init ?? {};
    const request = new Request(input as URL | string, rest);
    if (new URL(request.url).origin !== LOCATION) return web(input, init);
    return ask(request, signal ?? undefined);
  };
}

const broken = (): TypeError => new TypeError("fetch failed");
const refused = (): TypeError =>
  Object.assign(new TypeError("fetch failed"), { code: "ECONNREFUSED" });
