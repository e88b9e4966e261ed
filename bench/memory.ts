/**
 * Whether a treasury's memory stays flat: 100,000 purchases by 10,000 live nodes, at its daemon on
 * SQLite.
 */
import { readFileSync } from "node:fs";
import { Credential } from "l8nt";
import { atMost, type Figure, plain } from "./figure.ts";
import { buy, openTown } from "./treasury-town.ts";

const NODES = 10_000;
const CALLERS = 32;
/** `SIGIL_BENCH_PURCHASES` makes a shorter run, which then says so. */
const PURCHASES = Number(process.env.SIGIL_BENCH_PURCHASES ?? 100_000);
const MEBIBYTE = 1024 * 1024;

export async function memory(progress: (text: string) => void): Promise<Figure[]> {
  const town = await openTown();
  try {
    const root = Credential.parse(town.credential);
    const agents = Array.from({ length: NODES }, (_, at) =>
      root.delegate({ agent: `a${at}` }).toString(),
    );
    let bought = 0;
    const run = async (until: number) => {
      await Promise.all(
        Array.from({ length: CALLERS }, async () => {
          while (bought < until) {
            const at = bought++;
            await buy(town, agents[at % NODES]!, `/item/${at}`);
            if (at % 5000 === 0)
              progress(`memory: ${at} of ${PURCHASES} purchases, ${mebibytes(town.pid)} MiB`);
          }
        }),
      );
    };
    // Every node is known and every cache is as full as it gets after a fifth: from there it must
    // not grow.
    const beginning = mebibytes(town.pid);
    await run(PURCHASES / 5);
    const early = mebibytes(town.pid);
    await run(PURCHASES);
    const late = mebibytes(town.pid);
    return [
      atMost(
        `RSS after ${PURCHASES} purchases by ${NODES} nodes`,
        late / early,
        "×",
        1.2,
        "RSS after a fifth of them",
      ),
      plain("RSS at the start", beginning * MEBIBYTE, "bytes", "-"),
      plain("RSS after a fifth", early * MEBIBYTE, "bytes", "-"),
      plain("RSS at the end", late * MEBIBYTE, "bytes", "-"),
    ];
  } finally {
    await town.stop();
  }
}

/** As the system counts it. */
function mebibytes(pid: number): number {
  const [, kibibytes] =
    /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kibibytes) / 1024);
}
