/** Honest services: a paywall in front of each, over an unreliable web. */
import { createHash } from "node:crypto";
import { Authority, authenticateFields, presentedIn } from "l8nt/l402";
import { Paywall, type Terms } from "l8nt/service";
import { untouched } from "./facts.ts";
import { acting } from "./schedule.ts";
import type { Site, Town } from "./town.ts";

export const secretOf = (who: string): string =>
  createHash("sha256").update(`the secret of ${who}`).digest("hex");

// The first paywall of a process draws a name for the process: not from the seed of a world.
new Paywall({ secret: secretOf("nobody"), location: "https://nobody.example" }).close();

interface Sale {
  readonly name: string;
  readonly terms: Terms;
  /** Requests that one payment serves; undefined for a pass. */
  readonly serves: number | undefined;
  readonly seconds: number;
}

const HOUR = 3600;
/**
 * One payment for one request, for three, for ten minutes, for four out of a prepaid budget; and
 * one that is dear.
 */
export const SALES: readonly Sale[] = [
  { name: "single", terms: { price: "10 sat" }, serves: 1, seconds: HOUR },
  {
    name: "three",
    terms: { price: "24 sat", grants: { uses: 3, endpoints: ["GET /*"] } },
    serves: 3,
    seconds: HOUR,
  },
  {
    name: "pass",
    terms: { price: "20 sat", grants: { validFor: "10m", endpoints: ["GET /*"] } },
    serves: undefined,
    seconds: 600,
  },
  {
    name: "prepaid",
    terms: { price: "5 sat", grants: { budget: "20 sat", endpoints: ["GET /*"] } },
    serves: 4,
    seconds: HOUR,
  },
  { name: "dear", terms: { price: "150 sat" }, serves: 1, seconds: HOUR },
];

/** A site of its own for one kind of sale. */
export function shop(town: Town, node: number, { name, terms, serves, seconds }: Sale): Site {
  const { schedule, random, weather, lightning, oracle } = town;
  const origin = `https://${name}.example`;
  const clock = town.clocks.of(origin);
  const authority = new Authority({
    secret: secretOf(name),
    location: origin,
    clock,
  });
  const paywall = new Paywall({
    authority,
    clock,
    challengesPerMinute: { perClient: 100_000, total: 100_000 },
    alarm: () => {},
    invoicer: {
      createInvoice: async ({ amountMsat, expirySeconds }) => {
        const { text, paymentHash, payee } = lightning.invoice(node, { amountMsat, expirySeconds });
        oracle.offered({
          paymentHash,
          origin,
          payee,
          amountMsat,
          isHonest: true,
          isPass: serves === undefined,
          until: Math.floor(schedule.now) + seconds,
          left: serves ?? Number.POSITIVE_INFINITY,
          ...untouched(),
        });
        return text;
      },
    },
    ...terms,
  });
  // One that does not know the field counts each request as a use of its own.
  const keepsAnswers = random.chance(0.5);
  const presented = (request: Request): string | undefined => {
    try {
      return authenticateFields(authority.verifier, presentedIn(request.headers))?.paymentHash;
    } catch {
      return undefined;
    }
  };

  return {
    origin,
    paths: ["/a", "/b"],
    answer: async (request, sender) => {
      const found = await paywall.wellKnown(request);
      if (found !== undefined) return found;
      const paymentHash = presented(request);
      if (!keepsAnswers) request.headers.delete("idempotency-key");
      const decision = await paywall.authorize(request);
      if (!decision.granted) {
        const isRefused = decision.response.status === 402;
        if (paymentHash !== undefined && isRefused) oracle.refused(paymentHash);
        return dated(decision.response);
      }
      const hangsUp = random.chance(weather.hangUp) ? random.pick(HANG_UPS) : undefined;
      const isServed = !random.chance(weather.serviceError);
      if (isServed) oracle.served(acting.getStore()!, paymentHash!, sender);
      const response = await decision.settle(
        isServed ? new Response(`served at ${origin}`) : new Response("", { status: 503 }),
      );
      if (hangsUp === undefined) return dated(response);
      schedule.note(`${name} hangs up ${hangsUp}${isServed ? "" : ", and did not serve"}`);
      if (hangsUp === "before the head") throw new TypeError("socket hang up");
      return dated(cutOff(response, hangsUp === "in the body" ? "serv" : ""));
    },
  };

  function dated(response: Response): Response {
    const headers = new Headers(response.headers);
    headers.set("date", new Date(clock() * 1000).toUTCString());
    return new Response(response.body, { status: response.status, headers });
  }
}

const HANG_UPS = ["before the head", "after the head", "in the body"] as const;

/** The response with a body that breaks off after its first part. */
export function cutOff({ status, headers }: Response, part: string): Response {
  const body = new ReadableStream<Uint8Array>({
    start(sink) {
      if (part !== "") sink.enqueue(new TextEncoder().encode(part));
    },
    pull(sink) {
      sink.error(new TypeError("terminated"));
    },
  });
  return new Response(body, { status, headers });
}
