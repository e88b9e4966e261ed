/** The cost of a tool call through a handle, and the bundle size of each adapter. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { SigilHandle, sigilFetch } from "l8nt/agents";
import { atMost, type Figure, plain } from "./figure.ts";
import { withServer } from "./paywall.ts";
import { microseconds } from "./rounds.ts";

const CALLS = 300;
const FOLDER = resolve(import.meta.dirname, "../packages/l8nt/src/frameworks");

export async function agents(): Promise<Figure[]> {
  const { handle: through, header } = await withServer(async ({ url, warm }) => {
    const handle = SigilHandle.open({ credential: warm });
    const headers = { authorization: `L402 ${warm}` };
    const target = `${url}/paid`;
    const read = async (response: Response) => {
      if (response.status !== 200)
        throw new Error(`the bench's call was answered ${response.status}`);
      await response.text();
    };
    return microseconds({
      header: [CALLS, (count) => repeat(count, async () => read(await fetch(target, { headers })))],
      handle: [
        CALLS,
        (count) => repeat(count, () => handle.run(async () => read(await sigilFetch(target)))),
      ],
    });
  });
  return [
    atMost(
      "a tool call through the handle",
      (through / header - 1) * 100,
      "%",
      10,
      "the same call with plain fetch and a static header, one after another, the same run: what is added",
    ),
    plain("a call with plain fetch and a static header", header, "µs", "median of 15 rounds"),
    ...sizes(),
  ];
}

async function repeat(count: number, call: () => Promise<void>): Promise<void> {
  for (let nth = 0; nth < count; nth++) await call();
}

function sizes(): readonly Figure[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .flatMap((file) => {
      const text = readFileSync(join(FOLDER, file), "utf8");
      return [
        plain(`frameworks/${file}`, text.split("\n").length - 1, "lines", "its source"),
        plain(`frameworks/${file}, gzip`, gzipSync(text).length, "bytes", "its source"),
      ];
    });
}
