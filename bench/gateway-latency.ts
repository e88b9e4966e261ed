/**
 * What the gateway adds to the first byte of a stream, and to a whole answer: one request at a
 * time, in turn with the same request to the vendor, so that both see the same machine.
 */
import type { Pool } from "undici";
import { atMost, type Figure, plain } from "./figure.ts";

const PAIRS = 1500;
const WARM = 200;

interface Way {
  readonly pool: Pool;
  readonly key: string;
}

/** Milliseconds. */
interface Taken {
  readonly first: number;
  readonly whole: number;
}

const ASKED = JSON.stringify({
  model: "gpt-test",
  max_tokens: 100,
  stream: true,
  user: "1 kB",
  messages: [{ role: "user", content: "What is the weather in Tokyo?" }],
});

async function ask({ pool, key }: Way): Promise<Taken> {
  const began = performance.now();
  const { statusCode, body } = await pool.request({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: ASKED,
  });
  let first: number | undefined;
  for await (const _part of body) first ??= performance.now() - began;
  if (statusCode !== 200 || first === undefined) throw new Error(`answered ${statusCode}`);
  return { first, whole: performance.now() - began };
}

export async function latencies(
  { direct, gateway }: { readonly direct: Way; readonly gateway: Way },
  progress: (text: string) => void,
): Promise<readonly Figure[]> {
  const taken = { direct: [] as Taken[], gateway: [] as Taken[] };
  for (let pair = -WARM; pair < PAIRS; pair++) {
    const alone = await ask(direct);
    const through = await ask(gateway);
    if (pair < 0) continue;
    taken.direct.push(alone);
    taken.gateway.push(through);
    if (pair % 500 === 0) progress(`gateway: ${pair} of ${PAIRS} first bytes`);
  }
  const at = (of: keyof typeof taken, what: keyof Taken, share: number): number =>
    taken[of].map((one) => one[what]).sort((a, b) => a - b)[Math.floor(share * PAIRS)]!;
  const added = (share: number): number =>
    at("gateway", "first", share) - at("direct", "first", share);
  const against = "the vendor asked directly, in turn, one request at a time, metered in SQLite";
  return [
    atMost("first byte of a stream, added, p50", added(0.5), "ms", 1, against),
    atMost("first byte of a stream, added, p99", added(0.99), "ms", 5, against),
    atMost(
      "p99 of a whole answer",
      at("gateway", "whole", 0.99) / at("direct", "whole", 0.99),
      "×",
      3,
      against,
    ),
    plain("p50 of a whole answer, directly", at("direct", "whole", 0.5), "ms", "-"),
    plain("p50 of a whole answer", at("gateway", "whole", 0.5), "ms", "-"),
    plain("p99 of a whole answer, directly", at("direct", "whole", 0.99), "ms", "-"),
    plain("p99 of a whole answer", at("gateway", "whole", 0.99), "ms", "-"),
  ];
}
