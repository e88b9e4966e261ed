/** Honest services: a paywall in front of each, over an unreliable web. */
import { createHash } from "node:crypto";
import { Authority, authenticateFields, presentedIn } from "l8nt/l402";
import { Paywall, type Terms } from "l8nt/service";
import { acting } from "./schedule.ts";
import type { Site, Town } from "./town.ts";

export const secretOf = (who: string): string =>
  createHash("sha256").update(`the secret of ${who}`).digest("hex");

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
  const authority = new Authority({
    secret: secretOf(name),
    location: origin,
    clock: schedule.clock,
  });
  const paywall = new Paywall({
    authority,
    clock: schedule.clock,
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
          served: 0,
          refused: 0,
          handed: 0,
        });
        return text;
      },
    },
    ...terms,
  });
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
    answer: async (request) => {
      const found = await paywall.wellKnown(request);
      if (found !== undefined) return found;
      const paymentHash = presented(request);
      const decision = await paywall.authorize(request);
      if (!decision.granted) {
        if (paymentHash !== undefined) oracle.refused(paymentHash);
        return decision.response;
      }
      if (random.chance(weather.serviceError))
        return decision.settle(new Response("", { status: 503 }));
      oracle.served(acting.getStore()!, paymentHash!);
      return decision.settle(new Response(`served at ${origin}`));
    },
  };
}
