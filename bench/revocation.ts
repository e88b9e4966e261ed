/**
 * How long after its acknowledgement a revocation holds at a second instance. Milliseconds, because
 * the limit is in them. [case 111]
 */

import {
  feedSource,
  followRevocations,
  REVOCATIONS_PATH,
  type RevocationSource,
  revocationFeed,
} from "l8nt/feed";
import { Authority } from "l8nt/l402";
import { serve } from "l8nt/node";
import { ReceiptSigner } from "l8nt/receipts";
import { MemoryStore } from "l8nt/stores/memory";
import { storeSource } from "../packages/l8nt/src/feed/source.ts";
import { atMost, type Figure, median, plain } from "./figure.ts";

const REVOCATIONS = 100;
const TARGET_MS = 1000;
const location = "https://api.example";
const secret = crypto.getRandomValues(new Uint8Array(32));

/** One that is not told when something is written, and so must look: the slowest that there is. */
export async function revocation(progress: (text: string) => void): Promise<Figure[]> {
  const store = new MemoryStore();
  const key = await ReceiptSigner.fromSeed(crypto.getRandomValues(new Uint8Array(32)));
  const served = await serve(revocationFeed(store, { key, location }));
  const feed = { url: served.url + REVOCATIONS_PATH, publicKey: key.publicKey };
  try {
    const figures: Figure[] = [];
    for (const [way, source] of [
      ["long-poll", feedSource({ ...feed, by: "poll" })],
      ["stream", feedSource({ ...feed, by: "stream" })],
      ["shared store", storeSource(store)],
    ] as const) {
      progress(`revocation: ${REVOCATIONS} by ${way}`);
      const delays = await delaysBy(store, source);
      figures.push(
        atMost(
          `from acknowledged revocation to refusal elsewhere, by ${way}, the longest of ${REVOCATIONS}`,
          Math.max(...delays),
          "ms",
          TARGET_MS,
          "the clock; a store that must be looked at",
        ),
        plain(`the same, median`, median(delays), "ms", "the clock"),
      );
    }
    return figures;
  } finally {
    await served.close();
  }
}

async function delaysBy(store: MemoryStore, source: RevocationSource): Promise<number[]> {
  const [first, second] = [
    new Authority({ secret, location }),
    new Authority({ secret, location }),
  ];
  const follower = followRevocations(second, source);
  await follower.reached();
  const delays: number[] = [];
  for (let count = 0; count < REVOCATIONS; count++) {
    const credential = first.minter.mint({ endpoints: [`GET ${location}/**`], expiresIn: "1h" });
    const access = { now: Date.now() / 1000, target: "self" } as const;
    const held = second.verifier.authenticate(credential);
    held.demand(access);
    const { id: nodeId } = first.verifier.authenticate(credential).node;
    // At any moment of the interval at which the log is looked at.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
    await store.addDirective({ kind: "revoke", nodeId, at: access.now });
    const acknowledged = performance.now();
    while (held.judge(access).length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    delays.push(performance.now() - acknowledged);
  }
  follower.stop();
  return delays;
}
