/** How much memory a gateway takes for many streams whose clients read slower than vendors send. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "undici";

export const STREAMS = 64;
export const SHORT_KILOBYTES = 1_000;
export const LONG_KILOBYTES = 10_000;
/** After each part that a client has read. */
const PAUSE_MS = 5;

interface Way {
  readonly child: ChildProcess;
  readonly pool: Pool;
  readonly key: string;
}

const asked = (kilobytes: number): string =>
  JSON.stringify({
    model: "gpt-test",
    max_tokens: 100,
    stream: true,
    user: `${kilobytes} kB`,
    messages: [{ role: "user", content: "hi" }],
  });

/** Bytes at the peak, as the system counts them. The process has served nothing before. */
export async function peakOfStreams({ child, pool, key }: Way, kilobytes: number): Promise<number> {
  const read = async (): Promise<void> => {
    const { statusCode, body } = await pool.request({
      method: "POST",
      path: "/v1/chat/completions",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: asked(kilobytes),
    });
    let bytes = 0;
    for await (const part of body) {
      bytes += (part as Buffer).length;
      await sleep(PAUSE_MS);
    }
    if (statusCode !== 200 || bytes < kilobytes * 900)
      throw new Error(`answered ${statusCode} and ${bytes} bytes`);
  };
  await Promise.all(Array.from({ length: STREAMS }, read));
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
  return Number(kibibytes) * 1024;
}
