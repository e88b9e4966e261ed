/** What the client weighs in a browser. */
import { browserBudgetBytes, browserBundle } from "../scripts/browser-bundle.ts";
import { atMost, type Figure, plain } from "./figure.ts";

export async function bundle(): Promise<Figure[]> {
  const { gzipBytes, faults, ...others } = await browserBundle();
  const serverCode = faults.filter((fault) => !fault.includes("gzipped"));
  return [
    atMost(
      "client entry, bundled, minified, gzipped, in one file",
      gzipBytes,
      "bytes",
      browserBudgetBytes,
      "-",
    ),
    atMost("server code in it", serverCode.length, "lines", 0, "the bundle's own list of inputs"),
    ...Object.entries(others).map(([name, value]) =>
      plain(`client entry: ${name}`, value as number, "bytes", "-"),
    ),
  ];
}
