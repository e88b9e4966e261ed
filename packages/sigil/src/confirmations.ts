/** Which services confirmed a revocation, and by when the others end what they were handed. */
import type { OwnerClient } from "l8nt/owner";
import { dateText } from "./words.ts";

export interface Confirmations {
  /** How many services confirmed everything that they were told. */
  readonly confirmed: number;
  readonly pending: number;
  /** Unix seconds by which what the pending ones were handed has ended. */
  readonly until?: number;
}

const ASK_AGAIN_MS = 200;

/** Waits until every service confirmed, or `seconds` have passed. */
export async function confirmations(
  client: OwnerClient,
  node: string,
  seconds: number,
): Promise<Confirmations> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const recalls = await client.recalls(node, 1000);
    const origins = new Set(recalls.map(({ origin }) => origin));
    const unconfirmed = recalls.filter(({ state }) => state !== "confirmed");
    const open = unconfirmed.filter(({ state }) => state === "pending" || state === "unsupported");
    const pending = new Set(open.map(({ origin }) => origin)).size;
    const isOver = open.every(({ state }) => state === "unsupported") || Date.now() >= end;
    if (isOver)
      return {
        confirmed: origins.size - new Set(unconfirmed.map(({ origin }) => origin)).size,
        pending,
        ...(pending > 0 && { until: Math.max(...open.map(({ until }) => until)) }),
      };
    await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
  }
}

export function serviceText({ confirmed, pending, until }: Confirmations): string {
  const services = (count: number) => `${count} service${count === 1 ? "" : "s"}`;
  const lines = [
    ...(confirmed > 0 ? [`${services(confirmed)} confirmed it.`] : []),
    ...(until === undefined
      ? []
      : [
          `${services(pending)} did not confirm it yet; what was handed over there ends by ${dateText(until)} at the latest.`,
        ]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
